"""Which columns of a table become an array."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence

import pyarrow as pa

from losscli.errors import DataError, listed


def named(schema: pa.Schema, patterns: Sequence[str], path: str, option: str) -> list[str]:
    """The columns that names or globs ask for: in the order of the names, a glob's in file order.

    A pattern may hold several, with commas between them, unless it is itself a column's name.
    """
    chosen: list[str] = []
    for pattern in _split(patterns, schema.names):
        matches = _matches(pattern, schema.names)
        if not matches:
            raise DataError(
                f"{path}: found no column {pattern!r} for {option}; "
                f"there are {listed(schema.names)}"
            )
        chosen += [name for name in matches if name not in chosen]
    return _usable(schema, chosen, path)


def remaining(seen: pa.Schema, taken: Collection[str], path: str, option: str) -> list[str]:
    """The columns to take where none is named: those of floating point that nothing else takes.

    Without any, the single column of lists, or else all other numbers. `seen` has the types that
    the columns look like.
    """
    free = [field for field in seen if field.name not in taken and _is_real(field.type)]
    lists = [field.name for field in free if is_list(field.type)]
    numbers = [field.name for field in free if not is_list(field.type)]
    floating = [name for name in numbers if pa.types.is_floating(seen.field(name).type)]
    if len(lists) > 1 or (lists and floating):
        raise DataError(
            f"{path}: any of {listed([*lists, *floating])} could be meant; "
            f"{option} names the columns to take"
        )
    chosen = floating or lists or numbers
    if not chosen:
        raise DataError(
            f"{path}: found no numbers to take in {listed(seen.names)}; "
            f"{option} names the columns to take"
        )
    return _usable(seen, chosen, path)


def is_list(kind: pa.DataType) -> bool:
    """Whether each cell holds a row of values."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of a cell's values: of the cell, or of what its list holds."""
    return kind.value_type if is_list(kind) else kind


def _is_real(kind: pa.DataType) -> bool:
    kind = value_type(kind)
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _split(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    parts = []
    for pattern in patterns:
        parts += [pattern] if pattern in names else pattern.split(",")
    return parts


def _matches(pattern: str, names: Sequence[str]) -> list[str]:
    if pattern in names:
        return [pattern]
    return [name for name in names if fnmatch.fnmatchcase(name, pattern)]


def _usable(schema: pa.Schema, columns: list[str], path: str) -> list[str]:
    for name in columns:
        if schema.names.count(name) > 1:
            raise DataError(f"{path}: several columns are named {name!r}")
        kind = schema.field(name).type
        if not _is_real(kind):
            raise DataError(f"{path}: column {name!r} holds {kind}, expected numbers")
    lists = [name for name in columns if is_list(schema.field(name).type)]
    if lists and len(columns) > 1:
        beside = listed([name for name in columns if name != lists[0]])
        raise DataError(
            f"{path}: column {lists[0]!r} holds lists and is an array by itself; "
            f"found {beside} beside it"
        )
    return columns
