"""CSV and JSON lines: blank lines, quotes, chunks, places in messages, and files that change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from losscli import evaluate
from losscli.errors import DataError, UsageError


def l1(path: Path, text: str | bytes, **options: Any) -> list[float]:
    """The loss of each row of a table of text."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    wanted = {"input_column": "x", "target_column": "y", "reduction": "none"}
    values: list[float] = evaluate("l1", path, **(wanted | options)).values.tolist()
    return values


@pytest.mark.parametrize("delimiter", ["é", "😀", '"', "\n", "\r", "::", ""])
def test_a_delimiter_that_cannot_be_one(delimiter: str, run: Any) -> None:
    code, out, err = run("l1", "x.csv", "y.csv", "--delimiter", delimiter)
    assert (code, out) == (2, "")
    assert "expected one character of ASCII, or tab" in err


def test_a_delimiter_is_any_other_character(tmp_path: Path) -> None:
    assert l1(tmp_path / "t.csv", "x#y\n1#2\n", delimiter="#") == [1.0]
    with pytest.raises(UsageError, match="delimiter is 'é'"):
        l1(tmp_path / "t.csv", "x,y\n1,2\n", delimiter="é")


class TestListsThatAreMissing:
    """The first row that has a list tells how long lists are."""

    def parquet(self, path: Path, missing: int) -> Path:
        x = [None] * missing + [[1.0, 2.0], [3.0, 4.0], None, [1.0, 1.0]]
        y = [[0.0, 0.0]] * missing + [[0.0, 0.0], [3.0, 5.0], [0.0, 0.0], [0.0, 1.0]]
        table = pa.table({"x": pa.array(x, pa.list_(pa.float64())), "y": y})
        pa.parquet.write_table(table, path / "t.parquet", row_group_size=100)
        return path / "t.parquet"

    @pytest.mark.parametrize("missing", [0, 1, 3, 1000])
    def test_are_skipped(self, missing: int, tmp_path: Path) -> None:
        path = self.parquet(tmp_path, missing)
        result = evaluate(
            "l1", path, input_column="x", target_column="y", reduction="sum", skip_missing=True
        )
        assert (result.value, result.count) == (1 + 2 + 0 + 1 + 1 + 0, 6)

    def test_are_named(self, tmp_path: Path) -> None:
        path = self.parquet(tmp_path, 3)
        expected = r"row 0, column 'x': found no list, expected one of 2 as in row 3; --skip-mis"
        with pytest.raises(DataError, match=expected):
            evaluate("l1", path, input_column="x", target_column="y")

    def test_in_every_row(self, tmp_path: Path) -> None:
        table = pa.table({"x": pa.array([None] * 5, pa.list_(pa.float64())), "y": [[1.0]] * 5})
        pa.parquet.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(DataError, match="row 0, column 'x': found no list"):
            evaluate("l1", tmp_path / "t.parquet", input_column="x", target_column="y")
