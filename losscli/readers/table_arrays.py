"""Columns of a table as arrays, labels and values."""

from __future__ import annotations

import math
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import DataError, listed, quoted
from losscli.readers.columns import FILE, LABEL, ROW, is_list, is_text, plain_type, value_type
from losscli.readers.derived import AlongRows
from losscli.readers.fields import Field
from losscli.readers.labels import as_values, label_values

if TYPE_CHECKING:
    from losscli.readers.table import Table

# Rows without a class name, before the first that has one, that are held to find it.
_MOST_GAPS = 1 << 16


class TableArray:
    """A source over columns of a table: (N) from one column, (N, k) from k or from lists of k."""

    concurrent = False
    of_table = True

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

    def _column(self, rows: pa.Table, start: int) -> pa.Array:
        [name] = self._columns
        return label_values(
            rows.column(LABEL + name).combine_chunks(),
            self.name,
            name,
            lambda place: self.table.file_row(start + place),
        )

    def _decode(self, rows: pa.Table, start: int) -> NDArray[Any]:
        encoded = self._column(rows, start).dictionary_encode(null_encoding="encode")
        values = encoded.dictionary.to_pylist()
        one_nan = (value if value == value else math.nan for value in values)  # noqa: PLR0124
        codes = [self._codes.setdefault(value, len(self._codes)) for value in one_nan]
        result: NDArray[Any] = np.array(codes, np.int64)[encoded.indices.to_numpy()]
        return result


class TableValues(TableLabels):
    """A source over a column of labels, which gives the values as they are."""

    dtype = np.dtype(object)

    @property
    def label_names(self) -> Any:
        """There are none: the values are what is shown."""
        return None

    def _decode(self, rows: pa.Table, start: int) -> NDArray[Any]:
        return as_values(self._column(rows, start))


class TableCells(TableLabels):
    """A column of labels as Arrow has it, to be compared with that of another table."""

    def __init__(self, table: Table, columns: tuple[str, ...], field: Field) -> None:
        super().__init__(table, columns)
        self.field = field
        self._start = 0

    @property
    def column(self) -> str:
        return self._columns[0]

    def cells(self, box: tuple[slice, ...]) -> pa.Array:
        self._start, stop = _rows_of(box)
        rows = self.table.read(self._start, stop)
        stored = rows.column(LABEL + self.column)
        # Of keys that are floats as they are; what is no number, as text.
        if pa.types.is_floating(stored.type):
            return stored.combine_chunks()
        return self._column(rows, self._start)

    def last_row(self, place: int) -> int:
        """The row of the file of a place in the cells that were read last."""
        return self.table.file_row(self._start + place)


class TableFiles(TableLabels):
    """A source over the number of the file that each row comes from."""

    @property
    def label_names(self) -> list[Any]:
        return list(self.table.files or (self.table.name,))

    def _decode(self, rows: pa.Table, start: int) -> NDArray[Any]:
        del start
        numbers: NDArray[Any] = rows.column(FILE).to_numpy()
        return numbers


class FileRows(AlongRows):
    """A source of the row of the file from which each row of an array comes."""

    concurrent = False
    of_table = True

    def __init__(self, array: TableArray) -> None:
        super().__init__(array)
        self._rows = array.rows

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        return self._rows(box)


def _zero(kind: pa.DataType) -> int | bool:
    """What stands for a missing number; pyarrow takes no 0 for false."""
    return False if pa.types.is_boolean(kind) else 0


def _rows_of(box: tuple[slice, ...]) -> tuple[int, int]:
    return box[0].start or 0, sys.maxsize if box[0].stop is None else box[0].stop
