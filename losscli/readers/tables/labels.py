"""Columns of a table as labels and keys: values that identify rows, with all their digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, quoted, shortened
from losscli.readers.tables.types import bare_type, is_text
from losscli.source import Values

if TYPE_CHECKING:
    from losscli.readers.tables.where import Where

# A value as Arrow's types have them in Python.
_Value = str | bytes | float | bool

# Whole numbers of floating point from here on are the rounding of several integers each.
_INDISTINCT = 2.0**53


def bare(column: pa.Array) -> pa.Array:
    """A column without extensions and dictionaries."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = bare_type(column.type)
    try:
        return column if kind == column.type else column.cast(kind)
    except pa.ArrowException as error:  # of a dictionary of words that are too long together
        raise DataError(f"labels cannot be read: {first_line(error)}") from error


def label_values(column: pa.Array, file: str, name: str, row_of: Callable[[int], int]) -> pa.Array:
    """The values of a bare column, or one of text in a dictionary; `row_of` gives the row of the
    file of each place in it.

    Times become the text that Arrow has for them, since no type of Python's holds all of them, and
    decimals theirs without zeros at the end, so that 2.50 is 2.5 whatever the type's digits.
    Raises DataError for values that do not identify rows.
    """
    kind = column.type
    if pa.types.is_dictionary(kind) and is_text(kind.value_type):
        return column
    require_label(kind, file, name)
    if pa.types.is_floating(kind):
        _require_distinct(column, file, name, row_of)
    if not (pa.types.is_temporal(kind) or pa.types.is_decimal(kind)):
        return column
    try:
        text = column.cast(pa.string())
    except pa.ArrowException as error:  # of a zone that is not known here
        raise DataError(
            f"{file}: column {quoted(name)} holds {shortened(kind)}, which cannot be "
            f"shown: {first_line(error)}"
        ) from error
    return without_zeros(text) if pa.types.is_decimal(kind) else text


def as_values(column: pa.Array) -> Values:
    """Labels as NumPy has them: numbers as numbers unless some are missing, all else as objects."""
    if not column.null_count and (
        pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    ):
        numbers: Values = column.to_numpy(zero_copy_only=False)
        return numbers
    if isinstance(column, pa.DictionaryArray):
        words = words_and_none(column.dictionary)
        known: Values = words[column.indices.fill_null(len(words) - 1).to_numpy()]
        return known
    return words_and_none(column)[:-1]


def words_and_none(column: pa.Array) -> NDArray[np.object_]:
    """Values as Python has them, and None behind them."""
    values = np.empty(len(column) + 1, object)
    values[:-1] = column.to_pylist()
    return values


def without_zeros(numbers: pa.Array) -> pa.Array:
    """Numbers as text, without the zeros at the end of their fractions."""
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    pattern = r"\.0+$|(\.\d*[1-9])0+$"
    return pc.replace_substring_regex(numbers, pattern=pattern, replacement=r"\1")


def require_label(kind: pa.DataType, file: str, name: str) -> None:
    """Raise DataError for a type whose values do not identify rows."""
    if not is_label(kind):
        raise DataError(
            f"{file}: column {quoted(name)} holds {shortened(bare_type(kind))}; expected labels: "
            "numbers, text, times, or true and false"
        )


def is_label(kind: pa.DataType) -> bool:
    """Whether it is neither a list nor a record nor the like."""
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_time = pa.types.is_temporal(kind) and not pa.types.is_interval(kind)
    is_other = pa.types.is_boolean(kind) or pa.types.is_null(kind)
    is_fixed = pa.types.is_fixed_size_binary(kind)
    return bool(is_text(kind) or is_bytes or is_fixed or is_number or is_time or is_other)


def is_distinct(numbers: pa.Array) -> bool:
    """Whether none of these numbers is one to which floating point rounds several whole numbers."""
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    largest = pc.max(pc.abs(numbers)).as_py()
    return largest is None or not largest >= _INDISTINCT


def _require_distinct(column: pa.Array, file: str, name: str, row_of: Callable[[int], int]) -> None:
    """Raise DataError at the first number that may be another's rounding."""
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)  # NaN where there is none
    odd = np.flatnonzero((np.abs(values) >= _INDISTINCT) & np.isfinite(values))
    if len(odd):
        raise DataError(
            f"{file}: row {row_of(int(odd[0]))}, column {quoted(name)}: found "
            f"{float(values[odd[0]])!r}, which as floating point stands for several whole numbers; "
            "expected labels of more than 15 digits as integers of 64 bits, or as text"
        )


def meets(column: pa.Array, where: Where) -> pa.Array:
    """Whether each label of a bare column meets a condition: text as it is written, numbers and
    truths by their value. A missing label is that of no value: `split=`."""
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    values = [label for value in where.values if value for label in _labels(value, column, where)]
    wanted = pa.array(values, column.type)
    found = pc.is_in(_comparable(column), value_set=_comparable(wanted), skip_nulls=True)
    if "" in where.values:
        found = pc.or_(found, column.is_null())
    return pc.invert(found) if where.negated else found


def _comparable(column: pa.Array) -> pa.Array:
    """The same values in a type that Arrow compares."""
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column


def _labels(text: str, column: pa.Array, where: Where) -> list[_Value]:
    """The labels of that type that a text may mean. Raises DataError for none."""
    kind = column.type
    found: list[_Value]
    if pa.types.is_boolean(kind):
        truths = {"true": True, "1": True, "false": False, "0": False}
        found = [truths[text.strip().lower()]] if text.strip().lower() in truths else []
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        found = _numbers(text, kind)
    elif pa.types.is_fixed_size_binary(kind):
        found = [text.encode()] if len(text.encode()) == kind.byte_width else []
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        found = [text.encode()]
    elif pa.types.is_null(kind):
        found = []
    else:
        found = [text, text.strip()]
    if not found:
        raise DataError(f"--where {where}: {quoted(text)} is no value of a column of {kind}")
    return found


def _numbers(text: str, kind: pa.DataType) -> list[_Value]:
    try:
        return [pa.scalar(int(text), pa.int64()).cast(kind).as_py()]
    except (ValueError, OverflowError, pa.ArrowException):
        pass
    try:
        return [pa.scalar(float(text)).cast(kind).as_py()]
    except (ValueError, pa.ArrowException):
        return []
