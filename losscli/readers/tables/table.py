"""Columns of a table as arrays, from any format that comes as Arrow record batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from losscli.errors import DataError
from losscli.readers import budget
from losscli.readers.container import Container
from losscli.readers.fields import Offer
from losscli.readers.tables.columns import Columns
from losscli.readers.tables.conditions import Conditions
from losscli.readers.tables.label_arrays import (
    TableCells,
    TableFiles,
    TableLabels,
    TableValues,
)
from losscli.readers.tables.labels import bare, is_label, label_values, without_zeros
from losscli.readers.tables.number_array import TableArray
from losscli.readers.tables.ragged import Sequences
from losscli.readers.tables.selection import Mask, Selection
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import (
    ROW,
    bare_type,
    is_text,
    plain,
    plain_type,
    value_type,
)
from losscli.readers.tables.where import Where
from losscli.readers.tables.window import Window
from losscli.readers.tables.words import as_numbers, numbers_if_all_are
from losscli.threads import in_order


class Table(Container):
    """A table that is read once, from its first row to its last, for all arrays made from it.

    All arrays are made, and all that is to be done with rows is said, before any row is read.
    """

    def __init__(self, file: TableFile) -> None:
        budget.require_names(file.name, file.looks.names)
        if not file.looks.names:
            raise DataError(f"{file.name}: found a table without columns")
        self.name = file.name
        self.bytes = file.bytes
        self.files = file.files
        self.notes = file.notes
        self.warnings = file.warnings
        self.missing = file.missing
        self.file = file
        self._offer = file.offer
        self._columns = Columns(file)
        self._conditions = Conditions(file)
        self._sequences: Sequences | None = None
        self._window: Window | None = None
        self._rows_read = 0
        self._rows_kept = 0

    @property
    def table(self) -> Table:
        return self

    @property
    def offer(self) -> Offer:
        return self._offer

    @property
    def row_count(self) -> int | None:
        """How many rows the arrays have, where that is known."""
        return None if self._needs_rows else self.file.row_count

    @property
    def is_ragged(self) -> bool:
        """Whether each row is a sequence, of which every step is a row of the arrays."""
        return self._sequences is not None

    @property
    def schema(self) -> pa.Schema:
        """The types that columns are read as."""
        return self._columns.schema

    def type_of(self, name: str) -> pa.DataType:
        """The type of a column as the arrays have it."""
        kind = self._columns.type_of(name)
        return value_type(kind) if self.is_ragged else kind

    def array(self, columns: Sequence[str] | None, option: str) -> TableArray:
        """Columns as one array."""
        del option  # columns of a table always have names
        assert columns is not None
        self._columns.add_numbers(columns)
        return TableArray(self, tuple(columns))

    def labels(self, column: str) -> TableLabels:
        """A column as labels; the same may be an array as well."""
        self._columns.add_labels(column)
        return TableLabels(self, (column,))

    def values(self, column: str) -> TableValues:
        """A column as the values that it has, for keys and what else is shown with a row."""
        self._columns.add_labels(column)
        return TableValues(self, (column,))

    def cells(self, column: str) -> TableCells:
        """A column to be compared with that of another table."""
        self._columns.add_labels(column)
        return TableCells(self, (column,), self.offer.field(column))

    def file_labels(self) -> TableFiles:
        """The file that each row comes from, as a label."""
        self._columns.needs_file = True
        return TableFiles(self, ())

    def identifies_rows(self, column: str, is_key: bool) -> bool:
        """Whether a column contains labels: no lists or records, and fractions only if it is a
        key."""
        kind = bare_type(self.file.looks.field(column).type)
        return is_label(kind) and (is_key or not pa.types.is_floating(kind))

    def keep_rows(self, condition: Where) -> None:
        """Drop all rows that do not meet a condition on one of the columns."""
        self._conditions.add(condition)

    def follow(self, selection: Selection) -> None:
        """Drop the rows that conditions on another table drop there."""
        self._conditions.follow(selection)

    def allow_text(self, column: str) -> None:
        """Read a column of names as it is; text in any other is an error."""
        self._columns.allow_text(column)

    def take_as_text(self, column: str) -> None:
        """Read a column of which nothing but missing numbers is known as names."""
        self._columns.take_as_text(column)

    def explode(self, leading: Sequence[str], shift: bool, leaves_out: bool) -> None:
        """Take every row for a sequence; with `shift`, the columns of `leading` lose their last
        step and all others their first. With `leaves_out` a row that lacks a list is left out;
        otherwise it is an error."""
        self._sequences = Sequences(self.name, tuple(leading), shift, leaves_out)

    def column(self, name: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """A whole column of labels, of the rows that conditions keep and of those that they drop,
        in a pass of its own."""
        field = self.file.label_field(name)
        empty = label_values(pa.array([], bare_type(field.type)), self.name, name, int)
        kept, dropped, first, size = [empty], [empty], 0, 0
        for batch, keeps in self._conditions.batches([field]):
            values = label_values(bare(batch.column(name)), self.name, name, first.__add__)
            size += values.nbytes
            budget.require_keys(self.name, size, self.bytes)
            if pa.types.is_floating(self.file.looks.field(name).type) and is_text(values.type):
                values = without_zeros(values)  # 1.0 in one file is 1 in another
            kept.append(values.filter(pa.array(keeps)))
            dropped.append(values.filter(pa.array(~keeps)))
            first += batch.num_rows
        return pa.chunked_array(kept), pa.chunked_array(dropped)

    def distinct(self, name: str, most: int, all_rows: bool) -> pa.Array | None:
        """The values of a column, each once, of all rows or of those that conditions keep, in a
        pass of its own; None if there are more than so many. Numbers are numbers, text is text."""
        field = self.schema.field(name)
        if name in self.file.unknown:
            field = field.with_type(pa.string())
        kind = plain_type(field.type)
        distinct, first = pa.array([], kind), 0
        for batch, keeps in self._conditions.batches([field]):
            taken = keeps | all_rows
            values = plain(batch.column(name)).filter(pa.array(taken))
            if values.type != kind:  # a condition reads it as text
                place = (self.name, name, first + np.flatnonzero(taken))
                values = as_numbers(values, kind, self.missing, place)
            distinct = pa.concat_arrays([distinct, values.unique()]).unique()
            first += batch.num_rows
            if len(distinct) > most:
                return None
        is_unknown = name in self.file.unknown
        return numbers_if_all_are(distinct, self.missing) if is_unknown else distinct

    def masks(self) -> Iterator[Mask]:
        """Which rows the conditions on this table keep, in a pass of its own."""
        return self._conditions.own_masks()

    def read(self, start: int, stop: int) -> pa.Table:
        """Rows from `start` to `stop`, fewer at the end. It forgets the rows before `start`."""
        return self._open().read(start, stop)

    def file_row(self, row: int) -> int:
        """The row of the file that one of the rows in memory comes from."""
        if not self._needs_rows:
            return row
        return self._open().value(ROW, row)

    def count(self) -> int:
        """The number of rows, after reading all of them if the format does not say it."""
        return self._open().count() if self.row_count is None else self.row_count

    def samples(self) -> int:
        """The number of sequences, once all were read."""
        return 0 if self._sequences is None else self._sequences.count

    def selected(self) -> tuple[int, int]:
        """How many rows conditions kept, and how many they dropped, once all were read."""
        return self._rows_kept, self._rows_read - self._rows_kept

    def close(self) -> None:
        self._window = None

    @property
    def _needs_rows(self) -> bool:
        """Whether rows have other numbers than in the file."""
        return self.is_ragged or bool(self._conditions)

    def _open(self) -> Window:
        if self._window is None:
            tables = self._tables()
            ahead = tables if self.file.threads == 1 else _ahead(tables)
            empty = self._columns.of_no_rows(self._needs_rows, self.is_ragged)
            self._window = Window(self.name, ahead, empty)
        return self._window

    def _tables(self) -> Iterator[pa.Table]:
        """The kept rows as numbers and labels, and their steps where rows are sequences."""
        fields = self._columns.fields(bool(self._conditions))
        for batch, keeps in self._conditions.batches(fields):
            rows = self._rows_read + np.flatnonzero(keeps)
            self._rows_read += batch.num_rows
            self._rows_kept += len(rows)
            kept = batch if len(rows) == batch.num_rows else batch.filter(pa.array(keeps))
            table = self._columns.of(kept, rows, self._needs_rows)
            yield table if self._sequences is None else self._sequences.steps(table)


def _ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same, the next one being made while this one is used."""
    steps = itertools.repeat(partial(next, tables, None))
    return itertools.takewhile(lambda table: table is not None, in_order(steps, 1))
