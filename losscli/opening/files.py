"""Open each file of a request once, and apply the conditions on its rows."""

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
    """The open files of a request. `stack` closes files that are opened later. `selections` filter
    the rows of arrays without columns."""

    request: Request
    containers: Containers
    selections: tuple[Selection, ...]
    stack: ExitStack


def open_request(request: Request, stack: ExitStack) -> Opened:
    """Open the files of a request, and filter their rows by the conditions of the request."""
    containers = open_containers(request, stack)
    return Opened(request, containers, select_rows(request, containers), stack)


def open_containers(request: Request, stack: ExitStack) -> Containers:
    """Open the files of every array, and return their containers. `stack` closes them."""
    distinct = dict.fromkeys(value for value in request.arrays.values() if isinstance(value, tuple))
    return {
        files: stack.enter_context(closing(open_files(files, request.reading_of(files))))
        for files in distinct
    }


def offers_of(containers: Containers) -> dict[Files, Offer]:
    return {files: container.offer for files, container in containers.items()}


def tables_of(containers: Containers) -> dict[Files, Table]:
    """Return the tables among the containers."""
    return {
        files: container.table
        for files, container in containers.items()
        if container.table is not None
    }


def select_rows(request: Request, containers: Containers) -> tuple[Selection, ...]:
    """Filter the rows of tables by the conditions of a request.

    If rows are paired by position, the other tables are filtered too. Returns the selections that
    filter arrays without columns. Raises DataError unless exactly one table has each column.
    """
    if not request.where:
        return ()
    from losscli.readers.tables.selection import Selection  # noqa: PLC0415 - only for conditions

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
    """Raise DataError if the column of a condition comes from different files for two models."""
    if not requests[0].where:
        return
    with ExitStack() as stack:
        of_models = [open_containers(request, stack) for request in requests]
        for condition in requests[0].where:
            first, second = (_owner(condition.column, containers) for containers in of_models)
            if first != second:
                raise DataError(
                    f"--where {condition.column}: both {' '.join(first)} and {' '.join(second)} "
                    "have this column. Use a column of a file that both models share."
                )


def _owner(column: str, containers: Containers) -> Files:
    """Return the files of the only table that has a column."""
    tables = {
        files: container.offer.names
        for files, container in containers.items()
        if container.is_table
    }
    owners = [files for files, names in tables.items() if column in names]
    if len(owners) > 1:
        names = ", ".join(" ".join(files) for files in owners)
        raise DataError(
            f"--where {column}: {names} have this column. Rename it in all but one of them."
        )
    if not owners:
        columns = [name for names in tables.values() for name in names]
        existing = f"the columns are {listed(columns)}" if columns else "no file has columns"
        raise DataError(f"--where {column}: no such column; {existing}")
    return owners[0]
