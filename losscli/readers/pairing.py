"""Rows that belong together by a key, in whatever order their files have them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, shortened
from losscli.readers import Array
from losscli.readers.spool import kept_in, write_all

# Rows of up to this size are kept in memory, more in a nameless file on disk.
_HELD_BYTES = 1 << 26
_COPY_BYTES = 1 << 20


def positions(leading: pa.ChunkedArray, other: pa.ChunkedArray, names: tuple[str, str]) -> Any:
    """For each key of the first file its row in the other; both have the same keys, each once.

    Raises DataError with the keys that stand twice or are missing.
    """
    keys, others = (one.combine_chunks() for one in (leading, other))
    if keys.type != others.type:
        keys, others = (
            _as_text(one, name) for one, name in zip((keys, others), names, strict=True)
        )
    for one, name in zip((keys, others), names, strict=True):
        _require_unique(one, name)
    found = pc.index_in(keys, others)
    _require_none_missing(keys.filter(found.is_null()), names[1], names[0])
    absent = pc.invert(pc.is_in(others, keys))
    _require_none_missing(others.filter(absent), names[0], names[1])
    return found.to_numpy()


def _as_text(keys: pa.Array, name: str) -> pa.Array:
    try:
        return keys.cast(pa.string())
    except pa.ArrowInvalid as error:  # bytes that are no text
        raise DataError(
            f"{name}: the keys are {shortened(keys.type)}, unlike those of the other file: "
            f"{first_line(error)}"
        ) from error


def _require_unique(keys: pa.Array, name: str) -> None:
    counted = keys.value_counts()
    twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    if len(twice):
        raise DataError(f"{name}: {len(twice)} keys stand more than once: {_shown(twice)}")
    if keys.null_count:
        row = pc.index(keys.is_null(), True).as_py()
        raise DataError(f"{name}: row {row} has no key")


def _require_none_missing(missing: pa.Array, name: str, other: str) -> None:
    if len(missing):
        raise DataError(
            f"{name}: found no row for {len(missing)} keys of {other}: {_shown(missing)}"
        )


def _shown(keys: pa.Array) -> str:
    some = [shortened(key) for key in keys.slice(0, 5).to_pylist()]
    return ", ".join(some) + (", ..." if len(keys) > len(some) else "")


class Reordered:
    """A source over another's rows in a given order, once these were kept."""

    def __init__(self, source: Array, order: NDArray[np.intp]) -> None:
        self.name = source.name
        self.columns = source.columns
        self.files: tuple[str, ...] = getattr(source, "files", ())
        self.bytes = source.bytes
        self.dtype = source.dtype
        self.shape: tuple[int | None, ...] = (len(order), *source.shape[1:])
        self._source = source
        self._order = order
        self._rows = _room(self.row_shape, source.dtype, len(order))
        self._present = _RowsInMemory((), np.dtype(np.bool_), len(order))
        self.concurrent = isinstance(self._rows, _RowsInMemory)

    @property
    def row_shape(self) -> tuple[int, ...]:
        return tuple(size or 0 for size in self.shape[1:])

    @property
    def label_names(self) -> Any:
        """Those of the source, known once all was read; None if it has no labels."""
        return getattr(self._source, "label_names", None)

    def keep(self, rows: slice) -> None:
        """Keep the next rows of the source."""
        box = (rows, *[slice(None)] * len(self.row_shape))
        self._rows.add(self._source.read(box))
        if hasattr(self._source, "present"):
            self._present.add(self._source.present(box))

    def close(self) -> None:
        self._rows.close()

    def count(self) -> int:
        return len(self._order)

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        block = self._rows[self._order[box[0]]]
        return block[(slice(None), *box[1:])]

    def present(self, box: tuple[slice, ...]) -> NDArray[Any]:
        """Which rows of a box hold a value everywhere."""
        return self._present[self._order[box[0]]]


def keep_all(arrays: Collection[Reordered]) -> None:
    """Read the sources of arrays of one file, side by side: a table is read once for all."""
    count = max((one.count() for one in arrays), default=0)
    widest = max((_row_bytes(one.row_shape, one.dtype) for one in arrays), default=1)
    step = max(1, _COPY_BYTES // widest)
    for start in range(0, count, step):
        for one in arrays:
            one.keep(slice(start, start + step))


def _row_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return max(1, math.prod(shape) * dtype.itemsize)


def _room(shape: tuple[int, ...], dtype: np.dtype[Any], count: int) -> _RowsInMemory | _RowsOnDisk:
    """Where so many rows are kept, so that any can be read."""
    if count * _row_bytes(shape, dtype) <= _HELD_BYTES:
        return _RowsInMemory(shape, dtype, count)
    return _RowsOnDisk(shape, dtype)


class _RowsInMemory:
    """Rows in an array, picked by their numbers."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], count: int) -> None:
        self._rows = np.empty((count, *shape), dtype)
        self._kept = 0

    def add(self, block: NDArray[Any]) -> None:
        self._rows[self._kept : self._kept + len(block)] = block
        self._kept += len(block)

    def close(self) -> None:
        """There is nothing to close."""

    def __getitem__(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        return self._rows[numbers]


class _RowsOnDisk:
    """Rows in a nameless file, picked by their numbers."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the rows
        self._shape = shape
        self._dtype = dtype
        self._row_bytes = _row_bytes(shape, dtype)

    def add(self, block: NDArray[Any]) -> None:
        with kept_in(self._file):
            write_all(self._file, np.ascontiguousarray(block).tobytes())

    def close(self) -> None:
        self._file.close()

    def __getitem__(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        block = np.empty((len(numbers), self._row_bytes), np.uint8)
        for row, number in zip(block, numbers.tolist(), strict=True):
            self._file.seek(number * self._row_bytes)
            self._file.readinto(row.data)
        return block.view(self._dtype).reshape(len(numbers), *self._shape)
