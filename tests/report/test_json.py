"""JSON: all documented keys, strictly valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES

import losscli

SEGMENTATION = ["segmentation_logits.npy", "segmentation_labels.npy"]


pytestmark = pytest.mark.usefixtures("samples")


def strict_json(text: str) -> Any:
    """Parse JSON, and reject NaN and Infinity, which Python accepts."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


class TestJson:
    def test_all_that_is_promised(self, run: Any) -> None:
        words = ["--ignore-index", "255", "--label-smoothing", "0.1", "-w", "1,2,3", "-f", "json"]
        code, out, _ = run("ce", *SEGMENTATION, *words)
        found = strict_json(out)
        x, y = map(np.load, SEGMENTATION)
        value = losscli.cross_entropy(x, y, ignore_index=255, label_smoothing=0.1, weight=[1, 2, 3])
        inner = y[y != 255]
        assert code == 0
        low, high = found.pop("ci")
        assert (low + high) / 2 == pytest.approx(value, rel=1e-14)
        assert found == {
            "loss": "cross-entropy",
            "reduction": "mean",
            "value": value,
            "perplexity": None,
            "rmse": None,
            "bits": None,
            "reference": None,
            "shape": [24, 8, 8],
            "count": inner.size,
            "ignored": y.size - inner.size,
            "skipped": 0,
            "samples": 24,
            "weight_sum": float(np.array([1.0, 2.0, 3.0])[inner].sum()),
            "options": {
                "ignore_index": [255],
                "label_smoothing": 0.1,
                "from": "logits",
                "clip": None,
                "class_base": 0,
                "temperature": None,
                "class_axis": None,
                "shift": False,
            },
            "inputs": [
                {
                    "role": "input",
                    "path": "segmentation_logits.npy",
                    "bytes": (SAMPLES / "segmentation_logits.npy").stat().st_size,
                    "shape": [24, 3, 8, 8],
                    "dtype": "float32",
                    "columns": None,
                    "files": [],
                    "sha256": None,
                },
                {
                    "role": "target",
                    "path": "segmentation_labels.npy",
                    "bytes": (SAMPLES / "segmentation_labels.npy").stat().st_size,
                    "shape": [24, 8, 8],
                    "dtype": "uint8",
                    "columns": None,
                    "files": [],
                    "sha256": None,
                },
                {
                    "role": "weight",
                    "path": None,
                    "bytes": 24,
                    "shape": [3],
                    "dtype": "float64",
                    "columns": None,
                    "files": [],
                    "sha256": None,
                },
            ],
            "pairing": "position",
            "classes": None,
            "notes": [
                "the mean is divided by the sum of the weights "
                f"({np.array([1, 2, 3])[inner].sum()}), not by the number of elements "
                f"({inner.size})"
            ],
            "warnings": [],
            "signature": "loss:cross-entropy|reduction:mean|ignore-index:255|label-smoothing:0.1|"
            f"weight:(3,)|count:864|ignored:672|dtype:float32+uint8|losscli:{losscli.__version__}",
            "version": losscli.__version__,
        }

    def test_columns_are_listed(self, run: Any) -> None:
        found = strict_json(run("mse", "diabetes.csv", "-t", "measured", "-f", "json")[1])
        assert [one["columns"] for one in found["inputs"]] == [["predicted"], ["measured"]]

    def test_losses_in_c_order_beside_their_shape(self, run: Any) -> None:
        words = ["--ignore-index", "255", "-r", "none"]
        found = strict_json(run("ce", *SEGMENTATION, *words, "-f", "json")[1])
        expected = losscli.cross_entropy(
            *map(np.load, SEGMENTATION), ignore_index=255, reduction="none"
        )
        assert found["value"] is None
        assert found["shape"] == [24, 8, 8]
        np.testing.assert_array_equal(np.reshape(found["values"], found["shape"]), expected)

    def test_numbers_that_json_has_no_word_for(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [np.nan, np.inf, -np.inf, 1.0])
        found = strict_json(
            run("bce-with-logits", tmp_path / "x.npy", "1,0,1,1", "-r", "none", "-f", "json")[1]
        )
        assert found["values"][:3] == ["NaN", "Infinity", "NaN"]
        found = strict_json(run("mse", tmp_path / "x.npy", "0,0,0,0", "-f", "json")[1])
        assert found["value"] == "NaN"
        assert found["warnings"] == [
            "the result is NaN: the loss of 1 element is NaN, first at [0]",
            "the loss of 2 elements is infinite, first at [1]",
        ]

    def test_no_losses_at_all(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((0, 3)))
        np.save(tmp_path / "y.npy", np.zeros(0, dtype=int))
        words = [tmp_path / "x.npy", tmp_path / "y.npy", "-f", "json"]
        assert strict_json(run("nll", *words, "-r", "none")[1])["values"] == []
        assert strict_json(run("nll", *words)[1])["value"] == "NaN"
        assert run("nll", *words[:2], "-r", "none") == (0, "", "")
