"""Rows that are sequences, and shifted steps."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

import losscli
from losscli import evaluate
from losscli.errors import DataError


def json_lines(table: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink, **options)
    return sink.getvalue()


class TestSequences:
    LENGTHS = (3, 1, 5, 2)

    def sequences(self) -> tuple[list[Any], list[Any]]:
        rng = np.random.default_rng(1)
        logits = [rng.normal(size=(size, 4)) for size in self.LENGTHS]
        return logits, [rng.integers(4, size=size) for size in self.LENGTHS]

    def table(self) -> pa.Table:
        logits, labels = self.sequences()
        nested = pa.array([row.tolist() for row in logits], pa.list_(pa.list_(pa.float64())))
        return pa.table({"logits": nested, "labels": [list(row) for row in labels]})

    @pytest.mark.parametrize("write", [parquet, json_lines])
    def test_steps_are_elements_and_rows_samples(self, write: Any, tmp_path: Path) -> None:
        suffix = "parquet" if write is parquet else "jsonl"
        path = tmp_path / f"t.{suffix}"
        path.write_bytes(write(self.table()))
        logits, labels = map(np.concatenate, self.sequences())
        found = evaluate("ce", path, reduction="none")
        expected = losscli.cross_entropy(logits, labels, reduction="none")
        np.testing.assert_allclose(found.values, expected, rtol=1e-13)
        assert (found.count, found.samples) == (11, 4)

    def test_shifted(self, tmp_path: Path) -> None:
        path = tmp_path / "t.parquet"
        path.write_bytes(parquet(self.table()))
        logits, labels = self.sequences()
        expected = losscli.cross_entropy(
            np.concatenate([row[:-1] for row in logits]),
            np.concatenate([row[1:] for row in labels]),
            reduction="none",
        )
        found = evaluate("ce", path, shift=True, reduction="none")
        np.testing.assert_allclose(found.values, expected, rtol=1e-13)

    def test_in_two_files(self, tmp_path: Path) -> None:
        table = self.table()
        pa.parquet.write_table(table.select(["logits"]), tmp_path / "x.parquet")
        pa.parquet.write_table(table.select(["labels"]), tmp_path / "y.parquet")
        paths = tmp_path / "x.parquet", tmp_path / "y.parquet"
        assert evaluate("ce", *paths).value == pytest.approx(
            losscli.cross_entropy(*map(np.concatenate, self.sequences())), rel=1e-13
        )
        labels = [list(row) for row in self.sequences()[1]]
        labels[1], labels[3] = labels[3], labels[1]  # the same number of steps, in other rows
        pa.parquet.write_table(pa.table({"labels": labels}), tmp_path / "y.parquet")
        with pytest.raises(
            DataError, match="row 1: input and target have sequences of different lengths"
        ):
            evaluate("ce", *paths)

    def test_targets_without_lists_in_another_file(self, tmp_path: Path) -> None:
        pa.parquet.write_table(self.table().select(["logits"]), tmp_path / "x.parquet")
        pa.parquet.write_table(pa.table({"labels": [0, 1, 2, 3]}), tmp_path / "y.parquet")
        with pytest.raises(
            DataError, match="y.parquet: expected a list in each row, since the rows of another"
        ):
            evaluate("ce", tmp_path / "x.parquet", tmp_path / "y.parquet")

    def test_lists_in_lists_in_lists(self, tmp_path: Path) -> None:
        table = pa.table({"pred": [[[[0.5]]]], "y": [[[[1.5]]]]})
        pa.parquet.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(DataError, match="column 'pred': expected numbers, found list"):
            evaluate("mse", tmp_path / "t.parquet", input_column="pred", target_column="y")

    def test_rows_that_disagree(self, tmp_path: Path) -> None:
        labels = [list(row) for row in self.sequences()[1]]
        labels[2] = labels[2][:-1]
        table = self.table().set_column(1, "labels", pa.array(labels))
        pa.parquet.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(
            DataError,
            match="row 2: expected sequences of equal length, found 5 in column 'logits' and 4 in",
        ):
            evaluate("ce", tmp_path / "t.parquet")


class TestShift:
    def test_of_an_array(self) -> None:
        x = np.random.default_rng(0).normal(size=(3, 6, 4))
        y = np.random.default_rng(1).integers(4, size=(3, 6))
        expected = losscli.cross_entropy(
            x[:, :-1].reshape(-1, 4), y[:, 1:].ravel(), reduction="none"
        ).reshape(3, 5)
        found = losscli.cross_entropy(x, y, class_axis=-1, shift=True, reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        mask = np.random.default_rng(2).integers(2, size=(3, 6))
        kept = losscli.cross_entropy(x, y, class_axis=-1, shift=True, mask=mask, reduction="sum")
        assert kept == pytest.approx(expected[mask[:, 1:] == 1].sum(), rel=1e-14)

    def test_a_bad_target_is_named_where_it_stands(self) -> None:
        y = np.zeros((2, 4), dtype=int)
        y[1, 3] = 9
        with pytest.raises(DataError, match=r"target at \[1, 3\] is 9"):
            losscli.cross_entropy(np.zeros((2, 4, 3)), y, class_axis=-1, shift=True)

    def test_without_steps(self) -> None:
        with pytest.raises(DataError, match="has no step axis of known size"):
            losscli.cross_entropy([1.0, 2.0], 0, shift=True)
