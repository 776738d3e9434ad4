"""Rows that are sequences of differing lengths: each step becomes a row of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from losscli.errors import DataError
from losscli.readers.columns import is_list
from losscli.readers.table import ROW


def explode(
    table: pa.Table, leading: Sequence[str], shift: bool, first_row: int, name: str
) -> pa.Table:
    """The steps of all rows, end to end; a column without lists is repeated for every step.

    With `shift` the columns of `leading` lose their last step and all others their first, so that
    a step's prediction meets the next step's label.
    """
    table = table.combine_chunks()
    lists = [column for column in table.schema.names if is_list(table.schema.field(column).type)]
    lengths = _lengths(table, lists, first_row, name)
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
    columns[ROW] = pa.array(first_row + (rows[steps > 0] if shift else rows), pa.int64())
    return pa.table(columns)


def _lengths(
    table: pa.Table, lists: Sequence[str], first_row: int, name: str
) -> np.typing.NDArray[np.int64]:
    """The number of steps of each row, which all its lists have."""
    found = {
        column: pc.fill_null(pc.list_value_length(table.column(column)), -1).to_numpy()
        for column in lists
    }
    first = found[lists[0]]
    for column, lengths in found.items():
        odd = np.flatnonzero((lengths != first) | (lengths < 0))
        if len(odd):
            row = int(odd[0])
            raise DataError(
                f"{name}: row {first_row + row}: column {lists[0]!r} has {_steps(first[row])} and "
                f"column {column!r} {_steps(lengths[row])}; expected sequences of one length"
            )
    return np.asarray(first, dtype=np.int64)


def _steps(length: int) -> str:
    return "no sequence" if length < 0 else f"{length} steps"
