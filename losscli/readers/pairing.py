"""Rows that belong together by a key, in whatever order their files have them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, shortened
from losscli.readers import Array
from losscli.readers.derived import Derived, Made
from losscli.readers.labels import as_values, is_distinct
from losscli.readers.spool import kept_in, write_all

# Rows of up to this size are kept in memory, more in a nameless file on disk.
_HELD_BYTES = 1 << 26
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Keys:
    """The key of each row of a file: one array, or several of one length for a composite key.

    `kept` are those of the rows that conditions keep, `dropped` of those that they leave out.
    """

    file: str
    kept: tuple[pa.Array, ...]
    dropped: tuple[pa.Array, ...]


@dataclass(frozen=True)
class Match:
    """For each of some files the rows in the order of the keys of the first, those keys, and how
    many rows of each file have no partner and are left out."""

    orders: tuple[NDArray[np.intp], ...]
    keys: tuple[pa.Array, ...]
    left_out: tuple[int, ...]


def matched(files: Sequence[Keys], inner: bool) -> Match:
    """The rows of several files that have the same key.

    Each key is there once in each file. With `inner`, rows whose key another file lacks are left
    out; otherwise they are a DataError, as keys that are there more than once are.
    """
    kept, dropped, count = _numbered(files)
    for keys, numbers in zip(files, kept, strict=True):
        _require_unique(keys, numbers, count)
    places = [_places(numbers, count) for numbers in kept]
    leading = kept[0]
    has_partner = np.ones(len(leading), np.bool_)
    is_left_out = np.zeros(len(leading), np.bool_)
    left_out = [0] * len(files)
    for k, other in enumerate(files[1:], start=1):
        is_dropped = np.zeros(count, np.bool_)
        is_dropped[dropped[k]] = True
        missing = (places[k][leading] < 0) & ~is_dropped[leading]
        is_dropped[:] = False
        is_dropped[dropped[0]] = True
        extra = (places[0][kept[k]] < 0) & ~is_dropped[kept[k]]
        if not inner:
            _require_none(files[0], missing, other.file)
            _require_none(other, extra, files[0].file)
        is_left_out |= missing
        left_out[k] += int(np.count_nonzero(extra))
        has_partner &= places[k][leading] >= 0
    if inner and len(leading) and not has_partner.any():
        raise DataError(f"{files[0].file}: no key of it is in all of the other files")
    left_out[0] = int(np.count_nonzero(is_left_out))
    rows = np.flatnonzero(has_partner)
    orders = (rows, *(place[leading[rows]] for place in places[1:]))
    in_order = tuple(one.take(pa.array(rows)) for one in files[0].kept)
    return Match(orders, in_order, tuple(left_out))


def _numbered(
    files: Sequence[Keys],
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], int]:
    """The keys as numbers from 0 on, equal ones with one number, and how many numbers there are."""
    sizes = [len(one[0]) for keys in files for one in (keys.kept, keys.dropped)]
    numbers, count = None, 0
    owners = [keys.file for keys in files for _ in range(2)]
    for parts in zip(*(one for keys in files for one in (keys.kept, keys.dropped)), strict=True):
        values = pa.concat_arrays(_of_one_type(parts, owners))
        encoded = values.dictionary_encode(null_encoding="encode")
        further = encoded.indices.to_numpy().astype(np.int64)
        if numbers is None:  # of one column, whose numbers have no gaps
            numbers = further
        else:
            both = numbers * len(encoded.dictionary) + further
            _, numbers = np.unique(both, return_inverse=True)
        count = int(numbers.max(initial=-1)) + 1
    assert numbers is not None  # a key has at least one column
    split = np.split(numbers, np.cumsum(sizes)[:-1])
    return split[0::2], split[1::2], count


def _of_one_type(parts: Sequence[pa.Array], files: Sequence[str]) -> list[pa.Array]:
    """Keys of several files as one type: numbers as numbers, also where a file has them as text;
    anything else as text."""
    kinds = list(dict.fromkeys(one.type for one in parts))
    if len(kinds) == 1:
        return list(parts)
    if any(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        for number in (pa.int64(), pa.float64()):
            with suppress(pa.ArrowException):
                numbers = [one.cast(number) for one in parts]
                if number == pa.int64() or all(map(is_distinct, numbers)):
                    return numbers
    return [_as_text(one, file) for one, file in zip(parts, files, strict=True)]


def _as_text(keys: pa.Array, file: str) -> pa.Array:
    try:
        return keys.cast(pa.string())
    except pa.ArrowInvalid as error:  # bytes that are no text
        raise DataError(
            f"{file}: the keys are {shortened(keys.type)}, unlike those of the other file: "
            f"{first_line(error)}"
        ) from error


def _places(numbers: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """The row of each key, -1 for one that is not there."""
    places = np.full(count, -1, np.intp)
    places[numbers] = np.arange(len(numbers))
    return places


def _require_unique(keys: Keys, numbers: NDArray[np.int64], count: int) -> None:
    for one in keys.kept:
        if one.null_count:
            row = one.is_null().index(True).as_py()
            raise DataError(f"{keys.file}: row {row} has no key")
    repeated = np.flatnonzero(np.bincount(numbers, minlength=count) > 1)
    if len(repeated):
        shown = _shown(keys, [int(np.argmax(numbers == number)) for number in repeated[:5]])
        more = ", ..." if len(repeated) > 5 else ""
        noun = "key" if len(repeated) == 1 else "keys"
        raise DataError(f"{keys.file}: {len(repeated)} duplicate {noun} ({shown}{more})")


def _require_none(keys: Keys, missing: NDArray[np.bool_], other: str) -> None:
    rows = np.flatnonzero(missing)
    if len(rows):
        more = ", ..." if len(rows) > 5 else ""
        noun = "key" if len(rows) == 1 else "keys"
        raise DataError(
            f"{other}: found no row for {len(rows)} {noun} of {keys.file} "
            f"({_shown(keys, rows[:5].tolist())}{more}). Use --join inner to leave such rows out."
        )


def _shown(keys: Keys, rows: Sequence[int]) -> str:
    return ", ".join(
        shortened("/".join(str(one[row].as_py()) for one in keys.kept)) for row in rows
    )


class KeyRows(Made):
    """A source over a column of keys in the order of the rows, to be shown with each row."""

    dtype = np.dtype(object)

    def __init__(self, keys: pa.Array) -> None:
        self._keys = keys

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (len(self._keys),)

    def count(self) -> int:
        return len(self._keys)

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        start, stop, _ = box[0].indices(len(self._keys))
        return as_values(self._keys.slice(start, stop - start))


class Reordered(Derived):
    """A source over some of another's rows in a given order, once all `rows` of it were kept."""

    def __init__(self, source: Array, order: NDArray[np.intp], rows: int) -> None:
        super().__init__(source)
        self.shape: tuple[int | None, ...] = (len(order), *source.shape[1:])
        self._order = order
        self.source_rows = rows
        self._rows = _room(self.row_shape, source.dtype, rows)
        self._present = _RowsInMemory((), np.dtype(np.bool_), rows)
        self.concurrent = isinstance(self._rows, _RowsInMemory)

    @property
    def row_shape(self) -> tuple[int, ...]:
        return tuple(size or 0 for size in self.shape[1:])

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
    count = max((one.source_rows for one in arrays), default=0)
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
