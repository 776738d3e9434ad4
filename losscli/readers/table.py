"""Columns of a table as arrays, from any format that comes as Arrow record batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, quoted
from losscli.readers.columns import (
    FILE,
    LABEL,
    ROW,
    bare_type,
    fields_of,
    is_text,
    plain_type,
    require_one,
    require_usable,
    value_type,
)
from losscli.readers.fields import Offer
from losscli.readers.labels import bare, is_label, label_values, meets, without_zeros
from losscli.readers.table_arrays import (
    TableArray,
    TableCells,
    TableFiles,
    TableLabels,
    TableValues,
)
from losscli.readers.where import Rows, RowStream, Selection, Where
from losscli.threads import in_order

# What pyarrow raises for files that are damaged.
DAMAGE = (
    pa.ArrowException,
    OSError,
    EOFError,
    UnicodeDecodeError,
    KeyError,
    OverflowError,
    MemoryError,
)

# What pyarrow says where the system gives it no thread, which is no damage.
_NO_THREAD = "Failed to launch worker thread"

# A number as text has it.
_NUMBER = r"^\s*[+-]?(?i:(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)\s*$"
_TRUTH = r"^\s*(?i:true|false|0|1)\s*$"


class Table:
    """A table that is read once, from its first row to its last, for all arrays made from it.

    `open_batches` starts reading the columns of a schema, as its types where text is parsed.
    `row_count` is None where only the end
    tells. `schema` has the types that columns are read as, `seen` those that they look like,
    where that is something else; of such a field `as_labels` tells the type that keeps labels
    apart, and `missing` are the words that mean a missing number. Columns of nothing else so far
    are `unknown`: they may be text. With one of `threads` nothing is
    read ahead. `notes` say what was chosen in opening it, `warnings` what looks wrong with the
    file, `files` and `parts` tell what it is made of, if of several. `numbered`: there is no
    header, and the names of the columns are their positions.
    """

    is_table = True

    def __init__(
        self,
        name: str,
        size: int,
        schema: pa.Schema,
        open_batches: Callable[[pa.Schema], Iterator[pa.RecordBatch]],
        *,
        row_count: int | None = None,
        seen: pa.Schema | None = None,
        as_labels: Callable[[pa.Field], pa.DataType] = lambda field: field.type,
        missing: Sequence[str] = (),
        unknown: frozenset[str] = frozenset(),
        threads: int | None = None,
        notes: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        files: tuple[str, ...] = (),
        numbered: bool = False,
        parts: tuple[Offer, ...] = (),
    ) -> None:
        self.name = name
        self.bytes = size
        self.schema = schema
        self.seen = schema if seen is None else seen
        self.offer = Offer(name, fields_of(self.seen), numbered, parts)
        self.notes = notes
        self.warnings = warnings
        self.files = files
        self.open_batches = open_batches
        self._row_count = row_count
        self.missing = missing
        self.unknown = unknown
        self._threads = threads
        self._as_labels = as_labels
        self._columns: list[str] = []
        self._label_columns: dict[str, pa.Field] = {}
        self._texts: set[str] = set()
        self._leading: tuple[str, ...] | None = None
        self._shift = False
        self._leaves_out = False
        self._conditions: list[Where] = []
        self._selections: list[Selection] = []
        self._wants_file = False
        self._batches: Iterator[pa.Table] | None = None
        self._held: pa.Table | None = None
        self._first_held = 0
        self._rows_read = 0
        self._rows_kept = 0
        self._sequences = 0

    @property
    def row_count(self) -> int | None:
        """How many rows the arrays have, where that is known."""
        return None if self.is_ragged or self.is_selected else self._row_count

    @property
    def is_ragged(self) -> bool:
        """Whether each row is a sequence, of which every step is a row of the arrays."""
        return self._leading is not None

    def type_of(self, name: str) -> pa.DataType:
        """The type of a column as the arrays have it."""
        kind = self._number_type(name)
        return value_type(kind) if self.is_ragged else kind

    @property
    def is_selected(self) -> bool:
        """Whether conditions keep some of the rows alone."""
        return bool(self._conditions or self._selections)

    def array(self, columns: Sequence[str] | None, option: str) -> TableArray:
        """Columns as one array. All arrays are made before any is read."""
        del option  # columns of a table always have names
        assert columns is not None
        require_usable(self.schema, columns, self.name)
        self._columns = list(dict.fromkeys([*self._columns, *columns]))
        return TableArray(self, tuple(columns))

    def labels(self, column: str) -> TableLabels:
        """A column as labels; the same may be an array as well."""
        self._label_columns[column] = self._label_field(column)
        return TableLabels(self, (column,))

    def values(self, column: str) -> TableValues:
        """A column as the values that it has, for keys and what else is shown with a row."""
        self._label_columns[column] = self._label_field(column)
        return TableValues(self, (column,))

    def tells_rows_apart(self, column: str, is_key: bool) -> bool:
        """Whether a column holds labels: no lists or records, and fractions only if it is a key."""
        kind = bare_type(self.seen.field(column).type)
        return is_label(kind) and (is_key or not pa.types.is_floating(kind))

    def cells(self, column: str) -> TableCells:
        """A column to be compared with that of another table."""
        self._label_columns[column] = self._label_field(column)
        return TableCells(self, (column,), self.offer.field(column))

    def file_labels(self) -> TableFiles:
        """The file that each row comes from, as a label."""
        self._wants_file = True
        return TableFiles(self, ())

    def keep_rows(self, condition: Where) -> None:
        """Leave out all rows that do not meet a condition on one of the columns."""
        require_one(self.seen, condition.column, self.name)
        self._conditions.append(condition)

    def follow(self, selection: Selection) -> None:
        """Leave out the rows that conditions on another table leave out there."""
        self._selections.append(selection)

    def allow_text(self, column: str) -> None:
        """Read a column of names as it is; text in any other is an error."""
        self._texts.add(column)

    def take_as_text(self, column: str) -> None:
        """Read a column of which nothing but missing numbers is known as names."""
        place = self.schema.get_field_index(column)
        self.schema = self.schema.set(place, pa.field(column, pa.string()))
        self.allow_text(column)

    def explode(self, leading: Sequence[str], shift: bool, leaves_out: bool) -> None:
        """Take every row for a sequence; with `shift`, the columns of `leading` lose their last
        step and all others their first. `leaves_out` tells what is done with a row that lacks a
        list: nothing, or an error."""
        self._leading, self._shift, self._leaves_out = tuple(leading), shift, leaves_out

    def joined(self, name: str, others: Sequence[Table]) -> Table:
        """The rows of this table and then of others, which have its columns."""
        from losscli.readers.joining import as_wanted, common  # noqa: PLC0415 - imports this

        tables = [self, *others]
        odd = [one.name for one in tables if one.offer.numbered != self.offer.numbered]
        if odd:
            has = "has no header" if self.offer.numbered else "has a header"
            raise DataError(
                f"{odd[0]}: {self.name} {has}, and this file is read otherwise. Use --header or "
                "--no-header for all of them."
            )
        schemas = {table.name: table.schema for table in tables}
        counts = [table.row_count for table in tables]
        known = [count for count in counts if count is not None]

        def batches(wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
            stored = pa.schema([field for field in wanted if field.name != FILE])
            for number, table in enumerate(tables):
                for column in stored.names:
                    if column not in table.schema.names:
                        raise DataError(
                            f"{table.name}: found no column {quoted(column)} as elsewhere"
                        )
                for batch in table.open_batches(stored):
                    joined = as_wanted(batch, stored, table.name, schemas)
                    if FILE in wanted.names:
                        files = pa.array(np.full(batch.num_rows, number))
                        joined = joined.append_column(FILE, files)
                    yield joined

        return Table(
            name,
            sum(table.bytes for table in tables),
            common([table.schema for table in tables]),
            batches,
            row_count=sum(known) if len(known) == len(counts) else None,
            seen=common([table.seen for table in tables]),
            as_labels=self._as_labels,
            missing=self.missing,
            unknown=self.unknown.intersection(*(table.unknown for table in others)),
            threads=self._threads,
            notes=tuple(dict.fromkeys(one for table in tables for one in table.notes)),
            warnings=tuple(one for table in tables for one in table.warnings),
            files=tuple(table.name for table in tables),
            numbered=self.offer.numbered,
            parts=tuple(table.offer for table in tables),
        )

    def column(self, name: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """A whole column of labels, of the rows that conditions keep and of those that they leave
        out, in a pass of its own."""
        field = self._label_field(name)
        empty = label_values(pa.array([], bare_type(field.type)), self.name, name, int)
        kept, dropped, first = [empty], [empty], 0
        streams = self._streams()
        for batch in self.open_batches(self._with_conditions([field])):
            values = label_values(bare(batch.column(name)), self.name, name, first.__add__)
            if pa.types.is_floating(self.seen.field(name).type) and is_text(values.type):
                values = without_zeros(values)  # 1.0 in one file is 1 in another
            keeps = self._mask(batch, streams)
            kept.append(values.filter(pa.array(keeps)))
            dropped.append(values.filter(pa.array(~keeps)))
            first += batch.num_rows
        return pa.chunked_array(kept), pa.chunked_array(dropped)

    def distinct(self, name: str, most: int, all_rows: bool) -> pa.Array | None:
        """The values of a column, each once, of all rows or of those that conditions keep, in a
        pass of its own; None if there are more than so many. Numbers are numbers, text is text."""
        field = self.schema.field(name)
        if name in self.unknown:
            field = field.with_type(pa.string())
        kind = plain_type(field.type)
        found, first, streams = pa.array([], kind), 0, self._streams()
        for batch in self.open_batches(self._with_conditions([field])):
            keeps = np.ones(batch.num_rows, np.bool_)
            if not all_rows:
                keeps = self._mask(batch, streams)
            values = plain(batch.column(name)).filter(pa.array(keeps))
            if values.type != kind:  # a condition reads it as text
                values = self._parsed(values, name, kind, first + np.flatnonzero(keeps))
            found = pa.concat_arrays([found, values.unique()]).unique()
            first += batch.num_rows
            if len(found) > most:
                return None
        return self._numbers_if_they_are(found) if name in self.unknown else found

    def _numbers_if_they_are(self, words: pa.Array) -> pa.Array:
        """Words as numbers, if all are but those that mean a missing one, and there are any."""
        known = [word for word in words.to_pylist() if word and word not in self.missing]
        try:
            return pa.array([float(word) for word in known]) if known else words
        except ValueError:
            return words

    def masks(self) -> Iterator[Rows]:
        """Which rows conditions keep, batch by batch, in a pass of its own."""
        for batch in self.open_batches(self._with_conditions([])):
            yield self._mask(batch, [])

    def read(self, start: int, stop: int) -> pa.Table:
        """Rows from `start` to `stop`, fewer at the end. The rows before `start` are let go."""
        batches, held = self._open()
        fresh = []
        missing = stop - self._first_held - held.num_rows
        while missing > 0 and (batch := next(batches, None)) is not None:
            fresh.append(batch)
            missing -= batch.num_rows
        if fresh:
            held = pa.concat_tables([held, *fresh])
        passed = min(start - self._first_held, held.num_rows)
        self._held = held.slice(passed)
        self._first_held += passed
        return self._held.slice(0, stop - start)

    def file_row(self, row: int) -> int:
        """The row of the file that one of the rows held comes from."""
        if not (self.is_ragged or self.is_selected):
            return row
        assert self._held is not None
        return int(self._held.column(ROW)[row - self._first_held].as_py())

    def count(self) -> int:
        """The number of rows, after reading all of them if the format does not tell."""
        if self.row_count is not None:
            return self.row_count
        batches, held = self._open()
        rest = sum(int(batch.num_rows) for batch in batches)
        total = self._first_held + int(held.num_rows) + rest
        self._first_held, self._held = total, held.slice(held.num_rows)
        return total

    def samples(self) -> int:
        """The number of sequences, once all were read."""
        return self._sequences

    def selected(self) -> tuple[int, int]:
        """How many rows conditions kept, and how many they left out, once all were read."""
        return self._rows_kept, self._rows_read - self._rows_kept

    def close(self) -> None:
        self._batches = self._held = None

    def _open(self) -> tuple[Iterator[pa.Table], pa.Table]:
        if self._batches is None or self._held is None:
            tables = self._tables()
            self._batches = tables if self._threads == 1 else _ahead(tables)
            fields = [(name, self._number_type(name)) for name in self._columns]
            for name, field in self._label_columns.items():
                fields.append((LABEL + name, bare_type(field.type)))
            if self.is_ragged:
                fields = [(name, value_type(kind)) for name, kind in fields]
            fields += [(name, pa.int64()) for name in self._further()]
            self._held = pa.schema(fields).empty_table()
        return self._batches, self._held

    def _further(self) -> list[str]:
        """The columns that say where a row comes from, where that is asked for."""
        rows = [ROW] if self.is_ragged or self.is_selected else []
        return [*rows, FILE] if self._wants_file else rows

    def _tables(self) -> Iterator[pa.Table]:
        """The batches as numbers and labels, and exploded where rows are sequences."""
        streams = self._streams()
        for batch in self.open_batches(self._with_conditions(self._wanted())):
            table = self._as_arrays(*self._selected(batch, streams))
            if self._leading is not None:
                from losscli.readers.ragged import explode, sequences  # noqa: PLC0415 - as above

                table = sequences(table, self._leaves_out, self.name)
                self._sequences += table.num_rows
                table = explode(table, self._leading, self._shift, self.name)
            yield table
        for stream in streams:
            stream.require_end(self.name)

    def _selected(
        self, batch: pa.RecordBatch, streams: Sequence[RowStream]
    ) -> tuple[pa.RecordBatch, NDArray[np.int64]]:
        """The rows of a batch that conditions keep, and which rows of the file they are."""
        rows = np.arange(self._rows_read, self._rows_read + batch.num_rows)
        self._rows_read += batch.num_rows
        if not self.is_selected:
            return batch, rows
        mask = self._mask(batch, streams)
        self._rows_kept += int(np.count_nonzero(mask))
        return batch.filter(pa.array(mask)), rows[mask]

    def _as_arrays(self, batch: pa.RecordBatch, rows: NDArray[np.int64]) -> pa.Table:
        columns = {name: self._numbers(batch.column(name), name, rows) for name in self._columns}
        columns |= {LABEL + name: bare(batch.column(name)) for name in self._label_columns}
        if ROW in self._further():
            columns[ROW] = pa.array(rows)
        if self._wants_file:
            has_files = FILE in batch.schema.names
            columns[FILE] = batch.column(FILE) if has_files else pa.array(np.zeros_like(rows))
        return pa.table(columns)

    def _streams(self) -> list[RowStream]:
        return [selection.stream() for selection in self._selections]

    def _mask(self, batch: pa.RecordBatch, streams: Sequence[RowStream]) -> Rows:
        """Which rows of a batch the conditions on this table and on others keep."""
        masks = [one.take_from(self.name, batch.num_rows) for one in streams]
        for condition in self._conditions:
            column = bare(batch.column(condition.column))
            labels = label_values(column, self.name, condition.column, int)
            masks.append(meets(labels, condition).to_numpy(zero_copy_only=False))
        kept: Rows = np.logical_and.reduce([np.ones(batch.num_rows, np.bool_), *masks])
        return kept

    def _with_conditions(self, fields: Iterable[pa.Field]) -> pa.Schema:
        """Fields and those of the conditions, which are read as labels."""
        conditions = [self._label_field(one.column) for one in self._conditions]
        return pa.schema({field.name: field for field in [*fields, *conditions]}.values())

    def _wanted(self) -> Iterator[pa.Field]:
        """The columns of all arrays and labels; what is both is read as labels, whose text or
        number then becomes the array's."""
        numbers = {name: self._stored_field(name) for name in self._columns}
        yield from (numbers | self._label_columns).values()
        if self._wants_file and self.files:
            yield pa.field(FILE, pa.int64())

    def _stored_field(self, name: str) -> pa.Field:
        """How an array's column is read: text that has to be numbers as numbers, unless rows are
        left out first, which may hold anything."""
        field = self.schema.field(name)
        if self.is_selected and pa.types.is_string(self._as_labels(field)):
            return field.with_type(pa.string())
        return field.with_type(pa.float64()) if self._must_be_numbers(name) else field

    def _label_field(self, name: str) -> pa.Field:
        """The column as it is read where its values are labels."""
        require_one(self.seen, name, self.name)
        field = self.seen.field(name)
        return field.with_type(self._as_labels(field))

    def _must_be_numbers(self, name: str) -> bool:
        return is_text(plain_type(self.schema.field(name).type)) and name not in self._texts

    def _number_type(self, name: str) -> pa.DataType:
        """The type of an array's column."""
        if self._must_be_numbers(name):
            return pa.float64()
        return plain_type(self.schema.field(name).type)

    def _numbers(self, column: pa.Array, name: str, rows: NDArray[np.int64]) -> pa.Array:
        """The column as an array needs it. Raises DataError at the first word among numbers."""
        column, kind = plain(column), self._number_type(name)
        if is_text(column.type) and not is_text(kind):
            return self._parsed(column, name, kind, rows)
        return column if column.type == kind else column.cast(kind, safe=False)

    def _parsed(
        self, column: pa.Array, name: str, kind: pa.DataType, rows: NDArray[np.int64]
    ) -> pa.Array:
        """Text as numbers, or as true and false."""
        import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

        if self.missing:
            absent = pc.is_in(column, pa.array(self.missing, column.type))
            column = pc.if_else(absent, pa.scalar(None, column.type), column)
        is_number = pa.types.is_floating(kind)
        pattern, expected = (_NUMBER, "a number") if is_number else (_TRUTH, "true or false")
        words = pc.fill_null(pc.invert(pc.match_substring_regex(column, pattern)), False)
        odd = words.index(True).as_py()
        if odd >= 0:
            raise DataError(
                f"{self.name}: row {rows[odd]}, column {quoted(name)}: found "
                f"{quoted(column[odd].as_py())}, expected {expected}"
            )
        return pc.ascii_trim_whitespace(column).cast(kind)


def _ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same, the next one being made while this one is used."""
    steps = itertools.repeat(partial(next, tables, None))
    return itertools.takewhile(lambda table: table is not None, in_order(steps, 1))


def unreadable(name: str, problem: str, error: Exception) -> DataError:
    """The error for what pyarrow raised, and what that says of the file."""
    if _NO_THREAD in str(error):
        said = "the system gives no thread to read it with; ulimit -u shows how many it allows"
        return DataError(f"{name}: {said}")
    return DataError(f"{name}: {problem}: {first_line(error)}")


def plain(column: pa.Array) -> pa.Array:
    """A column without extensions, dictionaries and decimals."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = plain_type(column.type)
    return column if kind == column.type else column.cast(kind)
