"""Which row of one file belongs to which row of another: by a key, or by position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losscli.binding.choose import Chosen
from losscli.binding.names import is_key, same_key
from losscli.errors import DataError, listed
from losscli.opening.files import Containers, Opened, opened, select_rows, tables_of
from losscli.readers import Container
from losscli.readers.origin import STANDARD_INPUT
from losscli.request import Files, Request, key_array

if TYPE_CHECKING:
    from losscli.readers.pairing import Keys
    from losscli.readers.same_rows import SameRows
    from losscli.readers.table import Table


def key_columns(request: Request, containers: Containers) -> tuple[str, ...]:
    """The columns of the key: all of the text if a column is called so, else what is between its
    commas."""
    if request.id is None:
        return ()
    names = {name for one in containers.values() for name in one.offer.names}
    return (request.id,) if request.id in names else tuple(request.id.split(","))


def join_rows(
    opened_files: Opened, files_of: Mapping[str, Files], arrays: dict[str, Any], keys: Keys | None
) -> tuple[str, ...]:
    """Put the rows of every table in the order of the given keys, or of the first table's keys, and
    return notes on rows that have no partner.

    Tables without the key are left as they are: none of their arrays may run along the samples.
    """
    from losscli.readers.pairing import KeyRows, Reordered, keep_all, matched  # noqa: PLC0415

    request, containers = opened_files.request, opened_files.containers
    columns = key_columns(request, containers)
    tables = {
        files: table for files, table in tables_of(containers).items() if _has(table, columns)
    }
    leading = next(iter(containers))
    if leading not in tables:
        _require_key(containers[leading], columns)
    read: dict[Files | None, Keys] = {} if keys is None else {None: keys}
    read |= {files: _keys(table, columns) for files, table in tables.items()}
    # Keys that are given are those that all files have.
    match = matched(list(read.values()), request.join is not None or keys is not None)
    for files, order in zip(read, match.orders, strict=True):
        if files is None or _is_in_order(order, read[files]):
            continue
        count = len(read[files].kept[0])
        own = {
            name: opened_files.stack.enter_context(closing(Reordered(arrays[name], order, count)))
            for name, value in files_of.items()
            if value == files
        }
        keep_all(own.values())
        arrays |= own
    arrays |= {
        key_array(name): KeyRows(values) for name, values in zip(columns, match.keys, strict=True)
    }
    return tuple(
        f"{one.file}: left out {count} of {len(one.kept[0])} rows, whose key has no partner"
        for one, count in zip(read.values(), match.left_out, strict=True)
        if count and request.join is not None
    )


def common_keys(requests: Sequence[Request]) -> Keys | None:
    """The keys of the rows that all tables of several requests have, in the order of the first."""
    from losscli.readers.pairing import matched  # noqa: PLC0415 - pyarrow

    if requests[0].id is None:
        return None
    read: list[Keys] = []
    for request in requests:
        with ExitStack() as stack:
            containers = opened(request, stack)
            select_rows(request, containers)
            columns = key_columns(request, containers)
            tables = tables_of(containers).values()
            read += [_keys(table, columns) for table in tables if _has(table, columns)]
    if not read:
        return None
    match = matched(read, requests[0].join is not None)
    return replace(read[0], kept=match.keys)


def require_same_rows(requests: Sequence[Request], taken: set[str]) -> None:
    """Raise DataError where tables of two models have their rows in different orders, as columns
    that both have and that no array takes say; in a pass of its own over these columns."""
    first = requests[0]
    if first.id is not None or first.pair is not None or _has_standard_input(requests):
        return
    with ExitStack() as stack:
        of_each = [opened(request, stack) for request in requests]
        for request, containers in zip(requests, of_each, strict=True):
            select_rows(request, containers)
        for table in tables_of(of_each[0]).values():
            for other in tables_of(of_each[1]).values():
                rows = None if table.name == other.name else _compared(table, other, taken)
                if rows is not None:
                    rows.read_all()


def _has_standard_input(requests: Sequence[Request]) -> bool:
    values = [one for request in requests for one in request.arrays.values()]
    return any(STANDARD_INPUT in one for one in values if isinstance(one, tuple))


def _is_in_order(order: NDArray[np.intp], keys: Keys) -> bool:
    """Whether it is every row, in the order in which they are."""
    return len(order) == len(keys.kept[0]) and bool(np.all(order == np.arange(len(order))))


def _has(container: Container, columns: tuple[str, ...]) -> bool:
    """Whether a file has all columns of the key."""
    return all(same_key(name, container.offer.names) is not None for name in columns)


def _require_key(container: Any, columns: tuple[str, ...]) -> None:
    names = container.offer.names
    missing = [name for name in columns if name not in names]
    there = f"the columns are {listed(names)}" if names else "it has no columns"
    raise DataError(f"{container.name}: found no key {listed(missing)} (--id); {there}")


def _keys(table: Table, columns: tuple[str, ...]) -> Keys:
    from losscli.readers.pairing import Keys  # noqa: PLC0415

    parts = [table.column(same_key(name, table.offer.names) or name) for name in columns]
    kept = tuple(one.combine_chunks() for one, _ in parts)
    return Keys(table.name, kept, tuple(one.combine_chunks() for _, one in parts))


def require_joined(
    request: Request, containers: Containers, runs_along: Callable[[Files], bool]
) -> None:
    """Raise DataError for a file whose arrays run along the samples and that lacks the key."""
    columns = key_columns(request, containers)
    for files, container in containers.items():
        if not (container.is_table and _has(container, columns)) and runs_along(files):
            _require_key(container, columns)


def same_rows(
    request: Request, containers: Containers, chosen: Chosen
) -> Iterator[tuple[Files, SameRows]]:
    """For each table a look whether its rows are those of the tables before it, as columns of both
    say; nothing where the request says how rows are paired."""
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
    """What compares the rows of two tables; None if they share no column that could tell."""
    from losscli.readers.same_rows import SameRows, Shared  # noqa: PLC0415 - between tables alone

    shared = [
        Shared(first.cells(name), other.cells(its_name), is_key(name))
        for name, its_name in _shared_columns(first, other, taken)
    ]
    return SameRows(shared) if shared else None


def _shared_columns(first: Table, other: Table, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Columns of both tables that no array takes and that may tell rows apart: keys, whatever the
    case of their names, and others that are neither numbers with fractions nor lists."""
    names = other.offer.names
    for name in first.offer.names:
        its_name = same_key(name, names)
        if its_name is None or {name, its_name} & taken:
            continue
        if first.tells_rows_apart(name, is_key(name)) and other.tells_rows_apart(
            its_name, is_key(name)
        ):
            yield name, its_name
