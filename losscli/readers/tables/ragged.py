"""Split rows that are sequences of different lengths into steps. Each step becomes a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, quoted
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import LABEL, ROW, is_list


class Sequences:
    """Splits the rows of a table into steps, and counts the rows.

    With `shift`, the columns of `leading` lose their last step, and all other columns their first
    step. The prediction of a step is then paired with the label of the next step. With
    `drops_rows`, rows with a missing list are dropped. Otherwise they raise DataError.
    """

    def __init__(
        self, file: TableFile, leading: tuple[str, ...], shift: bool, drops_rows: bool
    ) -> None:
        self.count = 0
        self._file = file
        self._leading = leading
        self._shift = shift
        self._drops_rows = drops_rows

    def steps(self, table: pa.Table) -> pa.Table:
        """Return the steps of all rows of a table. The value of a column without lists is repeated
        for every step. Raises DataError if there are no lists, or if lists differ in length."""
        table = self._complete(table).combine_chunks()
        self.count += table.num_rows
        lists = _lists(table)
        if not lists:
            raise DataError(
                f"{self._file.name}: expected a list in each row, since the rows of another file "
                "are sequences; found no lists"
            )
        lengths = self._lengths(table, lists)
        rows = np.repeat(np.arange(table.num_rows), lengths)
        steps = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        is_last = steps == lengths[rows] - 1
        columns = {}
        for column in table.schema.names:
            values = table.column(column)
            values = _flattened(values) if column in lists else values.take(pa.array(rows))
            if self._shift:
                keeps = ~is_last if column in self._leading else steps > 0
                values = values.filter(pa.array(keeps))
            columns[column] = values
        return pa.table(columns)

    def _complete(self, table: pa.Table) -> pa.Table:
        """Return the rows without missing lists. Raises DataError unless rows may be dropped."""
        for column in _lists(table):
            missing = table.column(column).is_null()
            odd = missing.index(True).as_py()
            if odd < 0:
                continue
            if not self._drops_rows:
                raise DataError(
                    f"{self._file.place(table.column(ROW)[odd].as_py(), _name(column))}: "
                    "expected a sequence, found no value. If this table contains all arrays, use "
                    "--skip-missing to leave out such rows."
                )
            table = table.filter(_not(missing))
        return table

    def _lengths(self, table: pa.Table, lists: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of steps of each row. Raises DataError if the lists of a row differ in
        length."""
        lengths = {column: _list_lengths(table.column(column)) for column in lists}
        first = lengths[lists[0]]
        for column, others in lengths.items():
            odd = np.flatnonzero(others != first)
            if len(odd):
                row = int(odd[0])
                place = self._file.place(table.column(ROW)[row].as_py())
                raise DataError(
                    f"{place}: expected sequences of equal length, found {first[row]} in column "
                    f"{quoted(_name(lists[0]))} and {others[row]} in column {quoted(_name(column))}"
                )
        return first


def _lists(table: pa.Table) -> list[str]:
    return [field.name for field in table.schema if is_list(field.type)]


def _flattened(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

    return pc.list_flatten(column)


def _not(mask: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc  # noqa: PLC0415

    return pc.invert(mask)


def _list_lengths(column: pa.ChunkedArray) -> NDArray[np.int64]:
    import pyarrow.compute as pc  # noqa: PLC0415

    return np.asarray(pc.list_value_length(column).to_numpy(), np.int64)


def _name(column: str) -> str:
    return column.removeprefix(LABEL)
