"""Columns of a table as labels and keys: values that identify rows, at full precision."""

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

# The Python types of Arrow's values.
_Value = str | bytes | float | bool

# A float64 of this size or more may be the rounding of several integers.
_INDISTINCT = 2.0**53


def bare(column: pa.Array) -> pa.Array:
    """Return a column without extensions and dictionaries."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = bare_type(column.type)
    try:
        return column if kind == column.type else column.cast(kind)
    except pa.ArrowException as error:  # the words of a dictionary are too long in total
        raise DataError(f"cannot read labels: {first_line(error)}") from error


def label_values(column: pa.Array, file: str, name: str, place: Callable[[int], str]) -> pa.Array:
    """Return the labels of a bare column, or of a dictionary of text. `place` returns the file and
    the line or row of a cell, as text for messages.

    Times become Arrow's text, since no Python type can represent all times. Decimals become text
    without trailing zeros, so that 2.50 equals 2.5 in any decimal type. Raises DataError for values
    that cannot be labels.
    """
    kind = column.type
    if pa.types.is_dictionary(kind) and is_text(kind.value_type):
        return column
    require_label(kind, file, name)
    if pa.types.is_floating(kind):
        _require_distinct(column, place)
    if not (pa.types.is_temporal(kind) or pa.types.is_decimal(kind)):
        return column
    try:
        text = column.cast(pa.string())
    except pa.ArrowException as error:  # an unknown time zone
        raise DataError(
            f"{file}: column {quoted(name)}: cannot convert {shortened(kind)} to text: "
            f"{first_line(error)}"
        ) from error
    return without_zeros(text) if pa.types.is_decimal(kind) else text


def as_values(column: pa.Array) -> Values:
    """Convert labels to a NumPy array: numbers if none is missing, else objects."""
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
    """Return values as Python objects, with None appended."""
    values = np.empty(len(column) + 1, object)
    values[:-1] = column.to_pylist()
    return values


def without_zeros(numbers: pa.Array) -> pa.Array:
    """Remove trailing zeros from the fractions of numbers that are text."""
    import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

    pattern = r"\.0+$|(\.\d*[1-9])0+$"
    return pc.replace_substring_regex(numbers, pattern=pattern, replacement=r"\1")


def require_label(kind: pa.DataType, file: str, name: str) -> None:
    """Raise DataError for a type whose values cannot be labels."""
    if not is_label(kind):
        raise DataError(
            f"{file}: column {quoted(name)}: expected labels (numbers, text, times or booleans), "
            f"found {shortened(bare_type(kind))}"
        )


def is_label(kind: pa.DataType) -> bool:
    """Whether values of a type can be labels: numbers, text, bytes, times, booleans and null, but
    not lists or records."""
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_time = pa.types.is_temporal(kind) and not pa.types.is_interval(kind)
    is_other = pa.types.is_boolean(kind) or pa.types.is_null(kind)
    is_fixed = pa.types.is_fixed_size_binary(kind)
    return bool(is_text(kind) or is_bytes or is_fixed or is_number or is_time or is_other)


def is_distinct(numbers: pa.Array) -> bool:
    """Whether none of these numbers can be the floating-point rounding of several integers."""
    import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

    largest = pc.max(pc.abs(numbers)).as_py()
    return largest is None or not largest >= _INDISTINCT


def _require_distinct(column: pa.Array, place: Callable[[int], str]) -> None:
    """Raise DataError for the first number that may be the rounding of several integers."""
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)  # NaN for missing values
    odd = np.flatnonzero((np.abs(values) >= _INDISTINCT) & np.isfinite(values))
    if len(odd):
        raise DataError(
            f"{place(int(odd[0]))}: the floating-point label {float(values[odd[0]])!r} may be "
            "the rounding of several whole numbers. Store labels of more than 15 digits as 64-bit "
            "integers or as text."
        )


def meets(column: pa.Array, where: Where) -> pa.Array:
    """Return a mask of the labels of a bare column that match a condition.

    Text is compared as written, also without spaces around the value of the condition. Numbers and
    booleans are compared by value. A condition with an empty value, such as `split=`, matches
    missing labels.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

    values = [label for value in where.values if value for label in _labels(value, column, where)]
    accepted = pa.array(values, column.type)
    matches = pc.is_in(_comparable(column), value_set=_comparable(accepted), skip_nulls=True)
    if "" in where.values:
        matches = pc.or_(matches, column.is_null())
    return pc.invert(matches) if where.negated else matches


def _comparable(column: pa.Array) -> pa.Array:
    """Return the values in a type that Arrow can compare."""
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column


def _labels(text: str, column: pa.Array, where: Where) -> list[_Value]:
    """Return the labels, of the column's type, that the value of a condition may mean. Raises
    DataError if there are none."""
    kind = column.type
    labels: list[_Value]
    if pa.types.is_boolean(kind):
        booleans = {"true": True, "1": True, "false": False, "0": False}
        labels = [booleans[text.strip().lower()]] if text.strip().lower() in booleans else []
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        labels = _numbers(text, kind)
    elif pa.types.is_fixed_size_binary(kind):
        labels = [text.encode()] if len(text.encode()) == kind.byte_width else []
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        labels = [text.encode()]
    elif pa.types.is_null(kind):
        labels = []
    else:
        labels = [text, text.strip()]
    if not labels:
        raise DataError(f"--where {where}: {quoted(text)} is not a value of type {kind}")
    return labels


def _numbers(text: str, kind: pa.DataType) -> list[_Value]:
    try:
        return [pa.scalar(int(text), pa.int64()).cast(kind).as_py()]
    except (ValueError, OverflowError, pa.ArrowException):
        pass
    try:
        return [pa.scalar(float(text)).cast(kind).as_py()]
    except (ValueError, pa.ArrowException):
        return []
