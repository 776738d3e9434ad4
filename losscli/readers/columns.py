"""Which columns of a table become an array."""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import pyarrow as pa

from losscli.errors import DataError, KindError, listed, quoted, shortened


def named(
    schema: pa.Schema,
    patterns: Sequence[str],
    path: str,
    option: str,
    taken: Collection[str] = (),
) -> list[str]:
    """The columns that names or globs ask for: in the order of the names, a glob's in file order.

    A pattern may hold several, with commas between them, unless it is itself a column's name. A
    glob leaves out what other arrays have taken, so that `l*` does not take `label` for a class.
    """
    names, taken = list(schema.names), set(taken)
    known = set(names)
    chosen: dict[str, None] = {}
    for pattern in _split(patterns, known):
        matches = [pattern] if pattern in known else _matches(pattern, names, taken)
        if not matches:
            raise DataError(
                f"{path}: found no column {quoted(pattern)} for {option}; "
                f"there are {listed(schema.names)}"
            )
        chosen |= dict.fromkeys(matches)
    return _usable(schema, list(chosen), path)


def remaining(seen: pa.Schema, taken: Collection[str], path: str, option: str) -> list[str]:
    """The columns to take where none is named, of those that nothing else takes.

    The columns of floating point, or the single column of lists of it; without any, those of
    other numbers. `seen` has the types that the columns look like.
    """
    types = {field.name: plain_type(field.type) for field in seen}
    taken = set(taken)
    free = {name: kind for name, kind in types.items() if name not in taken and _is_real(kind)}
    floating = [name for name, kind in free.items() if pa.types.is_floating(_innermost(kind))]
    chosen = floating or list(free)
    if not chosen:
        raise DataError(
            f"{path}: found no numbers to take in {listed(seen.names)}; "
            f"{option} names the columns to take"
        )
    if len(chosen) > 1 and any(is_list(free[name]) for name in chosen):
        raise DataError(
            f"{path}: any of {listed(chosen)} could be meant; {option} names the columns to take"
        )
    return _usable(seen, chosen, path)


def namings(columns: Sequence[str]) -> list[list[str]]:
    """What columns may say of their classes: their names, and the same without what all of them
    begin with, as in `prob_cat`, `prob_dog`."""
    prefix = os.path.commonprefix(list(columns))  # noqa: RUF071 - of characters
    end = max(prefix.rfind(mark) for mark in "_.- /") + 1
    return [list(columns), [name[end:] for name in columns]]


def is_list(kind: pa.DataType) -> bool:
    """Whether each cell holds a row of values."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether each cell holds a name."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of a cell's values: of the cell, or of what its list holds."""
    return kind.value_type if is_list(kind) else kind


def bare_type(kind: pa.DataType) -> pa.DataType:
    """The type without extensions and dictionaries."""
    return _rebuilt(kind, lambda leaf: leaf)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of the numbers, or names, that are made of it: as `bare_type`, but decimals, and
    what is nothing but missing, as float64."""
    return _rebuilt(kind, _as_number)


def require_one(schema: pa.Schema, name: str, path: str) -> None:
    """Raise DataError unless exactly one column has that name."""
    if name not in schema.names:
        raise DataError(f"{path}: found no column {quoted(name)}; there are {listed(schema.names)}")
    _require_once(schema.names.count(name), name, path)


def _require_once(count: int, name: str, path: str) -> None:
    if count > 1:
        raise DataError(f"{path}: several columns are named {quoted(name)}")


def _rebuilt(kind: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """The type without extensions and dictionaries, in whose place of values stands another."""
    if isinstance(kind, pa.BaseExtensionType):
        return _rebuilt(kind.storage_type, leaf)
    if pa.types.is_dictionary(kind):
        return _rebuilt(kind.value_type, leaf)
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
            f"{path}: column {quoted(field.name)} holds tensors of shape "
            f"{tuple(field.type.shape)}, expected numbers or lists of them; numpy.save('x.npy', "
            f"table[{quoted(field.name)}].combine_chunks().to_numpy_ndarray()) converts them"
        )


def _is_real(kind: pa.DataType) -> bool:
    kind = _innermost(kind)
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _innermost(kind: pa.DataType) -> pa.DataType:
    while is_list(kind):
        kind = value_type(kind)
    return kind


def _split(patterns: Sequence[str], names: Collection[str]) -> list[str]:
    parts = []
    for pattern in patterns:
        parts += [pattern] if pattern in names else pattern.split(",")
    return parts


def _matches(pattern: str, names: Sequence[str], taken: Collection[str]) -> list[str]:
    free = (name for name in names if name not in taken)
    return [name for name in free if fnmatch.fnmatchcase(name, pattern)]


def _usable(schema: pa.Schema, columns: list[str], path: str) -> list[str]:
    counts = Counter(schema.names)
    for name in columns:
        _require_once(counts[name], name, path)
        kind = plain_type(schema.field(name).type)
        if not _is_real(kind) and not is_text(kind):
            raise KindError(
                f"{path}: column {quoted(name)} holds {shortened(kind)}, expected numbers"
            )
        _require_one_axis(schema.field(name), path)
    lists = [name for name in columns if is_list(plain_type(schema.field(name).type))]
    if lists and len(columns) > 1:
        beside = listed([name for name in columns if name != lists[0]])
        raise DataError(
            f"{path}: column {quoted(lists[0])} holds lists and is an array by itself; "
            f"found {beside} beside it"
        )
    return columns
