"""NumPy arrays of every type and layout, any box of them, and files that are not arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from losscli import evaluate
from losscli.errors import DataError
from losscli.readers import AS_THEY_ARE
from losscli.readers.files.shards import open_files
from losscli.source import Source

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "float32", "float64", "longdouble"]


def save(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


def open_file(path: Path) -> Source:
    return open_files([str(path)], AS_THEY_ARE).array(None, "")


class TestNpy:
    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("byte_order", ["<", ">"])
    @pytest.mark.parametrize("name", [*INTEGERS, *FLOATS, "bool"])
    def test_every_real_type(self, name: str, byte_order: str, order: Any, tmp_path: Path) -> None:
        array = np.arange(6).reshape(2, 3).astype(np.dtype(name).newbyteorder(byte_order))
        path = save(tmp_path / "x.npy", np.asarray(array, order=order))
        # 0 + 1 + ... + 5, or for bool five times True
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
        source = open_file(path)
        found = source.read(box)
        source.close()
        np.testing.assert_array_equal(found, array[box])

    @pytest.mark.parametrize("order", ["C", "F"])
    def test_entries_are_read_as_they_are_taken_from_whole_rows(
        self, order: Any, tmp_path: Path
    ) -> None:
        array = np.arange(21.0).reshape(7, 3) / 4
        source = open_file(save(tmp_path / "x.npy", np.asarray(array, order=order)))
        columns = np.array([2, 0, 1])
        assert source.can_take
        assert source.take(3, columns).tolist() == [2.75, 3.0, 4.0]  # 11/4, 12/4, 16/4
        assert Source.take(source, 3, columns).tolist() == [2.75, 3.0, 4.0]
        source.close()

    def test_a_large_column_major_array_is_read_column_by_column(self, tmp_path: Path) -> None:
        """The array is larger than the size up to which the bytes between a box's columns are read
        too."""
        array = np.arange(400_000, dtype=np.float64).reshape(100_000, 4)
        source = open_file(save(tmp_path / "x.npy", np.asfortranarray(array)))
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
        with pytest.raises(DataError, match=f"x.npy: expected real numbers, found {found}"):
            evaluate("l1", path, [0.0, 0.0])

    def test_objects_are_never_unpickled(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npy", np.array([{}], dtype=object))
        with pytest.raises(DataError, match="x.npy: expected real numbers, found Python objects"):
            evaluate("l1", path, [0.0])

    def test_a_file_cut_short(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npy", np.zeros(1000))
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(
            DataError,
            match="x.npy: truncated file: it ends at byte 8120.* 1000 elements of float64",
        ):
            evaluate("l1", path, np.zeros(1000))

    def test_a_file_cut_short_while_it_is_read(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npy", np.zeros(1000))
        source = open_file(path)
        path.write_bytes(path.read_bytes()[:4000])
        with pytest.raises(
            DataError, match="x.npy: truncated file: it ends at byte 4000.* 1000 elements"
        ):
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
        with pytest.raises(DataError, match="has no named columns. Remove -i"):
            evaluate("l1", path, np.zeros(3), input_column="a")
