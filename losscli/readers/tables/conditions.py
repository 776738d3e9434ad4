"""Filter the rows of a table by its conditions, and by conditions on tables paired with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from losscli.errors import quoted
from losscli.readers.tables.dictionaries import portions
from losscli.readers.tables.labels import bare, label_values, meets
from losscli.readers.tables.pools import at_most
from losscli.readers.tables.selection import Mask, RowStream, Selection
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import require_one
from losscli.readers.tables.where import Where


class Conditions:
    """The conditions on a table. Reads batches of rows, each with a mask of the rows to keep."""

    def __init__(self, file: TableFile) -> None:
        self._file = file
        self._own: list[Where] = []
        self._selections: list[Selection] = []

    def __bool__(self) -> bool:
        return bool(self._own or self._selections)

    def add(self, condition: Where) -> None:
        """Drop all rows that do not match a condition on one of the columns. Raises DataError
        unless the table has exactly one such column."""
        require_one(self._file.apparent, condition.column, self._file.name)
        self._own.append(condition)

    def follow(self, selection: Selection) -> None:
        """Drop the rows whose partners in another table are dropped by conditions on that table."""
        self._selections.append(selection)

    def own_masks(self) -> Iterator[Mask]:
        """Yield, for each batch, a mask of the rows that the conditions on this table keep."""
        for batch in self._batches([]):
            yield self._mask(batch, [])

    def batches(
        self, fields: Iterable[pa.Field], first_row: int = 0
    ) -> Iterator[tuple[pa.RecordBatch, Mask]]:
        """Yield batches with at least these fields, each with a mask of the rows to keep."""
        streams = [selection.stream() for selection in self._selections]
        for batch in self._batches(fields, first_row):
            yield batch, self._mask(batch, streams)
        for stream in streams:
            stream.require_end(self._file.name)

    def _batches(self, fields: Iterable[pa.Field], first_row: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield batches with these fields and the columns of the conditions, read as labels."""
        labels = [self._file.label_field(condition.column) for condition in self._own]
        schema = pa.schema({field.name: field for field in [*fields, *labels]}.values())
        with at_most(self._file.threads):
            for batch in self._file.open_batches(schema, first_row):
                yield from portions(self._file.name, batch)

    def _mask(self, batch: pa.RecordBatch, streams: Sequence[RowStream]) -> Mask:
        masks = [stream.take_from(self._file.name, batch.num_rows) for stream in streams]
        for condition in self._own:
            column = bare(batch.column(condition.column))
            place = partial(_in_column, self._file.name, condition.column)
            labels = label_values(column, self._file.name, condition.column, place)
            masks.append(meets(labels, condition).to_numpy(zero_copy_only=False))
        kept: Mask = np.logical_and.reduce([np.ones(batch.num_rows, np.bool_), *masks])
        return kept


def _in_column(file: str, column: str, row: int) -> str:
    """Return the file and the column of a cell for a message, without its row in the batch."""
    return f"{file}: column {quoted(column)}"
