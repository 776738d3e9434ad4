"""Match the rows of several files by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """The key of each row of a file: one array, or several arrays for a composite key.

    `kept` are the keys of rows that conditions keep, `dropped` the keys of rows that conditions
    drop. `place` returns the file and the line or row of a row, as text for messages.
    """

    file: str
    place: Callable[[int], str]
    kept: tuple[pa.Array, ...]
    dropped: tuple[pa.Array, ...]


@dataclass(frozen=True)
class Match:
    """Matched rows, in the order of the first file.

    Args:
        orders: for each file, the matched rows
        keys: the keys of the matched rows, an array for each column of the key
        left_out: for each file, the number of rows that were not matched
    """

    orders: tuple[NDArray[np.intp], ...]
    keys: tuple[pa.Array, ...]
    left_out: tuple[int, ...]


def matched(files: Sequence[Keys], inner: bool) -> Match:
    """Match the rows of several files by key.

    With `inner`, rows whose key is missing in another file are left out. Without `inner`, such rows
    raise DataError. Duplicate and missing keys always raise DataError.
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
        raise DataError(f"{files[0].file}: no key of this file is in all other files")
    left_out[0] = int(np.count_nonzero(is_left_out))
    rows = np.flatnonzero(has_partner)
    orders = (rows, *(place[leading[rows]] for place in places[1:]))
    in_order = tuple(column.take(pa.array(rows)) for column in files[0].kept)
    return Match(orders, in_order, tuple(left_out))


def _lacking(
    keys: NDArray[np.int64], places: NDArray[np.intp], dropped: NDArray[np.int64]
) -> Present:
    """Return a mask of the keys that another file has neither in its kept nor in its dropped rows.

    `places` has the row of each key in the other file, and `dropped` the keys of its dropped rows.
    """
    is_dropped = np.zeros(len(places), np.bool_)
    is_dropped[dropped] = True
    lacking: Present = (places[keys] < 0) & ~is_dropped[keys]
    return lacking


def _numbered(
    files: Sequence[Keys],
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], int]:
    """Number the distinct keys from 0. Returns the numbers of the keys of kept rows and of dropped
    rows, by file, and the count of distinct keys."""
    groups = [group for keys in files for group in (keys.kept, keys.dropped)]
    sizes = [len(group[0]) for group in groups]
    numbers, count = None, 0
    owners = [keys.file for keys in files for _ in range(2)]
    for parts in zip(*groups, strict=True):
        values = pa.concat_arrays(_of_one_type(parts, owners))
        encoded = values.dictionary_encode(null_encoding="encode")
        codes = encoded.indices.to_numpy().astype(np.int64)
        if numbers is None:  # the codes of one column have no gaps
            numbers = codes
        else:
            both = numbers * len(encoded.dictionary) + codes
            _, numbers = np.unique(both, return_inverse=True)
        count = int(numbers.max(initial=-1)) + 1
    assert numbers is not None  # a key has at least one column
    split = np.split(numbers, np.cumsum(sizes)[:-1])
    return split[0::2], split[1::2], count


def _of_one_type(parts: Sequence[pa.Array], files: Sequence[str]) -> list[pa.Array]:
    """Convert keys of several files to one type: to numbers if a file has numbers and the keys of
    the other files can be parsed, else to text."""
    kinds = list(dict.fromkeys(part.type for part in parts))
    if len(kinds) == 1:
        return list(parts)
    if any(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        for number in (pa.int64(), pa.float64()):
            with suppress(pa.ArrowException):
                numbers = [part.cast(number) for part in parts]
                if number == pa.int64() or all(map(is_distinct, numbers)):
                    return numbers
    return [_as_text(part, file) for part, file in zip(parts, files, strict=True)]


def _as_text(keys: pa.Array, file: str) -> pa.Array:
    try:
        return keys.cast(pa.string())
    except pa.ArrowInvalid as error:  # bytes that are not text
        raise DataError(
            f"{file}: the type of the keys, {shortened(keys.type)}, does not match the other file: "
            f"{first_line(error)}"
        ) from error


def _places(numbers: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """Return the row of each key, (count); -1 for keys that the file does not have."""
    places = np.full(count, -1, np.intp)
    places[numbers] = np.arange(len(numbers))
    return places


def _require_unique(keys: Keys, numbers: NDArray[np.int64], count: int) -> None:
    for column in keys.kept:
        if column.null_count:
            row = column.is_null().index(True).as_py()
            is_all = not len(keys.dropped[0])
            raise DataError(f"{keys.place(row) if is_all else keys.file}: missing key")
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
            f"{other}: no row for {len(rows)} {noun} of {keys.file} "
            f"({_shown(keys, rows[:5].tolist())}{more}). Use --join inner to leave such rows out."
        )


def _shown(keys: Keys, rows: Sequence[int]) -> str:
    return ", ".join(
        shortened("/".join(str(column[row].as_py()) for column in keys.kept)) for row in rows
    )
