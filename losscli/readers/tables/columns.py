"""Columns: the columns of a table that are read, and their types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers.tables.dictionaries import compact, compact_type
from losscli.readers.tables.labels import bare, require_label
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import (
    FILE,
    LABEL,
    ROW,
    bare_type,
    is_text,
    plain_type,
    require_usable,
    value_type,
)
from losscli.readers.tables.words import as_numbers


class Columns:
    """The columns of a table that are used as arrays or labels.

    Attributes:
        schema: the types that columns are read as
        needs_file: whether to add the number of the file that each row comes from
    """

    def __init__(self, file: TableFile) -> None:
        self.schema = file.schema
        self.needs_file = False
        self._file = file
        self._numbers: list[str] = []
        self._labels: dict[str, pa.Field] = {}
        self._texts: set[str] = set()

    def add_numbers(self, columns: Sequence[str]) -> None:
        """Read columns as one array."""
        require_usable(self.schema, columns, self._file.name)
        self._numbers = list(dict.fromkeys([*self._numbers, *columns]))

    def add_labels(self, column: str) -> None:
        """Read a column as labels. It may be used as an array too."""
        field = self._file.label_field(column)
        kind = value_type(bare_type(field.type))  # of each step, if rows are sequences
        require_label(kind, self._file.name, column)
        self._labels[column] = field

    def allow_text(self, column: str) -> None:
        """Read a column of names as text. Text in other columns is an error."""
        self._texts.add(column)

    def take_as_text(self, column: str) -> None:
        """Read a column that contained only missing values so far as names."""
        index = self.schema.get_field_index(column)
        self.schema = self.schema.set(index, pa.field(column, pa.string()))
        self.allow_text(column)

    def type_of(self, name: str) -> pa.DataType:
        """Return the type of an array's column."""
        if self._must_be_numbers(name):
            return pa.float64()
        return plain_type(self.schema.field(name).type)

    def fields(self, drops_rows: bool) -> Iterator[pa.Field]:
        """Yield the columns to read. A column that is both array and labels is read as labels, and
        the array is converted from it."""
        numbers = {name: self._stored_field(name, drops_rows) for name in self._numbers}
        yield from (numbers | self._labels).values()
        if self.needs_file and self._file.files:
            yield pa.field(FILE, pa.int64())

    def of(self, batch: pa.RecordBatch, rows: NDArray[np.int64], needs_rows: bool) -> pa.Table:
        """Convert the columns of a batch. `rows` are its rows in the file. Raises DataError for a
        word in a column of numbers."""
        columns = {name: self._as_numbers(batch, name, rows) for name in self._numbers}
        columns |= {LABEL + name: compact(bare(batch.column(name))) for name in self._labels}
        if needs_rows:
            columns[ROW] = pa.array(rows)
        if self.needs_file:
            has_files = FILE in batch.schema.names
            columns[FILE] = batch.column(FILE) if has_files else pa.array(np.zeros_like(rows))
        return pa.table(columns)

    def of_no_rows(self, needs_rows: bool, is_ragged: bool) -> pa.Table:
        """Return an empty table with these columns, or with `is_ragged` with the items of lists."""
        types = {name: self.type_of(name) for name in self._numbers}
        labels = {name: bare_type(field.type) for name, field in self._labels.items()}
        types |= {LABEL + name: compact_type(kind) for name, kind in labels.items()}
        if is_ragged:
            types = {name: value_type(kind) for name, kind in types.items()}
        places = [ROW] * needs_rows + [FILE] * self.needs_file
        types |= dict.fromkeys(places, pa.int64())
        return pa.schema(list(types.items())).empty_table()

    def _as_numbers(self, batch: pa.RecordBatch, name: str, rows: NDArray[np.int64]) -> pa.Array:
        def place(row: int) -> str:
            return self._file.place(int(rows[row]), name)

        return as_numbers(batch.column(name), self.type_of(name), self._file.missing, place)

    def _stored_field(self, name: str, drops_rows: bool) -> pa.Field:
        """Return how to read an array's column: text as numbers, unless rows are dropped first,
        since dropped rows may contain any text."""
        field = self.schema.field(name)
        if drops_rows and pa.types.is_string(self._file.label_type(field)):
            return field.with_type(pa.string())
        return field.with_type(pa.float64()) if self._must_be_numbers(name) else field

    def _must_be_numbers(self, name: str) -> bool:
        return is_text(plain_type(self.schema.field(name).type)) and name not in self._texts
