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
        """Read columns as one array. Raises DataError if they cannot be one array."""
        require_usable(self.schema, columns, self._file.name)
        self._numbers = list(dict.fromkeys([*self._numbers, *columns]))

    def add_labels(self, column: str) -> None:
        """Read a column as labels. The same column may be an array, too. Raises DataError if its
        values cannot be labels."""
        field = self._file.label_field(column)
        kind = value_type(bare_type(field.type))  # of each step, if rows are sequences
        require_label(kind, self._file.name, column)
        self._labels[column] = field

    def allow_text(self, column: str) -> None:
        """Read a column of names as text. Text in other columns is an error."""
        self._texts.add(column)

    def take_as_text(self, column: str) -> None:
        """Read a column as names, although its first block contains only missing values."""
        index = self.schema.get_field_index(column)
        self.schema = self.schema.set(index, pa.field(column, pa.string()))
        self.allow_text(column)

    def type_of(self, name: str) -> pa.DataType:
        """Return the type of a column in an array."""
        if self._must_be_numbers(name):
            return pa.float64()
        return plain_type(self.schema.field(name).type)

    def fields(self, drops_rows: bool) -> Iterator[pa.Field]:
        """Yield the columns to read. A column that is both array and labels is read as labels, from
        which the array is converted. `drops_rows` means that conditions drop rows."""
        numbers = {name: self._stored_field(name, drops_rows) for name in self._numbers}
        yield from (numbers | self._labels).values()
        if self.needs_file and self._file.files:
            yield pa.field(FILE, pa.int64())

    def of(self, batch: pa.RecordBatch, rows: NDArray[np.int64], needs_rows: bool) -> pa.Table:
        """Convert the columns of a batch to arrays and labels.

        `rows` are the numbers of the batch's rows in the file, which `needs_rows` adds as a column.
        Raises DataError for a word in a column of numbers.
        """
        columns = {name: self._as_numbers(batch, name, rows) for name in self._numbers}
        columns |= {LABEL + name: compact(bare(batch.column(name))) for name in self._labels}
        if needs_rows:
            columns[ROW] = pa.array(rows)
        if self.needs_file:
            has_files = FILE in batch.schema.names
            columns[FILE] = batch.column(FILE) if has_files else pa.array(np.zeros_like(rows))
        return pa.table(columns)

    def of_no_rows(self, needs_rows: bool, is_ragged: bool) -> pa.Table:
        """Return an empty table with the columns of `of`. With `is_ragged`, columns of lists have
        the type of their items."""
        types = {name: self.type_of(name) for name in self._numbers}
        labels = {name: bare_type(field.type) for name, field in self._labels.items()}
        types |= {LABEL + name: compact_type(kind) for name, kind in labels.items()}
        if is_ragged:
            types = {name: value_type(kind) for name, kind in types.items()}
        numbers = [ROW] * needs_rows + [FILE] * self.needs_file
        types |= dict.fromkeys(numbers, pa.int64())
        return pa.schema(list(types.items())).empty_table()

    def _as_numbers(self, batch: pa.RecordBatch, name: str, rows: NDArray[np.int64]) -> pa.Array:
        def place(row: int) -> str:
            return self._file.place(int(rows[row]), name)

        return as_numbers(batch.column(name), self.type_of(name), self._file.missing, place)

    def _stored_field(self, name: str, drops_rows: bool) -> pa.Field:
        """Return the field for reading an array's column. Text is read as numbers, unless rows are
        dropped first, since dropped rows may contain any text."""
        field = self.schema.field(name)
        if drops_rows and pa.types.is_string(self._file.label_type(field)):
            return field.with_type(pa.string())
        return field.with_type(pa.float64()) if self._must_be_numbers(name) else field

    def _must_be_numbers(self, name: str) -> bool:
        return is_text(plain_type(self.schema.field(name).type)) and name not in self._texts
