"""Which rows of several files have the same key, in whatever order the files have them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, shortened
from losscli.readers.tables.labels import is_distinct
from losscli.source import Present


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
        missing = _lacking(leading, places[k], dropped[k])
        extra = _lacking(kept[k], places[0], dropped[0])
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


def _lacking(
    keys: NDArray[np.int64], places: NDArray[np.intp], dropped: NDArray[np.int64]
) -> Present:
    """Which keys another file has neither among its rows nor among those that it drops."""
    is_dropped = np.zeros(len(places), np.bool_)
    is_dropped[dropped] = True
    lacking: Present = (places[keys] < 0) & ~is_dropped[keys]
    return lacking


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
