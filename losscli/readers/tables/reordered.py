"""The rows of a source in another order, and the keys that define the order."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers.arrays.derived import Derived
from losscli.readers.files.spool import kept_in
from losscli.readers.tables.labels import as_values
from losscli.source import Box, Present, Shape, Source, Values

# Rows of up to this total size are kept in memory, larger ones in a temporary file.
_MEMORY_BYTES = 1 << 26
_COPY_BYTES = 1 << 20


class KeyRows(Source):
    """A source over a column of keys, in the order of the rows that the keys are reported with."""

    def __init__(self, keys: pa.Array) -> None:
        self._keys = keys

    @property
    def shape(self) -> Shape:
        return (len(self._keys),)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(object)

    def count(self) -> int:
        return len(self._keys)

    def read(self, box: Box) -> Values:
        start, stop, _ = box[0].indices(len(self._keys))
        return as_values(self._keys.slice(start, stop - start))


class Reordered(Derived):
    """A source over rows of another source in a given order.

    Call `copy` until all `rows` rows of the other source are copied, before reading any row.
    """

    def __init__(self, source: Source, order: NDArray[np.intp], rows: int) -> None:
        super().__init__(source)
        self.source_rows = rows
        self._order = order
        self._copy = _room(self.row_shape, source.dtype, rows)
        self._present = np.ones(rows, np.bool_)
        self.concurrent = isinstance(self._copy, _RowsInMemory)

    @property
    def shape(self) -> Shape:
        return (len(self._order), *self._source.shape[1:])

    @property
    def row_shape(self) -> tuple[int, ...]:
        return tuple(size or 0 for size in self._source.shape[1:])

    def file_row(self, row: int) -> int:
        return int(self._order[row])

    def line(self, row: int) -> int | None:
        return self._source.line(self.file_row(row))

    def copy(self, rows: slice) -> None:
        """Copy the next rows of the source."""
        box = (rows, *[slice(None)] * len(self.row_shape))
        self._copy.add(self._source.read(box))
        present = self._source.present(box)
        if present is not None:
            self._present[rows.start : rows.start + len(present)] = present

    def close(self) -> None:
        self._copy.close()

    def count(self) -> int:
        return len(self._order)

    def read(self, box: Box) -> Values:
        block = self._copy[self._order[box[0]]]
        return block[(slice(None), *box[1:])]

    def present(self, box: Box) -> Present:
        return self._present[self._order[box[0]]]


def copy_all(arrays: Collection[Reordered]) -> None:
    """Copy all arrays of one file block by block, so that a table is read only once."""
    count = max((array.source_rows for array in arrays), default=0)
    widest = max((_row_bytes(array.row_shape, array.dtype) for array in arrays), default=1)
    step = max(1, _COPY_BYTES // widest)
    for start in range(0, count, step):
        for array in arrays:
            array.copy(slice(start, start + step))


def _row_bytes(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> int:
    return max(1, math.prod(shape) * dtype.itemsize)


def _room(
    shape: tuple[int, ...], dtype: np.dtype[np.generic], count: int
) -> _RowsInMemory | _RowsOnDisk:
    """Return storage with random access for this many rows."""
    if count * _row_bytes(shape, dtype) <= _MEMORY_BYTES:
        return _RowsInMemory(shape, dtype, count)
    return _RowsOnDisk(shape, dtype)


class _RowsInMemory:
    """Rows in memory, indexed by an array of row numbers."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[np.generic], count: int) -> None:
        self._rows: Values = np.empty((count, *shape), dtype)
        self._filled = 0

    def add(self, block: Values) -> None:
        self._rows[self._filled : self._filled + len(block)] = block
        self._filled += len(block)

    def close(self) -> None:
        """Do nothing, as there is no file to close."""

    def __getitem__(self, numbers: NDArray[np.intp]) -> Values:
        return self._rows[numbers]


class _RowsOnDisk:
    """Rows in an unnamed temporary file, indexed by an array of row numbers. The file is not mapped
    into memory, because mapped pages would count as memory of the process."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the rows
        self._shape = shape
        self._dtype = dtype
        self._row_bytes = _row_bytes(shape, dtype)

    def add(self, block: Values) -> None:
        with kept_in(self._file):
            self._file.write(np.ascontiguousarray(block).tobytes())
            self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __getitem__(self, numbers: NDArray[np.intp]) -> Values:
        block = np.empty((len(numbers), self._row_bytes), np.uint8)
        for row, number in zip(block, numbers.tolist(), strict=True):
            self._file.seek(number * self._row_bytes)
            self._file.readinto(row.data)
        return block.view(self._dtype).reshape(len(numbers), *self._shape)
