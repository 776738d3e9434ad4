"""Rows that are sequences of differing lengths: each step becomes a row of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, quoted
from losscli.readers.tables.types import LABEL, ROW, is_list


class Sequences:
    """Turns the rows of a table into their steps, and counts the rows.

    With `shift` the columns of `leading` lose their last step and all others their first, so that
    a step's prediction is paired with the next step's label. With `leaves_out` a row that lacks a
    list is left out; otherwise it is an error.
    """

    def __init__(self, name: str, leading: tuple[str, ...], shift: bool, leaves_out: bool) -> None:
        self.count = 0
        self._name = name
        self._leading = leading
        self._shift = shift
        self._leaves_out = leaves_out

    def steps(self, table: pa.Table) -> pa.Table:
        """The steps of all rows, end to end; a column without lists is repeated for every step."""
        table = self._complete(table).combine_chunks()
        self.count += table.num_rows
        lists = _lists(table)
        if not lists:
            raise DataError(
                f"{self._name}: found no lists, and the rows of another file are sequences; "
                "expected a list of as many steps in each row"
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
        """The rows that have all their lists."""
        for column in _lists(table):
            missing = table.column(column).is_null()
            odd = missing.index(True).as_py()
            if odd < 0:
                continue
            if not self._leaves_out:
                raise DataError(
                    f"{self._name}: row {table.column(ROW)[odd]}, column {_shown(column)}: found "
                    "no sequence; --skip-missing leaves such rows out of a table that has all "
                    "arrays"
                )
            table = table.filter(_not(missing))
        return table

    def _lengths(self, table: pa.Table, lists: Sequence[str]) -> NDArray[np.int64]:
        """The number of steps of each row, which all its lists have."""
        lengths = {column: _list_lengths(table.column(column)) for column in lists}
        first = lengths[lists[0]]
        for column, others in lengths.items():
            odd = np.flatnonzero(others != first)
            if len(odd):
                row = int(odd[0])
                raise DataError(
                    f"{self._name}: row {table.column(ROW)[row]}: column {_shown(lists[0])} has "
                    f"{first[row]} steps and column {_shown(column)} {others[row]} steps; "
                    "expected sequences of one length"
                )
        return first


def _lists(table: pa.Table) -> list[str]:
    return [field.name for field in table.schema if is_list(field.type)]


def _flattened(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    return pc.list_flatten(column)


def _not(mask: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc  # noqa: PLC0415

    return pc.invert(mask)


def _list_lengths(column: pa.ChunkedArray) -> NDArray[np.int64]:
    import pyarrow.compute as pc  # noqa: PLC0415

    return np.asarray(pc.list_value_length(column).to_numpy(), np.int64)


def _shown(column: str) -> str:
    return quoted(column.removeprefix(LABEL))
