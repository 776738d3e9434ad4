"""The types of a table's columns, and the types that can be an array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pyarrow as pa

from losscli.errors import DataError, KindError, listed, quoted, shortened
from losscli.readers import budget
from losscli.readers.fields import Content, Field

# The prefix of the names of columns of labels, since the same column may be an array, too.
LABEL = "\0label "

# Marks a column of text whose first cell is a number with a decimal comma.
DECIMAL_COMMA = b"losscli decimal comma"

# The names of two added columns: the number of each row in its file, and the number of the file.
ROW = "\0row"
FILE = "\0file"


def fields_of(schema: pa.Schema) -> tuple[Field, ...]:
    """Return the field of each column of a table."""
    return tuple(Field(field.name, *_content_of(field)) for field in schema)


def _content_of(field: pa.Field) -> tuple[Content, bool]:
    if field.metadata is not None and DECIMAL_COMMA in field.metadata:
        return Content.COMMA, False
    return _content(plain_type(field.type), field.type)


def _content(kind: pa.DataType, stored: pa.DataType) -> tuple[Content, bool]:
    if is_list(kind):
        axes = len(stored.shape) if isinstance(stored, pa.FixedShapeTensorType) else 1
        content = _content(_innermost(kind), kind)[0]
        is_array = _is_real(kind) and axes == 1 and not _is_too_deep(kind)
        return (content if is_array else Content.OTHER), True
    tests = {
        Content.FLOAT: pa.types.is_floating,
        Content.WHOLE: pa.types.is_integer,
        Content.TRUTH: pa.types.is_boolean,
        Content.TEXT: is_text,
        Content.TIME: pa.types.is_temporal,
    }
    return next((content for content, test in tests.items() if test(kind)), Content.OTHER), False


def is_list(kind: pa.DataType) -> bool:
    """Whether each cell is a list."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether each cell is text."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def value_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the items of a list, or the type itself."""
    return kind.value_type if is_list(kind) else kind


def bare_type(kind: pa.DataType) -> pa.DataType:
    """Return the type without extensions and dictionaries."""
    return _rebuilt(kind, lambda leaf: leaf)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of an array made from a column of this type: like `bare_type`, but float64
    for decimals and for null."""
    return _rebuilt(kind, _as_number)


def require_one(schema: pa.Schema, name: str, path: str) -> None:
    """Raise DataError unless exactly one column has this name."""
    if name not in schema.names:
        raise DataError(f"{path}: no column {quoted(name)}; the columns are {listed(schema.names)}")
    _require_once(schema.names.count(name), name, path)


def _require_once(count: int, name: str, path: str) -> None:
    if count > 1:
        raise DataError(f"{path}: several columns are named {quoted(name)}")


def _rebuilt(kind: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Return the type without extensions and dictionaries, with `leaf` applied to the values."""
    if isinstance(kind, pa.BaseExtensionType):
        return _rebuilt(kind.storage_type, leaf)
    if pa.types.is_dictionary(kind):  # Arrow cannot expand a dictionary of lists
        is_nested = pa.types.is_nested(kind.value_type)
        return leaf(kind) if is_nested else _rebuilt(kind.value_type, leaf)
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_rebuilt(kind.value_type, leaf), kind.list_size)
    if is_list(kind):
        wrap = pa.large_list if pa.types.is_large_list(kind) else pa.list_
        return wrap(_rebuilt(kind.value_type, leaf))
    return leaf(kind)


def _as_number(kind: pa.DataType) -> pa.DataType:
    return pa.float64() if pa.types.is_decimal(kind) or pa.types.is_null(kind) else kind


def _require_one_axis(field: pa.Field, path: str) -> None:
    """Raise KindError for tensors of several axes, whose values pyarrow stores as one list."""
    if isinstance(field.type, pa.FixedShapeTensorType) and len(field.type.shape) > 1:
        raise KindError(
            f"{path}: column {quoted(field.name)}: expected numbers or lists of numbers, found "
            f"tensors of shape {tuple(field.type.shape)}. Convert them with numpy.save('x.npy', "
            f"table[{quoted(field.name)}].combine_chunks().to_numpy_ndarray())."
        )


def _is_real(kind: pa.DataType) -> bool:
    kind = _innermost(kind)
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _is_too_deep(kind: pa.DataType) -> bool:
    """Whether lists are nested more than two levels deep."""
    return is_list(value_type(value_type(kind)))


def _innermost(kind: pa.DataType) -> pa.DataType:
    while is_list(kind):
        kind = value_type(kind)
    return kind


def require_usable(schema: pa.Schema, columns: Sequence[str], path: str) -> None:
    """Raise DataError unless the columns can be one array."""
    counts = Counter(schema.names)
    for name in columns:
        _require_once(counts[name], name, path)
        kind = plain_type(schema.field(name).type)
        if _is_too_deep(kind) or not (_is_real(kind) or is_text(kind)):
            raise KindError(
                f"{path}: column {quoted(name)}: expected numbers, found {shortened(kind)}"
            )
        _require_one_axis(schema.field(name), path)
        if pa.types.is_fixed_size_list(kind):
            budget.require(path, kind.list_size, budget.MOST_ROW_VALUES, "values in a list")
    lists = [name for name in columns if is_list(plain_type(schema.field(name).type))]
    if lists and len(columns) > 1:
        others = listed([name for name in columns if name != lists[0]])
        raise DataError(
            f"{path}: column {quoted(lists[0])} contains lists, which cannot be combined with "
            f"{others}"
        )


def plain(column: pa.Array) -> pa.Array:
    """Return a column converted to `plain_type`: without extensions, dictionaries and decimals."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = plain_type(column.type)
    return column if kind == column.type else column.cast(kind)
