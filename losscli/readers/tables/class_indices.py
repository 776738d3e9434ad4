"""ClassIndices: names of classes in a column of text, as the indices of the classes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from losscli.errors import listed, quoted

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table

# Rows without a class name, before the first that has one, that are kept to find it.
_MOST_GAPS = 1 << 16


class ClassIndices:
    """The indices of names among the names of the classes, called in one of several ways."""

    def __init__(self, table: Table, column: str, namings: list[list[str]]) -> None:
        self._table = table
        self._column = column
        self._namings = namings

    @cached_property
    def names(self) -> list[str]:
        """The names of the classes: the first naming that has the first name of the column. Rows
        without a name before it are kept, as they have yet to be read, up to a limit."""
        rows = 1
        while True:
            column = self._table.read(0, rows).column(self._column).to_pylist()
            for names in self._namings:
                if not set(names).isdisjoint(column):
                    return names
            gaps = {None, *self._table.missing}.issuperset(column)
            if not gaps or len(column) < rows or rows >= _MOST_GAPS:
                return self._namings[0]
            rows *= 2

    def of(self, column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """The index of each name, none for what is no name, and which cells have no value. A word
        such as NA means a missing value unless a class is called so."""
        import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

        indices = pc.index_in(column, pa.array(self.names, pa.string()).cast(column.type))
        words = pc.is_in(column, pa.array(self._table.missing, column.type))
        return indices, pc.and_(indices.is_null(), pc.or_(column.is_null(), words))

    def first_odd(self, indices: pa.ChunkedArray, allowed: pa.ChunkedArray | None) -> int:
        """The first place without an index that is not allowed to have none; -1 if all have one."""
        import pyarrow.compute as pc  # noqa: PLC0415

        unknown = indices.is_null()
        wrong = unknown if allowed is None else pc.and_not(unknown, allowed)
        return int(wrong.index(True).as_py())

    def problem(self, cell: str | None) -> str:
        """What is wrong with a cell that is no name of a class."""
        if cell is None:
            return "found no value, expected a class"
        return f"found {quoted(cell)}, expected one of {listed(self.names)}"
