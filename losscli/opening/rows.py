"""Pair the rows of files by a key or by position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from losscli.binding.given import Chosen
from losscli.binding.names import is_key, same_key
from losscli.errors import DataError, listed
from losscli.opening.files import Containers, Opened, open_containers, select_rows, tables_of
from losscli.readers.container import Container
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.request.request import Files, Request, key_array
from losscli.source import Source

if TYPE_CHECKING:
    from losscli.readers.tables.keys import Keys
    from losscli.readers.tables.same_rows import SameRows
    from losscli.readers.tables.table import Table


def key_columns(request: Request, containers: Containers) -> tuple[str, ...]:
    """Return the columns of the key: the whole text of `--id` if it is a column, else its parts
    between commas."""
    if request.id is None:
        return ()
    names = {name for container in containers.values() for name in container.offer.names}
    return (request.id,) if request.id in names else tuple(request.id.split(","))


def join_rows(
    files: Opened,
    files_of: Mapping[str, Files],
    arrays: dict[str, Source],
    keys: Keys | None,
) -> tuple[str, ...]:
    """Sort the rows of every table in `arrays` by `keys`, or else by the first table's keys. Return
    notes on unmatched rows.

    Tables without the key stay unchanged: none of their arrays may run along the samples. Raises
    DataError for duplicate keys, and for unmatched rows without --join inner.
    """
    from losscli.readers.tables.keys import matched  # noqa: PLC0415 - pyarrow
    from losscli.readers.tables.reordered import KeyRows  # noqa: PLC0415

    columns = key_columns(files.request, files.containers)
    read: dict[Files | None, Keys] = {} if keys is None else {None: keys}
    read |= _keys_of_tables(files.containers, columns)
    # `keys` are common to all files, so rows with other keys are dropped.
    match = matched(list(read.values()), files.request.join is not None or keys is not None)
    for name, order in zip(read, match.orders, strict=True):
        if name is not None and not _is_in_order(order, read[name]):
            count = len(read[name].kept[0])
            of_table = {array: arrays[array] for array in files_of if files_of[array] == name}
            arrays |= _reordered(of_table, order, count, files.stack)
    arrays |= {
        key_array(name): KeyRows(values) for name, values in zip(columns, match.keys, strict=True)
    }
    return tuple(
        f"{keys.file}: left out {count} of {len(keys.kept[0])} rows without a matching key"
        for keys, count in zip(read.values(), match.left_out, strict=True)
        if count and files.request.join is not None
    )


def _keys_of_tables(containers: Containers, columns: tuple[str, ...]) -> dict[Files | None, Keys]:
    """Return the keys of the tables that have the key columns. Raises DataError if the first file
    lacks them."""
    tables = {
        files: table for files, table in tables_of(containers).items() if _has(table, columns)
    }
    leading = next(iter(containers))
    if leading not in tables:
        _require_key(containers[leading], columns)
    return {files: _keys(table, columns) for files, table in tables.items()}


def _reordered(
    arrays: Mapping[str, Source], order: NDArray[np.intp], count: int, stack: ExitStack
) -> dict[str, Source]:
    """Return the arrays of a file of `count` rows with the rows in another order."""
    from losscli.readers.tables.reordered import Reordered, copy_all  # noqa: PLC0415 - pyarrow

    reordered = {
        name: stack.enter_context(closing(Reordered(array, order, count)))
        for name, array in arrays.items()
    }
    copy_all(reordered.values())
    return {**reordered}


def common_keys(requests: Sequence[Request]) -> Keys | None:
    """Return the keys that all tables of the requests share, in the order of the first table."""
    from losscli.readers.tables.keys import matched  # noqa: PLC0415 - pyarrow

    if requests[0].id is None:
        return None
    read: list[Keys] = []
    for request in requests:
        with ExitStack() as stack:
            containers = open_containers(request, stack)
            select_rows(request, containers)
            columns = key_columns(request, containers)
            tables = tables_of(containers).values()
            read += [_keys(table, columns) for table in tables if _has(table, columns)]
    if not read:
        return None
    match = matched(read, requests[0].join is not None)
    return replace(read[0], kept=match.keys)


def require_same_rows(requests: Sequence[Request], taken: set[str]) -> None:
    """Raise DataError if the tables of two models have their rows in different orders. Compares the
    unused columns that both tables have, in a separate pass."""
    first = requests[0]
    if first.id is not None or first.pair is not None or _has_standard_input(requests):
        return
    with ExitStack() as stack:
        of_models = [open_containers(request, stack) for request in requests]
        for request, containers in zip(requests, of_models, strict=True):
            select_rows(request, containers)
        for table in tables_of(of_models[0]).values():
            for other in tables_of(of_models[1]).values():
                rows = None if table.name == other.name else _compared(table, other, taken)
                if rows is not None:
                    rows.read_all()


def _has_standard_input(requests: Sequence[Request]) -> bool:
    values = [value for request in requests for value in request.arrays.values()]
    return any(STANDARD_INPUT in value for value in values if isinstance(value, tuple))


def _is_in_order(order: NDArray[np.intp], keys: Keys) -> bool:
    """Whether the order keeps every row in its place."""
    return len(order) == len(keys.kept[0]) and bool(np.all(order == np.arange(len(order))))


def _has(container: Container, columns: tuple[str, ...]) -> bool:
    """Whether a file has all columns of the key."""
    return all(same_key(name, container.offer.names) is not None for name in columns)


def _require_key(container: Container, columns: tuple[str, ...]) -> None:
    names = container.offer.names
    missing = [name for name in columns if name not in names]
    existing = f"the columns are {listed(names)}" if names else "the file has no columns"
    raise DataError(f"{container.name}: --id: no column {listed(missing)}; {existing}")


def _keys(table: Table, columns: tuple[str, ...]) -> Keys:
    from losscli.readers.tables.keys import Keys  # noqa: PLC0415

    parts = [table.column(same_key(name, table.offer.names) or name) for name in columns]
    kept = tuple(column.combine_chunks() for column, _ in parts)
    dropped = tuple(column.combine_chunks() for _, column in parts)
    return Keys(table.name, table.file.place, kept, dropped)


def require_joined(
    request: Request, containers: Containers, runs_along: Callable[[Files], bool]
) -> None:
    """Raise DataError for a file without the key whose arrays run along the samples."""
    columns = key_columns(request, containers)
    for files, container in containers.items():
        if not (container.is_table and _has(container, columns)) and runs_along(files):
            _require_key(container, columns)


def same_rows(
    request: Request, containers: Containers, chosen: Chosen
) -> Iterator[tuple[Files, SameRows]]:
    """Yield checks that the rows of a table match the rows of an earlier table, by the columns that
    both tables have. There are no checks if the request defines how to pair rows."""
    tables = tables_of(containers)
    if request.id is not None or request.pair is not None or len(tables) < 2:
        return
    taken = {name for names in chosen.columns.values() for name in names}
    for number, (files, table) in enumerate(tables.items()):
        for earlier in list(tables.values())[:number]:
            rows = _compared(earlier, table, taken)
            if rows is not None:
                yield files, rows


def _compared(first: Table, other: Table, taken: set[str]) -> SameRows | None:
    """Return the check of the rows of two tables; None if they share no usable column."""
    from losscli.readers.tables.same_rows import SameRows, Shared  # noqa: PLC0415 - only for tables

    shared = [
        Shared(first.cells(name), other.cells(its_name), is_key(name))
        for name, its_name in _shared_columns(first, other, taken)
    ] or [
        Shared(first.cells(name), other.cells(its_name), decides=False)
        for name, its_name in _other_keys(first, other, taken)
    ]
    return SameRows(shared) if shared else None


def _other_keys(first: Table, other: Table, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the keys of both tables if each table has exactly one, whatever the names."""
    keys = [
        [name for name in table.offer.names if is_key(name) and table.identifies_rows(name, True)]
        for table in (first, other)
    ]
    if [len(names) for names in keys] == [1, 1] and not {*keys[0], *keys[1]} & taken:
        yield keys[0][0], keys[1][0]


def _shared_columns(first: Table, other: Table, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of unused columns of the two tables that may identify rows: the same key, or
    columns of the same name that contain neither fractions nor lists."""
    names = other.offer.names
    for name in first.offer.names:
        its_name = same_key(name, names)
        if its_name is None or {name, its_name} & taken:
            continue
        if first.identifies_rows(name, is_key(name)) and other.identifies_rows(
            its_name, is_key(name)
        ):
            yield name, its_name
