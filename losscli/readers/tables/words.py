"""Words of a column of text as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, quoted
from losscli.readers.tables.types import is_text, plain

# A number, and true or false, as text has them.
_NUMBER = r"^\s*[+-]?(?i:(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)\s*$"
_TRUTH = r"^\s*(?i:true|false|0|1)\s*$"


def as_numbers(
    column: pa.Array,
    kind: pa.DataType,
    missing: Sequence[str],
    place: tuple[str, str, NDArray[np.int64]],
) -> pa.Array:
    """A column in the type of an array's numbers.

    Of text the words of `missing` are no values. `place` is the file, the name of the column and
    the rows of the file, for the DataError that the first word raises which is no number.
    """
    column = plain(column)
    if is_text(column.type) and not is_text(kind):
        return _parsed(column, kind, missing, place)
    return column if column.type == kind else column.cast(kind, safe=False)


def _parsed(
    column: pa.Array,
    kind: pa.DataType,
    missing: Sequence[str],
    place: tuple[str, str, NDArray[np.int64]],
) -> pa.Array:
    """Text as numbers, or as true and false."""
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    if missing:
        absent = pc.is_in(column, pa.array(missing, column.type))
        column = pc.if_else(absent, pa.scalar(None, column.type), column)
    is_number = pa.types.is_floating(kind)
    pattern, expected = (_NUMBER, "a number") if is_number else (_TRUTH, "true or false")
    words = pc.fill_null(pc.invert(pc.match_substring_regex(column, pattern)), False)
    odd = words.index(True).as_py()
    if odd >= 0:
        file, name, rows = place
        raise DataError(
            f"{file}: row {rows[odd]}, column {quoted(name)}: found "
            f"{quoted(column[odd].as_py())}, expected {expected}"
        )
    return pc.ascii_trim_whitespace(column).cast(kind)


def numbers_if_all_are(words: pa.Array, missing: Sequence[str]) -> pa.Array:
    """Words as numbers, if there are any and all are numbers but those that mean a missing one."""
    known = [word for word in words.to_pylist() if word and word not in missing]
    try:
        return pa.array([float(word) for word in known]) if known else words
    except ValueError:
        return words
