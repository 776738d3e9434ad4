"""Rows of tables that are sequences, and rows with missing values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from losscli.opening.labels import Label
from losscli.request.request import SAMPLE, Request
from losscli.source import Source

if TYPE_CHECKING:
    from losscli.readers.tables.number_array import TableArray
    from losscli.readers.tables.table import Table


def prepare_rows(
    request: Request, arrays: Mapping[str, Source], tables: Mapping[str, TableArray]
) -> Table | None:
    """Set whether rows may have missing values. If the rows of any array are sequences, treat the
    lists of all tables as sequences and return the first table."""
    for array in tables.values():
        array.skips_missing = request.skip_missing
    if not any(array.is_nested for array in tables.values()):
        return None
    distinct = list(dict.fromkeys(array.table for array in tables.values()))
    leading = tables.get(next(iter(arrays)))
    # Rows dropped from one table would still be in the others.
    drops_rows = request.skip_missing and len(distinct) == 1
    for table in distinct:
        columns = (leading.columns if leading and leading.table is table else None) or ()
        table.explode(columns, request.is_shifted, drops_rows)
    return distinct[0]


def sequence_labels(tables: Mapping[str, TableArray], ragged: Table | None) -> Iterator[Label]:
    """Yield the labels that give each step of a sequence its row of the file, if rows are
    sequences."""
    if ragged is not None:
        from losscli.readers.tables.label_arrays import FileRows  # noqa: PLC0415 - pyarrow

        of_table = next(array for array in tables.values() if array.table is ragged)
        yield Label(SAMPLE, FileRows(of_table))


def rows_present(
    arrays: Mapping[str, Source], tables: Mapping[str, TableArray], ragged: Table | None
) -> Source:
    """Return the array that marks the rows that have all values."""
    from losscli.readers.tables.together import Together  # noqa: PLC0415 - only for tables

    of_tables = {name: arrays[name] for name in tables}
    return Together(of_tables, ragged is not None)
