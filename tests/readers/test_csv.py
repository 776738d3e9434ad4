"""CSV: headers, delimiters, missing values and words among numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli import Wanted, evaluate
from losscli.cli.text import is_numbers
from losscli.errors import DataError
from losscli.readers.files.dialect import is_number

X = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40) % 3
EXPECTED = losscli.cross_entropy(X, Y)


@given(st.text(alphabet=" \t\n\x0b\x1e\x85\u2003\u0661\uff1109.,eE+-naif_"))
def test_what_looks_like_a_number_is_one(text: str) -> None:
    """Python's float accepts other blanks and digits than regular expressions do."""
    if is_number(text):
        float(text)
    if is_numbers(text):
        [float(part) for part in text.split(",")]


def test_blanks_and_digits_that_are_no_numbers() -> None:
    assert not any(map(is_number, ["\x1e1", "\u0661", "1\x85"]))
    assert not any(map(is_numbers, ["\x1e1", "\u0661,1", "1\x85"]))


class TestCsv:
    def write(self, path: Path, text: str) -> Path:
        path.write_text(text)
        return path

    def test_without_a_header(self, tmp_path: Path) -> None:
        np.savetxt(tmp_path / "x.txt", X)
        np.savetxt(tmp_path / "y.csv", Y + 1, fmt="%d")
        found = evaluate("ce", tmp_path / "x.txt", tmp_path / "y.csv", class_base=1)
        assert found.value == pytest.approx(EXPECTED, rel=1e-6)
        assert found.count == 40
        assert "x.txt: the first line contains only numbers and is read as data" in found.notes[0]
        assert found.inputs[0].columns == ("0", "1", "2")

    def test_names_that_pandas_gives(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "x.csv", "0,1\n0.5,1.5\n")
        found = evaluate("ce", path, [1])
        assert found.count == 1
        assert found.notes[0] == (
            f"{path}: read the first line, 0,1, as column names, since the rows contain '0.5', "
            "which is not a whole number. Use --no-header to read it as data."
        )
        assert evaluate("ce", path, [1, 0], header=False).count == 2

    @pytest.mark.parametrize("fraction", ["1.0", "1e3", "nan", "-inf", ".5"])
    @pytest.mark.parametrize("before", ["", "2,3\n" * 5000])
    def test_numbers_written_by_pandas(self, fraction: str, before: str, tmp_path: Path) -> None:
        """A header of whole numbers above a first block that contains a float."""
        path = self.write(tmp_path / "x.csv", f"0,1\n{before}{fraction},4\n")
        found = evaluate("l1", path, 0.0, input_column="0,1")
        assert found.shape == (before.count("\n") + 1, 2)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("0,1\n2,3\n", "0,1"),
            ("0,1\n2,\n,NA\n", "0,1"),
            ("0,1,2\n7,cat,3\n", "0,1,2"),
            ("0,1\n", "0,1"),
            (",".join(map(str, range(300))) + "\n" + ",".join(["5"] * 300), "0,1,...,299"),
        ],
    )
    def test_names_that_may_be_a_row_are_asked_about(
        self, text: str, line: str, run: Run, tmp_path: Path
    ) -> None:
        path = self.write(tmp_path / "x.csv", text)
        code, out, err = run("mse", path, "1")
        assert (code, out) == (1, "")
        assert err == (
            f"losscli: error: {path}: the first line, {line}, may be column names or values. Use "
            "--header or --no-header.\n"
        )

    def test_other_numbers_in_the_first_line_are_data(self, tmp_path: Path) -> None:
        for first in ("1,2", "0,2", "0.0,1.0", "1,0", "0,1.5"):
            path = self.write(tmp_path / "x.csv", f"{first}\n0.5,0.5\n")
            found = evaluate("l1", path, np.zeros((2, 2)))
            assert (found.count, found.notes[0].endswith("and is read as data")) == (4, True), first

    def test_columns_without_a_name_are_called_as_pandas_calls_them(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "t.csv", ",x,,Unnamed: 2\n7,1.5,0.5,9\n")
        for column, value in {
            "Unnamed: 0": 7,
            "x": 1.5,
            "Unnamed: 2.1": 0.5,
            "Unnamed: 2": 9,
        }.items():
            assert evaluate("l1", path, [0.0], input_column=column).value == value
        found = evaluate("l1", path, [0.0], input_column="x", wanted=Wanted(by=("Unnamed: 0",)))
        assert [one.labels for one in found.groups or ()] == [("7",)]

    def test_an_index_column_of_pandas_is_not_taken(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "x.csv", ",c0,c1,label\n0,0.5,1.5,1\n1,2.5,0.5,0\n")
        assert evaluate("ce", path).inputs[0].columns == ("c0", "c1")

    def test_one_0_may_be_either(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "y.csv", "0\n1\n")
        with pytest.raises(
            DataError, match="line, 0, may be column names or values. Use --header or --no"
        ):
            evaluate("l1", [0.0, 0.0], path)
        assert evaluate("l1", [0.0, 0.0], path, header=False).value == 0.5
        assert evaluate("l1", [0.0], path, header=True).value == 1.0

    def test_a_delimiter_that_is_said(self, tmp_path: Path) -> None:
        path = self.write(tmp_path / "x.csv", "a:b\n1.5:0\n")
        found = evaluate("l1", path, input_column="a", target_column="b", delimiter=":")
        assert found.value == 1.5

    def test_thousands_of_columns(self, tmp_path: Path) -> None:
        wide = np.random.default_rng(0).normal(size=(3, 5000))
        header = ",".join(f"c{i}" for i in range(5000))
        path = tmp_path / "x.csv"
        np.savetxt(path, wide, delimiter=",", header=header, comments="")
        found = evaluate("ce", path, [1, 2, 3], reduction="none")
        expected = losscli.cross_entropy(wide, [1, 2, 3], reduction="none")
        np.testing.assert_allclose(found.values, expected, rtol=1e-12)

    def test_utf_16_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-16")
        with pytest.raises(DataError, match=r"x.csv: the file is not UTF-8 text.*iconv"):
            evaluate("l1", tmp_path / "x.csv", [0])

    def test_binary_files_are_not_called_utf_16(self, tmp_path: Path) -> None:
        """MATLAB and DuckDB files."""
        for name, begin in (("x.mat", b"MATLAB 5.0 MAT-file, Platform"), ("x.duckdb", b"DUCK")):
            (tmp_path / name).write_bytes(bytes(8) + begin + bytes(range(256)) * 4)
            with pytest.raises(DataError, match="found binary data in an unsupported format"):
                evaluate("l1", tmp_path / name, [0])

    def test_decimal_commas_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("ds;y\n2024;0,5\n2025;1,5\n")
        with pytest.raises(DataError, match=r"x.csv:2: column 'y': .*Save the file with decimal p"):
            evaluate("l1", tmp_path / "x.csv", [0, 0], input_column="y")


def test_a_word_among_numbers_does_not_leave_its_column_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("c0,c1,c2,y\n1.5,2.5,3.5,0\n4.5,oops,6.5,1\n")
    with pytest.raises(DataError, match=":3: column 'c1': expected a number, found 'oops'"):
        evaluate("ce", tmp_path / "t.csv")


def test_names_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"p\xe9,label\n0.5,1\n")
    with pytest.raises(DataError, match="a column name is not UTF-8"):
        evaluate("bce", tmp_path / "t.csv")


class TestMissing:
    ROWS = "c0,c1,label\n0.5,1.5,1\nNA,0.5,0\n2.5,,1\n1.5,0.5,0\n"

    def test_a_row_is_named_or_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text(self.ROWS)
        with pytest.raises(
            DataError,
            match="t.csv:3: column .c0.: expected a number, found no value.*--skip-missing",
        ):
            evaluate("ce", path)
        found = evaluate("ce", path, skip_missing=True)
        assert found.value == losscli.cross_entropy([[0.5, 1.5], [1.5, 0.5]], [1, 0])
        assert (found.count, found.ignored) == (2, 2)

    def test_a_row_that_another_file_lacks(self, tmp_path: Path) -> None:
        pa.parquet.write_table(
            pa.table({"x": [[1.0, 2.0], None, [3.0, None], [4.0, 0.0]]}), tmp_path / "x.parquet"
        )
        pa.parquet.write_table(pa.table({"y": [0, 1, 1, None]}), tmp_path / "y.parquet")
        found = evaluate("ce", tmp_path / "x.parquet", tmp_path / "y.parquet", skip_missing=True)
        assert found.value == losscli.cross_entropy([[1.0, 2.0]], [0])
        assert (found.count, found.ignored) == (1, 3)
