"""Columns of lists of one length, each list a row of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table


class ListLength(NamedTuple):
    """The length that all lists of a column have to have, and how a message describes such a list.

    `has_no_rows`: looking for a list has shown that there is no row.
    """

    size: int
    described: str
    has_no_rows: bool = False


def length_of(table: Table, column: str) -> ListLength:
    """The length of the lists of a column: that of the type, or of the first row that has a list.

    Rows may be missing before it, which are kept, as they have yet to be read. If no row has a list
    the length is 0.
    """
    kind = table.type_of(column)
    if pa.types.is_fixed_size_list(kind):
        return ListLength(kind.list_size, f"one of {kind.list_size}")
    rows = 1
    while True:
        cells = table.read(0, rows).column(column)
        if cells.null_count < len(cells):
            row = cells.is_valid().index(True).as_py()
            length = len(cells[row])
            return ListLength(length, f"one of {length} as in row {table.file_row(row)}")
        if len(cells) < rows:
            return ListLength(0, "one", has_no_rows=len(cells) == 0)
        rows *= 2


def odd_length(column: pa.ChunkedArray, size: int) -> tuple[int, int]:
    """The place and the length of the first list of another length; the place is -1 if there is
    none."""
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    lengths = pc.list_value_length(column)
    odd = int(pc.not_equal(lengths, size).index(True).as_py())
    return odd, 0 if odd < 0 else int(lengths[odd].as_py())


def flattened(column: pa.ChunkedArray, size: int, filler: int | bool) -> pa.ChunkedArray:
    """The values of all lists, end to end, and as many fillers where a list is missing."""
    import pyarrow.compute as pc  # noqa: PLC0415

    if column.null_count:
        row = pa.scalar([filler] * size, column.type)
        column = pc.if_else(column.is_null(), row, column)
    return pc.list_flatten(column)
