"""Files: what is read, in which order, in how little memory, and what is said of a bad one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from losscli import engine, evaluate
from losscli.errors import DataError
from losscli.readers import AS_THEY_ARE
from losscli.readers.shards import open_files

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "float32", "float64", "longdouble"]


def save(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def write_parquet(path: Path, **columns: Any) -> Path:
    pa.parquet.write_table(pa.table(columns), path)
    return path


def open_file(path: Path) -> Any:
    return open_files([str(path)], AS_THEY_ARE)


class TestNpy:
    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("byte_order", ["<", ">"])
    @pytest.mark.parametrize("name", [*INTEGERS, *FLOATS, "bool"])
    def test_every_real_type(self, name: str, byte_order: str, order: Any, tmp_path: Path) -> None:
        array = np.arange(6).reshape(2, 3).astype(np.dtype(name).newbyteorder(byte_order))
        path = save(tmp_path / "x.npy", np.asarray(array, order=order))
        # 0 + 1 + ... + 5, and for bool five times True
        expected = 5.0 if name == "bool" else 15.0
        assert evaluate("l1", path, np.zeros((2, 3)), reduction="sum").value == expected

    @given(data=st.data())
    def test_any_box_of_any_layout(self, data: Any, tmp_path_factory: Any) -> None:
        shape = data.draw(npst.array_shapes(min_dims=1, max_dims=4, max_side=6))
        array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
        box = tuple(
            slice(*sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))))
            for size in shape
        )
        order = data.draw(st.sampled_from("CF"))
        path = save(tmp_path_factory.mktemp("npy") / "x.npy", np.asarray(array, order=order))
        source: Any = open_file(path)
        found = source.read(box)
        source.close()
        np.testing.assert_array_equal(found, array[box])

    def test_a_large_column_major_array_is_read_column_by_column(self, tmp_path: Path) -> None:
        """Beyond the sizes at which a box is read with what lies between."""
        array = np.arange(400_000, dtype=np.float64).reshape(100_000, 4)
        source: Any = open_file(save(tmp_path / "x.npy", np.asfortranarray(array)))
        box = (slice(50_000, 50_010), slice(1, 3))
        np.testing.assert_array_equal(source.read(box), array[box])
        source.close()

    @pytest.mark.parametrize(
        ("array", "found"),
        [
            (np.zeros(2, dtype=complex), "complex numbers"),
            (np.array(["a", "b"]), "text"),
            (np.array([b"a"]), "text"),
            (np.zeros(2, dtype=[("a", float)]), "records"),
            (np.zeros(2, dtype="datetime64[s]"), "datetime64"),
        ],
    )
    def test_what_is_not_a_real_number_is_refused(
        self, array: Any, found: str, tmp_path: Path
    ) -> None:
        path = save(tmp_path / "x.npy", array)
        with pytest.raises(DataError, match=f"x.npy: found {found}.*expected real numbers"):
            evaluate("l1", path, [0.0, 0.0])

    def test_objects_are_never_unpickled(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npy", np.array([{}], dtype=object))
        with pytest.raises(DataError, match="x.npy: found Python objects"):
            evaluate("l1", path, [0.0])

    def test_a_file_cut_short(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npy", np.zeros(1000))
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(
            DataError, match="x.npy: the file ends at byte 8120.* 1000 elements of float64"
        ):
            evaluate("l1", path, np.zeros(1000))

    def test_a_file_cut_short_while_it_is_read(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npy", np.zeros(1000))
        source: Any = open_file(path)
        path.write_bytes(path.read_bytes()[:4000])
        with pytest.raises(DataError, match="x.npy: the file ends at byte 4000.* 1000 elements"):
            source.read((slice(0, 1000),))
        source.close()

    @pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array"])
    def test_not_an_array(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "x.npy"
        path.write_bytes(content)
        with pytest.raises(DataError, match="x.npy: not a readable .npy array"):
            evaluate("l1", path, [0.0])

    def test_columns_of_an_array(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npy", np.zeros(3))
        with pytest.raises(DataError, match="has no columns .-i"):
            evaluate("l1", path, np.zeros(3), input_column="a")


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
        assert result.notes == (f"input: took columns c0, c1 of {table}; left out: age",)

    def test_a_name_with_a_comma(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", '"a,b",c,label\n1.5,2.5,0\n')
        assert self.columns_of(table, input_column=["a,b", "c"]) == ("a,b", "c")

    def test_a_missing_name(self, table: Path) -> None:
        with pytest.raises(DataError, match="found no column 'c' for -i; .*a, id"):
            self.columns_of(table, input_column="a,c")

    def test_a_name_that_stands_twice(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "a,a,label\n1.5,2.5,0\n")
        with pytest.raises(DataError, match="several columns are named 'a'"):
            self.columns_of(table, input_column="a")

    def test_text(self, tmp_path: Path) -> None:
        table = write_csv(tmp_path / "t.csv", "a,b,label\n1.5,cat,0\n")
        with pytest.raises(DataError, match="line 2, column 'b': found 'cat', expected a number"):
            self.columns_of(table, input_column="a,b")

    def test_two_lists(self, tmp_path: Path) -> None:
        table = write_parquet(tmp_path / "t.parquet", a=[[1.0]], b=[[2.0]], label=[0])
        with pytest.raises(DataError, match="any of a, b could be the input. Use -i a or -i b"):
            self.columns_of(table)

    def test_one_column_is_no_row_of_classes(self, table: Path) -> None:
        with pytest.raises(DataError, match="input is a single column.*the command bce"):
            self.columns_of(table, input_column="a")


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
            ("oops,0", r"line 4, column 'x': found 'oops', expected a number"),
            (",0", r"row 2, column 'x': found no value, expected a number"),
            ("NA,0", r"row 2, column 'x': found no value"),
            ("1.5", r"line 4: found 1 cells, expected 2 as in the first line"),
            ("1.5,0,2", r"line 4: found 3 cells, expected 2"),
        ],
    )
    def test_a_bad_row_of_csv_is_named(self, row: str, expected: str, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.csv", f"x,y\n1.5,0\n2.5,0\n{row}\n")
        with pytest.raises(DataError, match=f"t.csv: {expected}"):
            evaluate("l1", path, input_column="x", target_column="y")

    def test_a_bad_cell_far_down(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "t.csv", "x,y\n" + "1.5,0\n" * 400_000 + "oops,0\n")
        with pytest.raises(DataError, match="line 400002, column 'x': found 'oops'"):
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
            ([[1.0, 2.0], [1.0]], "row 1, column 'x': found a list of 1, expected one of 2"),
            ([[1.0, 2.0], None], "row 1, column 'x': found no list, expected one of 2"),
            ([[1.0, 2.0], [1.0, None]], "row 1, column 'x': found a list with a missing value"),
        ],
    )
    def test_uneven_lists(self, lists: Any, expected: str, tmp_path: Path) -> None:
        path = write_parquet(tmp_path / "t.parquet", x=pa.array(lists), y=[0, 1])
        with pytest.raises(DataError, match=f"t.parquet: {expected}"):
            evaluate("nll", path, target_column="y")

    def test_a_missing_value(self, tmp_path: Path) -> None:
        path = write_parquet(tmp_path / "t.parquet", x=[1.0, 2.0, None], y=[0.0, 1.0, 2.0])
        with pytest.raises(DataError, match="row 2, column 'x': found no value"):
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
        monkeypatch.setattr(engine, "BLOCK_VALUES", 10)
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


class TestPaths:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="none.npy: No such file or directory"):
            evaluate("l1", tmp_path / "none.npy", [0.0])

    def test_a_directory(self, tmp_path: Path) -> None:
        (tmp_path / "x.npy").mkdir()
        with pytest.raises(
            DataError, match="x.npy: found no file in this directory that can be read"
        ):
            evaluate("l1", tmp_path / "x.npy", [0.0])

    def test_a_path_as_text_and_an_upper_case_suffix(self, tmp_path: Path) -> None:
        path = tmp_path / "X.NPY"
        with path.open("wb") as file:
            np.save(file, np.ones(2))
        assert evaluate("l1", str(path), [0.0, 0.0]).value == 1.0


# The peak of the process itself; getrusage would count its parent before the program was loaded.
MEASURE = """
import re, sys
from pathlib import Path
from losscli.cli import main
assert main(sys.argv[1:]) == 0
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_the_file(order: str, tmp_path: Path) -> None:
    """A file of 1 GB, mostly a hole on the disk, in less than 200 MiB."""
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": order == "F", "shape": (250_000, 1000)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 1_000_000_000)
    labels = save(tmp_path / "y.npy", np.zeros(250_000, dtype=np.int64))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, "cross-entropy", str(path), str(labels)],
        capture_output=True,
        text=True,
        check=True,
    )
    loss, peak = run.stdout.split()
    assert float(loss) == pytest.approx(np.log(1000), rel=1e-12)
    assert int(peak) < 200
