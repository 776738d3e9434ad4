"""Notes on the choices made while opening files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from losscli.binding.names import is_key
from losscli.errors import listed
from losscli.opening.files import Containers, tables_of
from losscli.request.request import Files, Request
from losscli.source import Source


def columns_taken(
    request: Request, arrays: Mapping[str, Source], containers: Containers
) -> Iterator[str]:
    """Yield a note on the columns that were detected, and on the columns that were left out."""
    parts = [
        f"{name}: used {'columns' if len(array.columns) > 1 else 'column'} "
        f"{listed(array.columns)} of {array.name}"
        for name, array in arrays.items()
        if array.columns is not None and name in request.arrays and name not in request.columns
    ]
    used = {column for array in arrays.values() for column in array.columns or ()}
    used |= {*request.keys, *request.label_columns}
    names = [name for container in containers.values() for name in container.offer.names]
    left_out = [name for name in dict.fromkeys(names) if name not in used and not is_key(name)]
    if parts and left_out:
        parts.append(f"left out: {listed(left_out)}")
    if parts:
        yield "; ".join(parts)


def paired_by_position(
    request: Request, containers: Containers, compared: Collection[Files]
) -> Iterator[str]:
    """Yield a note for each table whose rows are paired by position without a column to compare."""
    tables = tables_of(containers)
    if request.id is not None or request.pair is not None or len(tables) < 2:
        return
    first, *others = tables
    for files in others:
        if files not in compared:
            yield (
                f"rows are paired by position: {tables[first].name} and {tables[files].name} share "
                "no column that could be a key"
            )
