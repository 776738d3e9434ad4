"""The files of a request, opened once each, and the rows of them that conditions keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, NamedTuple

from losscli.errors import DataError, listed
from losscli.readers.container import Container
from losscli.readers.fields import Offer
from losscli.readers.files.shards import open_files
from losscli.request.request import Files, Request

if TYPE_CHECKING:
    from losscli.readers.tables.selection import Selection
    from losscli.readers.tables.table import Table

Containers = Mapping[Files, Container]


class Opened(NamedTuple):
    """The files of a request while they are open. `stack` closes what is opened later, and
    `selections` leave out rows of files that are paired by position."""

    request: Request
    containers: Containers
    selections: tuple[Selection, ...]
    stack: ExitStack


def open_request(request: Request, stack: ExitStack) -> Opened:
    """Open the files of a request, and leave out the rows that do not meet its conditions."""
    containers = opened(request, stack)
    return Opened(request, containers, select_rows(request, containers), stack)


def opened(request: Request, stack: ExitStack) -> Containers:
    """The container of each of the files that arrays are made of."""
    several = dict.fromkeys(one for one in request.arrays.values() if isinstance(one, tuple))
    return {
        files: stack.enter_context(closing(open_files(files, request.reading_of(files))))
        for files in several
    }


def offers_of(containers: Containers) -> dict[Files, Offer]:
    return {files: container.offer for files, container in containers.items()}


def tables_of(containers: Containers) -> dict[Files, Table]:
    """Those of the containers whose arrays are columns of the same rows."""
    return {files: one.table for files, one in containers.items() if one.table is not None}


def select_rows(request: Request, containers: Containers) -> tuple[Selection, ...]:
    """Leave out the rows of tables that do not meet the conditions of a request.

    Where rows are paired by position they are left out of the other tables too, and the selections
    are returned by which arrays without columns leave them out.
    """
    if not request.where:
        return ()
    from losscli.readers.tables.selection import Selection  # noqa: PLC0415 - where there are conditions

    tables = tables_of(containers)
    owners: dict[Files, Table] = {}
    for condition in request.where:
        files = _owner(condition.column, containers)
        tables[files].keep_rows(condition)
        owners[files] = tables[files]
    if request.id is not None:
        return ()
    selections = {files: Selection(table.name, table.masks) for files, table in owners.items()}
    for files, selection in selections.items():
        for other, table in tables.items():
            if other != files:
                table.follow(selection)
    return tuple(selections.values())


def require_one_selection(requests: Sequence[Request]) -> None:
    """Raise DataError where a column of a condition is in different files for two models."""
    if not requests[0].where:
        return
    with ExitStack() as stack:
        of_each = [opened(request, stack) for request in requests]
        for condition in requests[0].where:
            first, second = (_owner(condition.column, containers) for containers in of_each)
            if first != second:
                raise DataError(
                    f"--where {condition.column}: both {' '.join(first)} and {' '.join(second)} "
                    "have this column; expected one file for both models"
                )


def _owner(column: str, containers: Containers) -> Files:
    """The files of the one table that has a column."""
    owners = [
        files for files, one in containers.items() if one.is_table and column in one.offer.names
    ]
    if len(owners) > 1:
        both = " and ".join(" ".join(files) for files in owners)
        raise DataError(f"--where {column}: both {both} have this column; expected one of them")
    if not owners:
        names = [name for one in containers.values() if one.is_table for name in one.offer.names]
        there = f"the columns are {listed(names)}" if names else "no file has columns"
        raise DataError(f"--where {column}: found no such column; {there}")
    return owners[0]
