"""Tables: rows in many blocks, lists, missing values, and the positions of invalid rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from tables import save_table

from losscli import evaluate
from losscli.errors import DataError
from losscli.evaluation import blocks


def save(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def write_parquet(path: Path, **columns: Any) -> Path:
    pa.parquet.write_table(pa.table(columns), path)
    return path


class TestTables:
    def test_csv_rows_that_come_in_many_blocks(self, tmp_path: Path) -> None:
        values = np.arange(300_000) / 8
        path = write_csv(tmp_path / "t.csv", "x,y\n" + "".join(f"{v},0\n" for v in values))
        result = evaluate("l1", path, input_column="x", target_column="y", reduction="sum")
        assert result.value == values.sum()
        assert result.count == 300_000

    def test_whole_numbers_first_and_fractions_much_later(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.csv", "x,y\n" + "1,0\n" * 500_000 + "0.5,0\n")
        result = evaluate("l1", path, input_column="x", target_column="y", reduction="sum")
        assert result.value == 500_000.5

    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            ("oops,0", r":4: column 'x': expected a number, found 'oops'"),
            (",0", r":4: column 'x': expected a number, found no value"),
            ("NA,0", r":4: column 'x': expected a number, found no value"),
            ("1.5", r":4: expected 2 columns as in the first line, found 1"),
            ("1.5,0,2", r":4: expected 2 columns as in the first line, found 3"),
        ],
    )
    def test_a_bad_row_of_csv_is_named(self, row: str, expected: str, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.csv", f"x,y\n1.5,0\n2.5,0\n{row}\n")
        with pytest.raises(DataError, match=f"t.csv{expected}"):
            evaluate("l1", path, input_column="x", target_column="y")

    def test_a_bad_cell_far_down(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.csv", "x,y\n" + "1.5,0\n" * 400_000 + "oops,0\n")
        with pytest.raises(DataError, match=":400002: column 'x': expected a number, found 'oops'"):
            evaluate("l1", path, input_column="x", target_column="y")

    def test_nan_and_infinity_are_numbers(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.csv", "x,y\nnan,0\n-inf,0\nNaN,0\n")
        result = evaluate("l1", path, input_column="x", target_column="y", reduction="none")
        np.testing.assert_array_equal(result.values, [np.nan, np.inf, np.nan])

    @pytest.mark.parametrize("text", ["", "x,y\n"])
    def test_csv_without_rows(self, text: str, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.csv", text)
        if text:
            assert evaluate("l1", path, input_column="x", target_column="y").count == 0
        else:
            with pytest.raises(DataError, match="t.csv: the file is empty"):
                evaluate("l1", path, input_column="x", target_column="y")

    @pytest.mark.parametrize("loss", ["mse", "ce", "bce", "nll"])
    @pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv"])
    def test_text_without_rows(self, suffix: str, loss: str, run: Any, tmp_path: Path) -> None:
        """An error or the mean of no elements, and similarly for `inspect`."""
        path = tmp_path / f"t.{suffix}"
        schema = pa.schema([("x", pa.float64()), ("t", pa.string())])
        save_table(path, schema.empty_table())
        code, out, err = run(loss, path, "-i", "x", "-t", "t", "-q")
        assert (code, out) in ((0, "nan\n"), (1, ""))
        assert len(err.splitlines()) == 1
        assert "internal error" not in err
        assert run("inspect", path)[0] == 0

    def test_a_mark_of_byte_order_and_line_ends_of_windows(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_bytes(b"\xef\xbb\xbfx,y\r\n1.5,1\r\n")
        assert evaluate("l1", path, input_column="x", target_column="y").value == 0.5

    @pytest.mark.parametrize(
        ("kind", "dtype"),
        [
            (pa.list_(pa.float32()), np.float32),
            (pa.large_list(pa.float64()), np.float64),
            (pa.list_(pa.float16(), 2), np.float16),
        ],
    )
    def test_lists_are_rows_of_logits(self, kind: Any, dtype: Any, tmp_path: Path) -> None:
        rows = np.array([[-0.5, -1.0], [-2.5, -0.125], [-1.0, 0.0]], dtype)
        logits = pa.array(list(rows), kind)
        path = write_parquet(tmp_path / "t.parquet", logits=logits, label=[0, 1, 1])
        found = evaluate("nll", path, target_column="label", reduction="none")
        np.testing.assert_array_equal(found.values, [0.5, 0.125, 0.0])
        assert found.inputs[0].shape == (3, 2)

    def test_many_row_groups(self, tmp_path: Path) -> None:
        values = np.arange(100_000, dtype=np.float32)
        table = pa.table({"x": values, "y": np.zeros(100_000)})
        pa.parquet.write_table(table, tmp_path / "t.parquet", row_group_size=777)
        result = evaluate(
            "l1", tmp_path / "t.parquet", input_column="x", target_column="y", reduction="sum"
        )
        assert result.value == values.sum(dtype=float)

    @pytest.mark.parametrize(
        ("lists", "expected"),
        [
            ([[1.0, 2.0], [1.0]], "row 1, column 'x': expected a list of 2.*, found a list of 1"),
            ([[1.0, 2.0], None], "row 1, column 'x': expected a list of 2.*, found no list"),
            (
                [[1.0, 2.0], [1.0, None]],
                "row 1, column 'x': expected numbers, found a list with a missing value",
            ),
        ],
    )
    def test_uneven_lists(self, lists: Any, expected: str, tmp_path: Path) -> None:
        path = write_parquet(tmp_path / "t.parquet", x=pa.array(lists), y=[0, 1])
        with pytest.raises(DataError, match=f"t.parquet: {expected}"):
            evaluate("nll", path, target_column="y")

    def test_a_missing_value(self, tmp_path: Path) -> None:
        path = write_parquet(tmp_path / "t.parquet", x=[1.0, 2.0, None], y=[0.0, 1.0, 2.0])
        with pytest.raises(DataError, match="row 2, column 'x': expected a number, found no value"):
            evaluate("l1", path, input_column="x", target_column="y")

    def test_not_parquet(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.parquet", "x,y\n1,2\n")
        with pytest.raises(DataError, match="t.parquet: not a readable Parquet file"):
            evaluate("l1", path, input_column="x", target_column="y")

    def test_damaged_pages(self, tmp_path: Path) -> None:
        path = write_parquet(tmp_path / "t.parquet", x=np.arange(9999.0), y=np.zeros(9999))
        content = bytearray(path.read_bytes())
        content[50:5000] = bytes(4950)
        path.write_bytes(content)
        with pytest.raises(DataError, match="t.parquet: damaged Parquet file"):
            evaluate("l1", path, input_column="x", target_column="y")

    @pytest.mark.parametrize(("rows", "labels"), [(4, 3), (3, 4), (0, 3), (3, 0)])
    def test_numbers_of_rows_that_differ(self, rows: int, labels: int, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "c0,c1\n" + "-0.5,-1.0\n" * rows)
        target = save(tmp_path / "y.npy", np.zeros(labels, dtype=int))
        with pytest.raises(DataError, match=f"input has {rows} rows, target has {labels} rows"):
            evaluate("nll", table, target)

    def test_a_wide_row_is_cut_and_decoded_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(blocks, "BLOCK_VALUES", 10)
        values = np.arange(60.0).reshape(2, 30)
        path = write_parquet(tmp_path / "t.parquet", x=list(values))
        found = evaluate("l1", path, np.zeros((2, 30)), reduction="none")
        np.testing.assert_array_equal(found.values, values)

    def test_weights_from_a_table(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "x,y,w\n1.5,1,1\n2.5,1,3\n")
        columns = {"input_column": "x", "target_column": "y", "weight_column": "w"}
        assert evaluate("l1", table, **columns).value == (0.5 + 3 * 1.5) / 4
        classes = write_csv(tmp_path / "w.csv", "w\n1\n3\n")
        logs = np.array([[-1.0, -2.0], [-4.0, -3.0]])
        assert evaluate("nll", logs, [0, 1], weight=classes).value == (1 + 9) / 4
