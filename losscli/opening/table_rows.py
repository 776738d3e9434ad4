"""Rows of tables that are sequences, and rows that lack values."""

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
    """Say whether rows may lack values, and where any array's rows are sequences, take all tables'
    lists for sequences; the first of these tables."""
    for array in tables.values():
        array.skips_missing = request.skip_missing
    if not any(array.is_nested for array in tables.values()):
        return None
    several = list(dict.fromkeys(array.table for array in tables.values()))
    leading = tables.get(next(iter(arrays)))
    # What one table leaves out is still in the others.
    leaves_out = request.skip_missing and len(several) == 1
    for table in several:
        columns = (leading.columns if leading and leading.table is table else None) or ()
        table.explode(columns, request.is_shifted, leaves_out)
    return several[0]


def sequence_labels(tables: Mapping[str, TableArray], ragged: Table | None) -> Iterator[Label]:
    """The row of the file to which each step of a sequence belongs."""
    if ragged is not None:
        from losscli.readers.tables.label_arrays import FileRows  # noqa: PLC0415 - pyarrow

        of_table = next(array for array in tables.values() if array.table is ragged)
        yield Label(SAMPLE, FileRows(of_table))


def rows_present(
    arrays: Mapping[str, Source], tables: Mapping[str, TableArray], ragged: Table | None
) -> Source:
    """The array that says which rows have all values, where some may lack them."""
    from losscli.readers.tables.together import Together  # noqa: PLC0415 - for tables alone

    of_tables = {name: arrays[name] for name in tables}
    return Together(of_tables, ragged is not None)
