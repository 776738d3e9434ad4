"""Rows that belong together by a key, in whatever order their files have them."""

from __future__ import annotations

import tempfile
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, shortened
from losscli.readers import Array
from losscli.readers.spool import kept_in

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
    """A source over another's rows in a given order."""

    def __init__(self, source: Array, order: NDArray[np.intp]) -> None:
        self.name = source.name
        self.columns = source.columns
        self.files: tuple[str, ...] = getattr(source, "files", ())
        self.bytes = source.bytes
        self.dtype = source.dtype
        self.shape: tuple[int | None, ...] = (len(order), *source.shape[1:])
        self._order = order
        self._rows = _spooled(source, len(order))
        self.concurrent = isinstance(self._rows, np.ndarray)
        self.label_names = getattr(source, "label_names", None)  # known once all was read

    def close(self) -> None:
        if isinstance(self._rows, _RowsOnDisk):
            self._rows.close()

    def count(self) -> int:
        return len(self._order)

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        block: NDArray[Any] = self._rows[self._order[box[0]]]
        return block[(slice(None), *box[1:])]


def _spooled(source: Array, count: int) -> Any:
    """All rows of a source, so that any can be read."""
    shape = tuple(size or 0 for size in source.shape[1:])
    row_bytes = max(1, int(np.prod(shape)) * source.dtype.itemsize)
    rows = max(1, _COPY_BYTES // row_bytes)
    blocks = (
        source.read((slice(start, start + rows), *[slice(None)] * len(shape)))
        for start in range(0, count, rows)
    )
    if count * row_bytes <= _HELD_BYTES:
        return np.concatenate([np.empty((0, *shape), source.dtype), *blocks])
    spool = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the rows
    for block in blocks:
        with kept_in(spool):
            _write(spool, np.ascontiguousarray(block).tobytes())
    return _RowsOnDisk(spool, shape, source.dtype, row_bytes)


def _write(file: IO[bytes], data: bytes) -> None:
    """All of it: a file without a buffer may take a part, as a disk does that is nearly full."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class _RowsOnDisk:
    """Rows in a file, picked by their numbers."""

    def __init__(
        self, file: Any, shape: tuple[int, ...], dtype: np.dtype[Any], row_bytes: int
    ) -> None:
        self._file = file
        self._shape = shape
        self._dtype = dtype
        self._row_bytes = row_bytes

    def close(self) -> None:
        self._file.close()

    def __getitem__(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        block = np.empty((len(numbers), self._row_bytes), np.uint8)
        for row, number in zip(block, numbers.tolist(), strict=True):
            self._file.seek(number * self._row_bytes)
            self._file.readinto(row.data)
        return block.view(self._dtype).reshape(len(numbers), *self._shape)
