"""Columns that options name, and their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from losscli import evaluate
from losscli.errors import DataError


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def write_parquet(path: Path, **columns: Any) -> Path:
    pa.parquet.write_table(pa.table(columns), path)
    return path


class TestColumns:
    TABLE = "a,id,b,label\n1.5,10,2.5,0\n3.5,11,4.5,1\n"

    @pytest.fixture
    def table(self, tmp_path: Path) -> Path:
        return write_csv(tmp_path / "t.csv", self.TABLE)

    def columns_of(self, *arguments: Any, **parameters: Any) -> Any:
        result = evaluate("cross-entropy", *arguments, target_column="label", **parameters)
        return result.inputs[0].columns

    def test_names_keep_their_order(self, table: Path) -> None:
        assert self.columns_of(table, input_column="b,a") == ("b", "a")
        assert self.columns_of(table, input_column=["b", "a"]) == ("b", "a")

    def test_a_glob_keeps_the_order_of_the_file(self, table: Path) -> None:
        assert self.columns_of(table, input_column="[ab]") == ("a", "b")
        assert self.columns_of(table, input_column="b,?") == ("b", "a")

    def test_a_glob_leaves_out_what_another_array_takes(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "l0,l1,label\n1.5,2.5,0\n")
        assert self.columns_of(table, input_column="l*") == ("l0", "l1")

    def test_columns_of_a_stem_are_taken_and_named(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "id,c0,age,c1,label\n7,1.5,30,2.5,0\n")
        assert self.columns_of(table) == ("c0", "c1")
        result = evaluate("cross-entropy", table, target_column="label")
        assert result.notes == (f"input: used columns c0, c1 of {table}; left out: age",)

    def test_a_name_with_a_comma(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", '"a,b",c,label\n1.5,2.5,0\n')
        assert self.columns_of(table, input_column=["a,b", "c"]) == ("a,b", "c")

    def test_a_missing_name(self, table: Path) -> None:
        with pytest.raises(DataError, match="no column 'c' for -i; .*a, id"):
            self.columns_of(table, input_column="a,c")

    def test_a_name_that_stands_twice(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "a,a,label\n1.5,2.5,0\n")
        with pytest.raises(DataError, match="several columns are named 'a'"):
            self.columns_of(table, input_column="a")

    def test_text(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "a,b,label\n1.5,cat,0\n")
        with pytest.raises(DataError, match=":2: column 'b': expected a number, found 'cat'"):
            self.columns_of(table, input_column="a,b")

    def test_two_lists(self, tmp_path: Path) -> None:
        table = write_parquet(tmp_path / "t.parquet", a=[[1.0]], b=[[2.0]], label=[0])
        with pytest.raises(DataError, match="any of a, b could be the input. Use -i a or -i b"):
            self.columns_of(table)

    def test_one_column_is_no_row_of_classes(self, table: Path) -> None:
        with pytest.raises(DataError, match="input is a single column.*use losscli bce"):
            self.columns_of(table, input_column="a")
