"""Table: columns as arrays, for any format that is read as Arrow record batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

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
    """A table that is read once, from the first row to the last, for all of its arrays.

    Request all arrays and all settings for rows before any row is read.
    """

    def __init__(self, file: TableFile) -> None:
        budget.require_names(file.name, file.apparent.names)
        if not file.apparent.names:
            raise DataError(f"{file.name}: the table has no columns")
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
        self._first_row = 0
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
        """The number of rows of the arrays; None if it is unknown."""
        return None if self._needs_rows else self.file.row_count

    @property
    def is_ragged(self) -> bool:
        """Whether each row is a sequence, whose steps are the rows of the arrays."""
        return self._sequences is not None

    @property
    def schema(self) -> pa.Schema:
        """The types that columns are read as."""
        return self._columns.schema

    def type_of(self, name: str) -> pa.DataType:
        """Return the type of a column in the arrays."""
        kind = self._columns.type_of(name)
        return value_type(kind) if self.is_ragged else kind

    def array(self, columns: Sequence[str] | None, option: str) -> TableArray:
        """Return columns as one array of numbers. `option` is not used."""
        del option  # columns of a table always have names
        assert columns is not None
        self._columns.add_numbers(columns)
        return TableArray(self, tuple(columns))

    def labels(self, column: str) -> TableLabels:
        """Return a column as codes of labels. The same column may be an array, too."""
        self._columns.add_labels(column)
        return TableLabels(self, (column,))

    def values(self, column: str) -> TableValues:
        """Return a column as labels, for keys and other columns that are reported with a row."""
        self._columns.add_labels(column)
        return TableValues(self, (column,))

    def cells(self, column: str) -> TableCells:
        """Return a column for comparing it with a column of another table."""
        self._columns.add_labels(column)
        return TableCells(self, (column,), self.offer.field(column))

    def file_labels(self) -> TableFiles:
        """Return the file that each row comes from, as codes of labels."""
        self._columns.needs_file = True
        return TableFiles(self, ())

    def identifies_rows(self, column: str, is_key: bool) -> bool:
        """Whether a column can identify rows: not lists or records, and fractions only if it is a
        key."""
        kind = bare_type(self.file.apparent.field(column).type)
        return is_label(kind) and (is_key or not pa.types.is_floating(kind))

    def keep_rows(self, condition: Where) -> None:
        """Drop all rows that do not match a condition on one of the columns."""
        self._conditions.add(condition)

    def follow(self, selection: Selection) -> None:
        """Drop the rows whose partners in another table are dropped by conditions on that table."""
        self._conditions.follow(selection)

    def allow_text(self, column: str) -> None:
        """Read a column of names as text. Text in other columns is an error."""
        self._columns.allow_text(column)

    def take_as_text(self, column: str) -> None:
        """Read a column as names, although its first block contains only missing values."""
        self._columns.take_as_text(column)

    def explode(self, leading: Sequence[str], shift: bool, leaves_out: bool) -> None:
        """Split every row into steps, with `leading` and `shift` as in Sequences. `leaves_out`
        drops rows with a missing list."""
        self._sequences = Sequences(self.file, tuple(leading), shift, leaves_out)

    def column(self, name: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """Read a column of labels in a separate pass. Returns the labels of the rows that
        conditions keep, and of the rows that conditions drop."""
        field = self.file.label_field(name)
        empty = label_values(pa.array([], bare_type(field.type)), self.name, name, str)
        kept, dropped, first, size = [empty], [empty], 0, 0
        for batch, keeps in self._conditions.batches([field]):
            place = partial(self._place_from, first, name)
            values = label_values(bare(batch.column(name)), self.name, name, place)
            size += values.nbytes
            budget.require_keys(self.name, size, self.bytes)
            if pa.types.is_floating(self.file.apparent.field(name).type) and is_text(values.type):
                values = without_zeros(values)  # 1.0 in one file matches 1 in another
            kept.append(values.filter(pa.array(keeps)))
            dropped.append(values.filter(pa.array(~keeps)))
            first += batch.num_rows
        return pa.chunked_array(kept), pa.chunked_array(dropped)

    def _place_of(self, rows: NDArray[np.int64], column: str, position: int) -> str:
        return self.file.place(int(rows[position]), column)

    def _place_from(self, first: int, column: str, row: int) -> str:
        return self.file.place(first + row, column)

    def distinct(self, name: str, most: int, all_rows: bool) -> pa.Array | None:
        """Read the distinct values of a column in a separate pass: of all rows, or only of rows
        that conditions keep. None if there are more than `most` values."""
        field = self.schema.field(name)
        if name in self.file.unknown:
            field = field.with_type(pa.string())
        kind = plain_type(field.type)
        distinct, first = pa.array([], kind), 0
        for batch, keeps in self._conditions.batches([field]):
            taken = keeps | all_rows
            values = plain(batch.column(name)).filter(pa.array(taken))
            if values.type != kind:  # a condition reads the column as text
                rows = first + np.flatnonzero(taken)
                values = as_numbers(values, kind, self.missing, partial(self._place_of, rows, name))
            distinct = pa.concat_arrays([distinct, values.unique()]).unique()
            first += batch.num_rows
            if len(distinct) > most:
                return None
        is_unknown = name in self.file.unknown
        return numbers_if_all_are(distinct, self.missing) if is_unknown else distinct

    def masks(self) -> Iterator[Mask]:
        """Yield masks of the rows that the conditions on this table keep, in a separate pass."""
        return self._conditions.own_masks()

    @property
    def can_start(self) -> bool:
        """Whether rows of the table are rows of the file, so that rows can be skipped."""
        return not self._needs_rows

    def start_at(self, row: int) -> None:
        """Skip the rows before `row`. Rows that were read to open the table are dropped."""
        self._window, self._first_row, self._rows_read = None, row, row

    def read(self, start: int, stop: int) -> pa.Table:
        """Return rows from `start` to `stop`, fewer at the end. Drops the rows before `start`."""
        return self._open().read(start, stop)

    def line(self, row: int) -> int | None:
        """Return the line of a row; None if it is not known, or if the rows of the table are not
        all rows of the file."""
        return None if self._needs_rows else self.file.line_of(row)

    def row_name(self, row: int) -> str:
        """Return the line or the number of a row in memory, as text for a message."""
        return self.file.row_name(self.file_row(row))

    def place(self, row: int, column: str) -> str:
        """Return the file, the line or row, and the column of a cell, as text for a message. The
        row must be in memory."""
        return self.file.place(self.file_row(row), column)

    def file_row(self, row: int) -> int:
        """Return the number, in the file, of a row in memory."""
        if not self._needs_rows:
            return row
        return self._open().value(ROW, row)

    def count(self) -> int:
        """Return the number of rows. Reads all rows if the number is not known."""
        return self._open().count() if self.row_count is None else self.row_count

    def samples(self) -> int:
        """Return the number of sequences in the rows read so far; 0 if rows are not sequences."""
        return 0 if self._sequences is None else self._sequences.count

    def selected(self) -> tuple[int, int]:
        """Return the numbers of rows that conditions kept and dropped, of the rows read so far."""
        return self._rows_kept, self._rows_read - self._rows_kept

    def close(self) -> None:
        self._window = None

    @property
    def _needs_rows(self) -> bool:
        """Whether the rows of the table may have other numbers than the rows of the file."""
        return self.is_ragged or bool(self._conditions)

    def _open(self) -> Window:
        if self._window is None:
            tables = self._tables()
            ahead = tables if self.file.threads == 1 else _ahead(tables)
            empty = self._columns.of_no_rows(self._needs_rows, self.is_ragged)
            self._window = Window(self.name, ahead, empty, self._first_row)
        return self._window

    def _tables(self) -> Iterator[pa.Table]:
        """Yield the kept rows as numbers and labels, split into steps if rows are sequences."""
        fields = self._columns.fields(bool(self._conditions))
        for batch, keeps in self._conditions.batches(fields, self._first_row):
            rows = self._rows_read + np.flatnonzero(keeps)
            self._rows_read += batch.num_rows
            self._rows_kept += len(rows)
            kept = batch if len(rows) == batch.num_rows else batch.filter(pa.array(keeps))
            table = self._columns.of(kept, rows, self._needs_rows)
            yield table if self._sequences is None else self._sequences.steps(table)


def _ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same tables, but read the next table in another thread."""
    steps = itertools.repeat(partial(next, tables, None))
    return itertools.takewhile(lambda table: table is not None, in_order(steps, 1))
