"""ClassIndices: convert class names in a column of text to class indices."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from losscli.errors import listed, quoted

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table

# The maximum number of rows that are read to find the first class name.
_MOST_GAPS = 1 << 16


class ClassIndices:
    """Converts names to class indices. `namings` are alternative lists of class names."""

    def __init__(self, table: Table, column: str, namings: list[list[str]]) -> None:
        self._table = table
        self._column = column
        self._namings = namings

    @cached_property
    def names(self) -> list[str]:
        """The names of the classes: the first list that contains a name of the first rows.

        Reads rows until one has a name, up to a limit. These rows stay in memory. If no list
        contains a name of these rows, the first list is returned.
        """
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
        """Return the index of each name, null for other cells, and a mask of the missing cells. A
        word such as NA means a missing value unless it is the name of a class."""
        import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

        indices = pc.index_in(column, pa.array(self.names, pa.string()).cast(column.type))
        words = pc.is_in(column, pa.array(self._table.missing, column.type))
        return indices, pc.and_(indices.is_null(), pc.or_(column.is_null(), words))

    def first_odd(self, indices: pa.ChunkedArray, allowed: pa.ChunkedArray | None) -> int:
        """Return the first position without an index that is not `allowed`; -1 if there is none."""
        import pyarrow.compute as pc  # noqa: PLC0415

        unknown = indices.is_null()
        wrong = unknown if allowed is None else pc.and_not(unknown, allowed)
        return int(wrong.index(True).as_py())

    def problem(self, cell: str | None) -> str:
        """Return the problem with a cell that is not the name of a class."""
        if cell is None:
            return "expected a class, found no value"
        return f"expected one of {listed(self.names)}, found {quoted(cell)}"
