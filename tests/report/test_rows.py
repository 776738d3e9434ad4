"""Groups, the worst elements and quantiles in row formats and in JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES

import losscli

X, Y = "1,2,6", "0,0,0"


# The columns of a loss in row formats.
HEADER = "loss,reduction,value,count,ignored,weight_sum,samples,ci_low,ci_high"


# 3 ± t · sqrt(7/3), with t = 4.302652729749 for 2 degrees of freedom.
HALF = 4.302652729749 * math.sqrt(7 / 3)


SEGMENTATION = [
    str(SAMPLES / "segmentation_logits.npy"),
    str(SAMPLES / "segmentation_labels.npy"),
    "--ignore-index",
    "255",
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("part,x,y\nb,1,0\na,2,0\nb,6,0\n")
    return path


class TestFormats:
    """Groups, the worst elements and quantiles."""

    def test_groups(self, run: Any, table: Path) -> None:
        words = ["l1", table, "-i", "x", "-t", "y", "--by", "part", "-q"]
        # b has the losses 1 and 6: 3.5 ± 12.7062 · 2.5
        loss, groups = (part.splitlines() for part in run(*words)[1].split("\n\n"))
        assert loss[0] == HEADER.replace(",", "\t")
        *cells, low, high = loss[1].split("\t")
        assert cells == ["l1", "mean", "3.0", "3", "0", "3.0", "3"]
        # losses 1, 2 and 6: 3 ± 4.30265 · sqrt(7 / 3)
        assert float(high) - 3.0 == pytest.approx(4.302652729911 * (7 / 3) ** 0.5)
        assert 3.0 - float(low) == pytest.approx(4.302652729911 * (7 / 3) ** 0.5)
        assert groups[0].split("\t") == [
            *("part", "value", "ci_low", "ci_high", "count", "samples", "share", "sum")
        ]
        name, value, low, high, *counts = groups[1].split("\t")
        assert (name, value, counts) == ("b", "3.5", ["2", "2", repr(7 / 9), "7.0"])
        assert float(high) - 3.5 == pytest.approx(12.706204736 * 2.5)
        assert 3.5 - float(low) == pytest.approx(12.706204736 * 2.5)
        assert groups[2] == f"a\t2.0\t\t\t1\t1\t{2 / 9!r}\t2.0"
        found = json.loads(run(*words, "-f", "json")[1])
        assert found["by"] == ["part"]
        assert [one["group"] for one in found["groups"]] == ["b", "a"]
        assert found["groups"][1] == {
            "group": "a",
            "value": 2.0,
            "ci": None,
            "count": 1,
            "samples": 1,
            "share": 2 / 9,
            "sum": 2.0,
        }
        loss, *lines = [json.loads(line) for line in run(*words, "-f", "jsonl")[1].splitlines()]
        assert (loss["loss"], loss["value"]) == ("l1", 3.0)
        assert [line["part"] for line in lines] == ["b", "a"]
        in_csv = run(*words, "-f", "csv")[1].splitlines()
        assert (in_csv[0], in_csv[2], in_csv[5]) == (HEADER, "", f"a,2.0,,,1,1,{2 / 9!r},2.0")
        assert "| a | 2.0000 |" in run(*words, "-f", "markdown")[1]

    def test_the_worst(self, run: Any) -> None:
        _, top = run("l1", X, Y, "--top", 2)[1].split("\n\n")
        assert top == "index\ttarget\tloss\n2\t0.0\t6.0\n1\t0.0\t2.0\n"
        found = json.loads(run("ce", *SEGMENTATION, "--top", 1, "-f", "json")[1])
        [worst] = found["top"]
        losses = losscli.cross_entropy(
            *map(np.load, SEGMENTATION[:2]), ignore_index=255, reduction="none"
        )
        assert tuple(worst["index"]) == np.unravel_index(losses.argmax(), losses.shape)
        assert worst["loss"] == losses.max()
        x = np.load(SEGMENTATION[0])
        n, h, w = worst["index"]
        assert worst["predicted"] == x[n, :, h, w].argmax()

    def test_quantiles_and_a_histogram(self, run: Any) -> None:
        code, out, _ = run("l1", X, Y, "--quantiles", "0,0.5,1", "--histogram")
        _, first, second = out.split("\n\n")
        header, low, middle, high = first.splitlines()
        assert (code, header, low, high) == (0, "quantile\tloss", "0\t1.0", "1\t6.0")
        assert float(middle.split("\t")[1]) == pytest.approx(2.0, rel=1e-3)
        assert second.splitlines()[0] == "from\tto\tcount"
        assert sum(int(line.split("\t")[2]) for line in second.splitlines()[1:]) == 3

    def test_accuracy(self, run: Any) -> None:
        out = run("ce", *SEGMENTATION, "--accuracy", "-f", "json")[1]
        x, y = map(np.load, SEGMENTATION[:2])
        hits = (x.argmax(axis=1) == y)[y != 255]
        assert json.loads(out)["accuracy"] == hits.mean()
        header, row = run("ce", *SEGMENTATION, "--accuracy", "-f", "csv")[1].splitlines()
        assert header == f"{HEADER},accuracy"
        assert float(row.split(",")[-1]) == hits.mean()

    def test_a_line_of_json(self, run: Any) -> None:
        [line] = run("l1", X, Y, "-f", "jsonl")[1].splitlines()
        found = json.loads(line)
        assert found["value"] == 3.0
        assert found["ci"] == pytest.approx([3 - HALF, 3 + HALF])
        assert run("l1", X, Y, "-r", "none", "-f", "jsonl")[1].splitlines() == [
            '{"index": 0, "target": 0.0, "loss": 1.0}',
            '{"index": 1, "target": 0.0, "loss": 2.0}',
            '{"index": 2, "target": 0.0, "loss": 6.0}',
        ]

    def test_rows_of_nothing_have_their_header(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((0, 3)))
        words = ["mse", tmp_path / "x.npy", tmp_path / "x.npy", "-r", "none", "-f"]
        assert run(*words, "csv")[1] == "index_0,index_1,loss\n"
        assert run(*words, "markdown")[1].startswith("| index_0 | index_1 | loss |\n")

    def test_groups_of_a_member(self, run: Any, tmp_path: Path) -> None:
        arrays = {"x": [1.0, 2.0, 6.0], "y": [0.0] * 3, "g": [7, 8, 7]}
        np.savez(tmp_path / "t.npz", **{name: np.array(one) for name, one in arrays.items()})
        words = ["l1", tmp_path / "t.npz", "-i", "x", "-t", "y", "--by", "g", "-f", "json", "-q"]
        groups = json.loads(run(*words)[1])["groups"]
        assert [(one["group"], one["value"]) for one in groups] == [(7, 3.5), (8, 2.0)]
