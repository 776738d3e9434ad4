"""Rows that are sequences of differing lengths: each step becomes a row of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from losscli.errors import DataError, quoted
from losscli.readers.columns import LABEL, ROW, is_list


def sequences(table: pa.Table, leaves_out: bool, name: str) -> pa.Table:
    """The rows that have all their lists; one that lacks any is left out or an error."""
    for column in _lists(table):
        missing = table.column(column).is_null()
        odd = missing.index(True).as_py()
        if odd < 0:
            continue
        if not leaves_out:
            raise DataError(
                f"{name}: row {table.column(ROW)[odd]}, column {_shown(column)}: found no "
                "sequence; --skip-missing leaves such rows out of a table that has all arrays"
            )
        table = table.filter(pc.invert(missing))
    return table


def explode(table: pa.Table, leading: Sequence[str], shift: bool, name: str) -> pa.Table:
    """The steps of all rows, end to end; a column without lists is repeated for every step.

    With `shift` the columns of `leading` lose their last step and all others their first, so that
    a step's prediction meets the next step's label.
    """
    table = table.combine_chunks()
    lists = _lists(table)
    lengths = _lengths(table, lists, name)
    rows = np.repeat(np.arange(table.num_rows), lengths)
    steps = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    is_last = steps == lengths[rows] - 1
    columns = {}
    for column in table.schema.names:
        values = table.column(column)
        values = pc.list_flatten(values) if column in lists else values.take(pa.array(rows))
        if shift:
            values = values.filter(pa.array(~is_last if column in leading else steps > 0))
        columns[column] = values
    return pa.table(columns)


def _lists(table: pa.Table) -> list[str]:
    return [field.name for field in table.schema if is_list(field.type)]


def _lengths(table: pa.Table, lists: Sequence[str], name: str) -> np.typing.NDArray[np.int64]:
    """The number of steps of each row, which all its lists have."""
    found = {column: pc.list_value_length(table.column(column)).to_numpy() for column in lists}
    first = found[lists[0]]
    for column, lengths in found.items():
        odd = np.flatnonzero(lengths != first)
        if len(odd):
            row = int(odd[0])
            raise DataError(
                f"{name}: row {table.column(ROW)[row]}: column {_shown(lists[0])} has "
                f"{first[row]} steps and column {_shown(column)} {lengths[row]} steps; expected "
                "sequences of one length"
            )
    return np.asarray(first, dtype=np.int64)


def _shown(column: str) -> str:
    return quoted(column.removeprefix(LABEL))
