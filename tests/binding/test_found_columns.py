"""Columns that losscli detects, and the notes on them."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from predictions import (
    arrow,
    csv_text,
    json_lines,
    parquet,
    safetensors,
)

import losscli
from losscli import evaluate
from losscli.errors import DataError


def test_columns_left_out_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,c0,c1,label\nhello,0.5,1.5,1\n")
    [note] = evaluate("ce", tmp_path / "t.csv").notes
    assert note.endswith("left out: text")


class TestOneRow:
    """Tables whose number of rows is known only at the end, with arrays of one row."""

    ONE = pa.table({"x": [1.0], "y": [3], "w": [2.0]})
    FIVE = pa.concat_tables([ONE] * 5)
    UNCOUNTED: ClassVar = {
        "csv": csv_text,
        "tsv": partial(csv_text, delimiter="\t"),
        "jsonl": json_lines,
        "arrows": partial(arrow, new=pa.ipc.new_stream),
    }

    @pytest.fixture(params=UNCOUNTED)
    def files(self, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
        """A file with one row, and a file with five rows."""
        write = self.UNCOUNTED[request.param]
        one, five = (tmp_path / f"{name}.{request.param}" for name in ("one", "five"))
        one.write_bytes(write(self.ONE))
        five.write_bytes(write(self.FIVE))
        return one, five

    def test_with_a_weight(self, files: tuple[Path, Path]) -> None:
        one, five = files
        for weight in ([2.0], one):
            more = {"weight": weight} | ({"weight_column": "w"} if weight is one else {})
            assert evaluate("mse", one, [3.0], input_column="x", **more).value == 4.0
            assert evaluate("mse", [1.0], one, target_column="y", **more).value == 4.0
            with pytest.raises(DataError, match=r"input has 5 rows, target has 1 row,"):
                evaluate("mse", five, [3.0], input_column="x", **more)
            with pytest.raises(DataError, match=r"input has 1 row, target has 5 rows"):
                evaluate("mse", [1.0], five, target_column="y", **more)

    @pytest.mark.parametrize("loss", ["cross-entropy", "multi-margin"])
    def test_as_the_target_of_one_row_of_classes(self, loss: str, files: tuple[Path, Path]) -> None:
        one, five = files
        x = [0.5, -1.0, 0.25, 2.0]
        expected = getattr(losscli, loss.replace("-", "_"))(x, 3)
        assert evaluate(loss, x, one, target_column="y").value == expected
        with pytest.raises(DataError, match=r"five\.\w+: target has 5 rows; expected 1"):
            evaluate(loss, x, five, target_column="y")

    def test_as_the_target_of_one_pair_of_vectors(self, files: tuple[Path, Path]) -> None:
        one, five = files
        pair = ([1.0, 0.0], [0.0, 1.0])
        assert evaluate("cosine-embedding", *pair, one, target_column="x").value == 1.0
        with pytest.raises(DataError, match="target has 5 rows; expected 1"):
            evaluate("cosine-embedding", *pair, five, target_column="x")

    def test_as_the_mask_of_a_single_element(self, files: tuple[Path, Path]) -> None:
        one, five = files
        found = evaluate("ce", [0.0, 0.0], 1, mask=one, mask_column="x")
        assert found.value == pytest.approx(math.log(2), rel=1e-15)
        with pytest.raises(DataError, match="mask has 5 rows; expected 1"):
            evaluate("ce", [0.0, 0.0], 1, mask=five, mask_column="x")

    @pytest.mark.parametrize("suffix", ["npz", "safetensors"])
    def test_of_classes_in_a_file_of_arrays(self, suffix: str, tmp_path: Path) -> None:
        """-log softmax of [0, log 3] is [log 4, log 4/3]. PyTorch also accepts (C) and (C)."""
        arrays = {
            "x": np.array([0.0, math.log(3)]),
            "y": np.array(1),
            "q": np.array([0.25, 0.75]),
            "x1": np.array([1.5]),
            "q1": np.array([0.5]),
        }
        path = tmp_path / f"t.{suffix}"
        if suffix == "npz":
            np.savez(path, **arrays)
        else:
            path.write_bytes(safetensors(**arrays))

        def ce(x: str, y: str) -> float | None:
            return evaluate("ce", path, path, input_column=x, target_column=y).value

        assert ce("x", "y") == pytest.approx(math.log(4 / 3), rel=1e-14)
        assert ce("x", "q") == pytest.approx(math.log(4) / 4 + 3 * math.log(4 / 3) / 4, rel=1e-14)
        assert ce("x1", "q1") == 0.0

    @pytest.mark.parametrize("suffix", ["jsonl", "arrows", "parquet"])
    def test_sequences_of_one_step_have_none_left_to_judge(
        self, suffix: str, tmp_path: Path
    ) -> None:
        table = pa.table({"x": [[[1.0, 2.0]], [[1.0, 3.0]]], "y": [[1], [0]]})
        write = {**self.UNCOUNTED, "parquet": parquet}[suffix]
        path = tmp_path / f"t.{suffix}"
        path.write_bytes(write(table))
        found = evaluate("ce", path, input_column="x", target_column="y", shift=True)
        assert (found.count, found.shape) == (0, (0,))
        assert found.warnings == ("the result is NaN: the input is empty",)


def test_targets_without_a_usual_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,kind\n0.5,1.5,0\n")
    with pytest.raises(DataError, match="no column is clearly the target.*Use -t"):
        evaluate("ce", tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b,label,target\n0.5,1.5,0,1\n")
    with pytest.raises(DataError, match="label, target could be the target. Use -t label or"):
        evaluate("ce", tmp_path / "t.csv")


def test_further_arrays_are_found_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("mean,target,var\n0.5,1.5,4\n")
    found = evaluate("gaussian-nll", tmp_path / "t.csv", input_column="mean")
    assert found.value == losscli.gaussian_nll([0.5], [1.5], [4.0])
