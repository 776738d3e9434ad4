"""Columns of a table as arrays, from any format that comes as Arrow record batches."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, listed, quoted
from losscli.readers.columns import (
    bare_type,
    is_list,
    is_text,
    named,
    plain_type,
    remaining,
    require_one,
    value_type,
)
from losscli.readers.labels import bare, label_values
from losscli.threads import in_order

# The column that tells from which row of the file a step of a sequence comes.
ROW = "\0row"

# What is put before a column's name where it is read as labels; it may be an array as well.
LABEL = "\0label "

# Rows without a class name, before the first that has one, that are held to find it.
_MOST_GAPS = 1 << 16

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
    apart, and `missing` are the words that mean a missing number. With one of `threads` nothing is
    read ahead. `notes` say what was chosen in
    opening it, `warnings` what looks wrong with the file, `files` name what it is made of, if of
    several.
    """

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
        threads: int | None = None,
        notes: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        files: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.bytes = size
        self.schema = schema
        self.seen = schema if seen is None else seen
        self.names: Sequence[str] = self.seen.names
        self.notes = notes
        self.warnings = warnings
        self.files = files
        self.open_batches = open_batches
        self._row_count = row_count
        self.missing = missing
        self._threads = threads
        self._as_labels = as_labels
        self._columns: list[str] = []
        self._label_columns: dict[str, pa.Field] = {}
        self._texts: set[str] = set()
        self._leading: tuple[str, ...] | None = None
        self._shift = False
        self._leaves_out = False
        self._batches: Iterator[pa.Table] | None = None
        self._held: pa.Table | None = None
        self._first_held = 0
        self._rows_read = 0
        self._sequences = 0

    @property
    def row_count(self) -> int | None:
        """How many rows the arrays have, where that is known."""
        return None if self.is_ragged else self._row_count

    @property
    def is_ragged(self) -> bool:
        """Whether each row is a sequence, of which every step is a row of the arrays."""
        return self._leading is not None

    def type_of(self, name: str) -> pa.DataType:
        """The type of a column as the arrays have it."""
        kind = self._number_type(name)
        return value_type(kind) if self.is_ragged else kind

    def array(self, patterns: Sequence[str] | None, option: str) -> TableArray:
        """The columns that the patterns name, or without any those that no other array took.

        All arrays are made before any is read. `option` is what names columns, for messages.
        """
        taken = [*self._columns, *self._label_columns]
        if patterns is None:
            chosen = remaining(self.seen, taken, self.name, option)
        else:
            chosen = named(self.schema, patterns, self.name, option, taken)
        self._columns = list(dict.fromkeys([*self._columns, *chosen]))
        return TableArray(self, tuple(chosen))

    def labels(self, column: str) -> TableLabels:
        """A column as labels; the same may be an array as well."""
        self._label_columns[column] = self._label_field(column)
        return TableLabels(self, (column,))

    def allow_text(self, column: str) -> None:
        """Read a column of names as it is; text in any other is an error."""
        self._texts.add(column)

    def explode(self, leading: Sequence[str], shift: bool, leaves_out: bool) -> None:
        """Take every row for a sequence; with `shift`, the columns of `leading` lose their last
        step and all others their first. `leaves_out` tells what is done with a row that lacks a
        list: nothing, or an error."""
        self._leading, self._shift, self._leaves_out = tuple(leading), shift, leaves_out

    def joined(self, name: str, others: Sequence[Table]) -> Table:
        """The rows of this table and then of others, which have its columns."""
        from losscli.readers.joining import as_wanted, common  # noqa: PLC0415 - imports this

        tables = [self, *others]
        schemas = {table.name: table.schema for table in tables}
        counts = [table.row_count for table in tables]
        known = [count for count in counts if count is not None]

        def batches(wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
            for table in tables:
                for column in wanted.names:
                    if column not in table.names:
                        raise DataError(
                            f"{table.name}: found no column {quoted(column)} as elsewhere"
                        )
                for batch in table.open_batches(wanted):
                    yield as_wanted(batch, wanted, table.name, schemas)

        return Table(
            name,
            sum(table.bytes for table in tables),
            common([table.schema for table in tables]),
            batches,
            row_count=sum(known) if len(known) == len(counts) else None,
            seen=common([table.seen for table in tables]),
            as_labels=self._as_labels,
            missing=self.missing,
            threads=self._threads,
            notes=self.notes,
            warnings=tuple(one for table in tables for one in table.warnings),
            files=tuple(table.name for table in tables),
        )

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column of labels, in a pass of its own."""
        field = self._label_field(name)
        empty = pa.array([], bare_type(field.type))
        parts = [label_values(empty, self.name, name, int)]
        first = 0
        for batch in self.open_batches(pa.schema([field])):
            parts.append(label_values(bare(batch.column(name)), self.name, name, first.__add__))
            first += batch.num_rows
        return pa.chunked_array(parts)

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
        if not self.is_ragged:
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
                fields.append((ROW, pa.int64()))
            self._held = pa.schema(fields).empty_table()
        return self._batches, self._held

    def _tables(self) -> Iterator[pa.Table]:
        """The batches as numbers and labels, and exploded where rows are sequences."""
        kinds = {name: self._number_type(name) for name in self._columns}
        for batch in self.open_batches(self._wanted()):
            numbers = {
                name: self._numbers(batch.column(name), name, kind) for name, kind in kinds.items()
            }
            labels = {LABEL + name: bare(batch.column(name)) for name in self._label_columns}
            table = pa.table(numbers | labels)
            if self._leading is not None:
                from losscli.readers.ragged import explode, sequences  # noqa: PLC0415 - as above

                rows = np.arange(self._rows_read, self._rows_read + batch.num_rows)
                table = table.append_column(ROW, pa.array(rows))
                table = sequences(table, self._leaves_out, self.name)
                self._sequences += table.num_rows
                table = explode(table, self._leading, self._shift, self.name)
            self._rows_read += batch.num_rows
            yield table

    def _wanted(self) -> pa.Schema:
        """The columns of all arrays and labels; what is both is read as labels, whose text or
        number then becomes the array's."""
        numbers = {
            name: self.schema.field(name).with_type(pa.float64())
            if self._must_be_numbers(name)
            else self.schema.field(name)
            for name in self._columns
        }
        return pa.schema((numbers | self._label_columns).values())

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

    def _numbers(self, column: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
        """The column as an array needs it. Raises DataError at the first word among numbers."""
        column = plain(column)
        if is_text(column.type) and not is_text(kind):
            return self._parsed(column, name, kind)
        return column if column.type == kind else column.cast(kind, safe=False)

    def _parsed(self, column: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
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
                f"{self.name}: row {self._rows_read + odd}, column {quoted(name)}: found "
                f"{quoted(column[odd].as_py())}, expected {expected}"
            )
        return pc.ascii_trim_whitespace(column).cast(kind)


class TableArray:
    """A source over columns of a table: (N) from one column, (N, k) from k or from lists of k."""

    concurrent = False

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        self.name = table.name
        self.bytes = table.bytes
        self.columns: tuple[str, ...] | None = columns
        self.files = table.files
        self.table = table
        self.skips_missing = False
        self._columns = columns
        self._namings: list[list[str]] = []
        self._range: tuple[int, int] | None = None
        self._block: NDArray[Any] | None = None
        self._present: NDArray[np.bool_] | None = None
        self._empty = False

    @property
    def is_text(self) -> bool:
        """Whether it holds names instead of numbers."""
        kind = plain_type(self.table.schema.field(self._columns[0]).type)
        return len(self._columns) == 1 and is_text(kind)

    @property
    def is_nested(self) -> bool:
        """Whether its cells are lists of lists: sequences of rows."""
        kind = plain_type(self.table.schema.field(self._columns[0]).type)
        return is_list(kind) and is_list(value_type(kind))

    @cached_property
    def class_names(self) -> list[str]:
        """The names of the classes: the first naming offered that has the first name read. Rows
        without a name before it are held, as they have yet to be read, up to a limit."""
        rows = 1
        while True:
            column = self.table.read(0, rows).column(self._columns[0]).to_pylist()
            for names in self._namings:
                if not set(names).isdisjoint(column):
                    return names
            gaps = {None, *self.table.missing}.issuperset(column)
            if not gaps or len(column) < rows or rows >= _MOST_GAPS:
                return self._namings[0]
            rows *= 2

    def name_classes(self, namings: list[list[str]]) -> None:
        """Read names as their index among the names of classes, called in one of these ways."""
        self._namings = namings
        self.table.allow_text(self._columns[0])

    @cached_property
    def shape(self) -> tuple[int | None, ...]:
        if self._width is None:
            return (self.table.row_count,)
        return (self._row_count, self._width)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        if self._namings:
            return np.dtype(np.int64)
        types = [value_type(self.table.type_of(name)) for name in self._columns]
        # An empty array tells, where `kind.to_pandas_dtype()` of some versions needs pandas.
        empty = (pa.array([], kind).to_numpy(zero_copy_only=False) for kind in types)
        return np.result_type(*empty)

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        """The values in a box. A row that is read in several boxes is decoded once."""
        start, stop = _rows_of(box)
        if self._block is None or self._range != (start, stop):
            rows = self.table.read(start, stop)
            self._present = np.ones(rows.num_rows, dtype=np.bool_)
            self._block = self._decode(rows, start)
            self._range = (start, stop)
        return self._block[(slice(None), *box[1:])]

    def present(self, box: tuple[slice, ...]) -> NDArray[np.bool_]:
        """Which rows of a box hold a value everywhere."""
        self.read((box[0], *[slice(None)] * (len(self.shape) - 1)))
        assert self._present is not None
        return self._present

    def rows(self, box: tuple[slice, ...]) -> NDArray[np.int64]:
        """The row of the file that each row of a box comes from, where rows are sequences."""
        start, stop = _rows_of(box)
        numbers: NDArray[np.int64] = self.table.read(start, stop).column(ROW).to_numpy()
        return numbers

    def count(self) -> int:
        return self.table.count()

    @property
    def _row_count(self) -> int | None:
        """The number of rows, 0 also where looking for a list has found no row."""
        return 0 if self._empty else self.table.row_count

    @cached_property
    def _width(self) -> int | None:
        """Values a row; None for a plain column."""
        if len(self._columns) > 1:
            return len(self._columns)
        kind = self.table.type_of(self._columns[0])
        return self._expected_list[0] if is_list(kind) else None

    @cached_property
    def _expected_list(self) -> tuple[int, str]:
        """The length of the lists, and what to call one of them: it is that of the type, or of the
        first row that has a list. Rows may be missing before it, which are held, as they have yet
        to be read. If no row has a list the length is 0."""
        kind = self.table.type_of(self._columns[0])
        if pa.types.is_fixed_size_list(kind):
            return kind.list_size, f"one of {kind.list_size}"
        rows = 1
        while True:
            column = self.table.read(0, rows).column(self._columns[0])
            if column.null_count < len(column):
                row = column.is_valid().index(True).as_py()
                length = len(column[row])
                return length, f"one of {length} as in row {self.table.file_row(row)}"
            if len(column) < rows:
                self._empty = len(column) == 0
                return 0, "one"
            rows *= 2

    def _decode(self, rows: pa.Table, start: int) -> NDArray[Any]:
        if self._namings:
            return self._indices(rows.column(self._columns[0]), start)
        if len(self._columns) == 1 and self._width is not None:
            return self._lists(rows.column(self._columns[0]), self._columns[0], start)
        # Columns stay columns, end to end: filling rows from them takes 6 times as long, and what
        # a loss adds up over few columns it adds up faster over long ones.
        block = np.empty((len(self._columns), rows.num_rows), self.dtype)
        for values, name in zip(block, self._columns, strict=True):
            self._fill(values, rows.column(name), name, start)
        return block[0] if self._width is None else block.T

    def _fill(self, values: NDArray[Any], column: pa.ChunkedArray, name: str, start: int) -> None:
        if column.null_count:
            self._miss(column.is_null(), name, start, "found no value, expected a number")
            column = column.fill_null(_zero(column.type))
        first = 0
        for chunk in column.chunks:  # each is a view; `to_numpy` of several converts every value
            values[first : first + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
            first += len(chunk)

    def _indices(self, column: pa.ChunkedArray, start: int) -> NDArray[Any]:
        """The index of each name among the names of the classes."""
        name = self._columns[0]
        if len(column) == 0:
            return np.zeros(0, dtype=np.int64)
        import pyarrow.compute as pc  # noqa: PLC0415

        names = self.class_names
        indices = pc.index_in(column, pa.array(names, pa.string()).cast(column.type))
        unknown = indices.is_null()
        # A word such as NA is a missing value unless a class is called so.
        words = pc.is_in(column, pa.array(self.table.missing, column.type))
        absent = pc.and_(unknown, pc.or_(column.is_null(), words))
        wrong = pc.and_not(unknown, absent) if self.skips_missing else unknown
        odd = wrong.index(True).as_py()
        if odd >= 0:
            found = column[odd].as_py()
            problem = "found no value, expected a class"
            if found is not None:
                problem = f"found {quoted(found)}, expected one of {listed(names)}"
            hint = "; --skip-missing leaves such rows out" if absent[odd].as_py() else ""
            raise self._error(start + odd, name, problem + hint)
        if indices.null_count:
            assert self._present is not None
            self._present &= ~absent.to_numpy()
            indices = indices.fill_null(0)
        return np.asarray(indices.to_numpy(), dtype=np.int64)

    def _lists(self, column: pa.ChunkedArray, name: str, start: int) -> NDArray[Any]:
        import pyarrow.compute as pc  # noqa: PLC0415

        width, expected = self._expected_list
        missing = column.is_null()
        if column.null_count:
            self._miss(missing, name, start, f"found no list, expected {expected}")
            filler = pa.scalar([_zero(column.type.value_type)] * width, column.type)
            column = pc.if_else(missing, filler, column)
        lengths = pc.list_value_length(column)
        odd = pc.not_equal(lengths, width).index(True).as_py()
        if odd >= 0:
            raise self._error(
                start + odd, name, f"found a list of {lengths[odd]}, expected {expected}"
            )
        values = pc.list_flatten(column)
        if values.null_count:
            holes = values.is_null().to_numpy().reshape(-1, width).any(axis=1)
            problem = "found a list with a missing value, expected numbers"
            self._miss(pa.chunked_array([pa.array(holes)]), name, start, problem)
            values = values.fill_null(_zero(values.type))
        numbers: NDArray[Any] = values.to_numpy()
        return numbers.reshape(len(column), width)

    def _miss(self, missing: pa.ChunkedArray, name: str, start: int, problem: str) -> None:
        """Mark rows where something is missing, or raise at the first of them."""
        if not self.skips_missing:
            row = start + missing.index(True).as_py()
            raise self._error(row, name, f"{problem}; --skip-missing leaves such rows out")
        assert self._present is not None
        self._present &= ~missing.to_numpy()

    def _error(self, row: int, column: str, problem: str) -> DataError:
        place = f"row {self.table.file_row(row)}, column {quoted(column)}"
        return DataError(f"{self.name}: {place}: {problem}")


class TableLabels(TableArray):
    """A source over a column of labels, which gives each value's number among `label_names`."""

    dtype = np.dtype(np.int64)

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        super().__init__(table, columns)
        self._codes: dict[Any, int] = {}

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (self.table.row_count,)

    @property
    def label_names(self) -> list[Any]:
        """The values met so far, in the order in which they came; None where there was none."""
        return [str(one) if isinstance(one, bytes) else one for one in self._codes]

    def _decode(self, rows: pa.Table, start: int) -> NDArray[Any]:
        [name] = self._columns
        column = label_values(
            rows.column(LABEL + name).combine_chunks(),
            self.name,
            name,
            lambda place: self.table.file_row(start + place),
        )
        encoded = column.dictionary_encode(null_encoding="encode")
        values = encoded.dictionary.to_pylist()
        one_nan = (value if value == value else math.nan for value in values)  # noqa: PLR0124
        codes = [self._codes.setdefault(value, len(self._codes)) for value in one_nan]
        result: NDArray[Any] = np.array(codes, np.int64)[encoded.indices.to_numpy()]
        return result


class FileRows:
    """A source of the row of the file from which each row of an array comes."""

    concurrent = False
    columns: tuple[str, ...] | None = None
    name = ""
    bytes = 0
    dtype = np.dtype(np.int64)

    def __init__(self, array: TableArray) -> None:
        self._array = array

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._array.shape[:1]

    def count(self) -> int:
        return self._array.count()

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        return self._array.rows(box)


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


def _zero(kind: pa.DataType) -> int | bool:
    """What stands for a missing number; pyarrow takes no 0 for false."""
    return False if pa.types.is_boolean(kind) else 0


def _rows_of(box: tuple[slice, ...]) -> tuple[int, int]:
    return box[0].start or 0, sys.maxsize if box[0].stop is None else box[0].stop
