"""Columns of lists of equal length. Each list is a row of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table


class ListLength(NamedTuple):
    """The required length of all lists of a column, and the description of such a list for
    messages. `has_no_rows` means that the table is known to be empty."""

    size: int
    described: str
    has_no_rows: bool = False


def length_of(table: Table, column: str) -> ListLength:
    """Return the length of the lists of a column, from the column's type or from the first list in
    the table. The length is 0 if there is no list. Rows before the first list stay in memory."""
    kind = table.type_of(column)
    if pa.types.is_fixed_size_list(kind):
        return ListLength(kind.list_size, f"a list of {kind.list_size}")
    rows = 1
    while True:
        cells = table.read(0, rows).column(column)
        if cells.null_count < len(cells):
            row = cells.is_valid().index(True).as_py()
            length = len(cells[row])
            described = f"a list of {length} as in {table.row_name(row)}"
            return ListLength(length, described)
        if len(cells) < rows:
            return ListLength(0, "a list", has_no_rows=len(cells) == 0)
        rows *= 2


def odd_length(column: pa.ChunkedArray, size: int) -> tuple[int, int]:
    """Return the position and the length of the first list of another length; the position is -1 if
    there is none."""
    import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

    lengths = pc.list_value_length(column)
    odd = int(pc.not_equal(lengths, size).index(True).as_py())
    return odd, 0 if odd < 0 else int(lengths[odd].as_py())


def flattened(column: pa.ChunkedArray, size: int, filler: int | bool) -> pa.ChunkedArray:
    """Return the concatenated values of all lists. A missing list becomes `size` fillers."""
    import pyarrow.compute as pc  # noqa: PLC0415

    if column.null_count:
        row = pa.scalar([filler] * size, column.type)
        column = pc.if_else(column.is_null(), row, column)
    return pc.list_flatten(column)
