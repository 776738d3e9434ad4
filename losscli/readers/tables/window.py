"""Window: the rows of a table that are in memory while the table is read in order."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from losscli.readers import budget
from losscli.readers.tables.dictionaries import TEXT_UNIT, text_bytes


class Window:
    """The rows in memory, from consecutive tables of a file that are read once. `empty` is a table
    with the same columns and no rows."""

    def __init__(
        self, name: str, tables: Iterator[pa.Table], empty: pa.Table, first: int = 0
    ) -> None:
        self._name = name
        self._tables = tables
        self._rows = empty
        self._first = first

    def read(self, start: int, stop: int) -> pa.Table:
        """Return rows from `start` to `stop`, fewer at the end. Drops the rows before `start`."""
        fresh, text = [], text_bytes(self._rows)
        missing = stop - self._first - self._rows.num_rows
        while missing > 0 and (table := next(self._tables, None)) is not None:
            fresh.append(table)
            missing -= table.num_rows
            text += text_bytes(table)
            budget.require(self._name, text, budget.MOST_TEXT_BYTES, TEXT_UNIT)
        if fresh:
            self._rows = pa.concat_tables([self._rows, *fresh])
        passed = min(start - self._first, self._rows.num_rows)
        self._rows = self._rows.slice(passed)
        self._first += passed
        return self._rows.slice(0, stop - start)

    def value(self, column: str, row: int) -> int:
        """Return the number in a column of integers, for a row in memory."""
        return int(self._rows.column(column)[row - self._first].as_py())

    def count(self) -> int:
        """Read to the end and return the number of all rows."""
        rest = sum(int(table.num_rows) for table in self._tables)
        self._first += int(self._rows.num_rows) + rest
        self._rows = self._rows.slice(self._rows.num_rows)
        return self._first
