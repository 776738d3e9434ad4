"""TableArray: columns of a table as an array of numbers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from losscli.errors import DataError
from losscli.readers.tables.class_indices import ClassIndices
from losscli.readers.tables.lists import ListLength, flattened, length_of, odd_length
from losscli.readers.tables.table_source import TableSource
from losscli.readers.tables.types import is_list, is_text, plain_type, value_type
from losscli.source import Box, Present, Shape, Values

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table


_SKIP_HINT = ". Use --skip-missing to leave out such rows."


class TableArray(TableSource):
    """A source over columns of a table. It is (N) from one column, and (N, k) from k columns or
    from a column of lists of k numbers.

    With `skips_missing`, a row with a missing value is not `present`. Otherwise reading the row
    raises DataError.
    """

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        super().__init__(table, columns)
        self.skips_missing = False
        self._classes: ClassIndices | None = None
        self._present: Present = np.ones(0, np.bool_)

    @property
    def is_text(self) -> bool:
        """Whether the column contains names instead of numbers."""
        return len(self._columns) == 1 and is_text(self._stored_type)

    @property
    def is_nested(self) -> bool:
        """Whether cells are lists of lists: sequences of rows."""
        kind = self._stored_type
        return is_list(kind) and is_list(value_type(kind))

    @property
    def class_names(self) -> list[str]:
        """The names of the classes; empty unless names are read as class indices."""
        return [] if self._classes is None else self._classes.names

    def name_classes(self, namings: list[list[str]]) -> None:
        """Read names as class indices. `namings` are alternative lists of class names."""
        self.table.allow_text(self._columns[0])
        self._classes = ClassIndices(self.table, self._columns[0], namings)

    @cached_property
    def shape(self) -> Shape:
        if len(self._columns) > 1:
            return (self.table.row_count, len(self._columns))
        if not self._is_list:
            return (self.table.row_count,)
        length = self._list_length
        return (0 if length.has_no_rows else self.table.row_count, length.size)

    @cached_property
    def dtype(self) -> np.dtype[np.generic]:
        if self._classes is not None:
            return np.dtype(np.int64)
        types = [value_type(self.table.type_of(name)) for name in self._columns]
        # Not `kind.to_pandas_dtype()`, which needs pandas in some versions.
        empty = (pa.array([], kind).to_numpy(zero_copy_only=False) for kind in types)
        return np.result_type(*empty)

    def present(self, box: Box) -> Present:
        """Return a mask of the rows of a box without missing values."""
        self.read((box[0], *[slice(None)] * (len(self.shape) - 1)))
        return self._present

    @property
    def _stored_type(self) -> pa.DataType:
        return plain_type(self.table.schema.field(self._columns[0]).type)

    @property
    def _is_list(self) -> bool:
        return len(self._columns) == 1 and is_list(self.table.type_of(self._columns[0]))

    @cached_property
    def _list_length(self) -> ListLength:
        return length_of(self.table, self._columns[0])

    def _decode(self, rows: pa.Table, start: int) -> Values:
        self._present = np.ones(rows.num_rows, np.bool_)
        if self._classes is not None:
            return self._indices(self._classes, rows, start)
        if self._is_list:
            return self._lists(rows.column(self._columns[0]), self._columns[0], start)
        # Store columns contiguously: filling rows takes 6 times as long, and losses sum long
        # columns faster than short rows.
        block = np.empty((len(self._columns), rows.num_rows), self.dtype)
        for values, name in zip(block, self._columns, strict=True):
            self._fill(values, rows.column(name), name, start)
        return block[0] if len(self._columns) == 1 else block.T

    def _fill(self, values: Values, column: pa.ChunkedArray, name: str, start: int) -> None:
        if column.null_count:
            self._miss(column.is_null(), name, start, "expected a number, found no value")
            column = column.fill_null(_zero(column.type))
        first = 0
        for chunk in column.chunks:  # `to_numpy` of several chunks would copy their values twice
            values[first : first + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
            first += len(chunk)

    def _indices(self, classes: ClassIndices, rows: pa.Table, start: int) -> Values:
        """Return the class index of each name."""
        [name] = self._columns
        column = rows.column(name)
        if len(column) == 0:
            return np.zeros(0, dtype=np.int64)
        indices, absent = classes.of(column)
        odd = classes.first_odd(indices, absent if self.skips_missing else None)
        if odd >= 0:
            problem = classes.problem(column[odd].as_py())
            hint = _SKIP_HINT if absent[odd].as_py() else ""
            raise self._error(start + odd, name, problem + hint)
        if indices.null_count:
            self._present &= ~absent.to_numpy()
            indices = indices.fill_null(0)
        return np.asarray(indices.to_numpy(), dtype=np.int64)

    def _lists(self, column: pa.ChunkedArray, name: str, start: int) -> Values:
        length = self._list_length
        if column.null_count:
            problem = f"expected {length.described}, found no list"
            self._miss(column.is_null(), name, start, problem)
        odd, size = odd_length(column, length.size)
        if odd >= 0:
            problem = f"expected {length.described}, found a list of {size}"
            raise self._error(start + odd, name, problem)
        values = flattened(column, length.size, _zero(column.type.value_type))
        if values.null_count:
            holes = values.is_null().to_numpy().reshape(-1, length.size).any(axis=1)
            problem = "expected numbers, found a list with a missing value"
            self._miss(pa.chunked_array([pa.array(holes)]), name, start, problem)
            values = values.fill_null(_zero(values.type))
        numbers: Values = values.to_numpy()
        return numbers.reshape(len(column), length.size)

    def _miss(self, missing: pa.ChunkedArray, name: str, start: int, problem: str) -> None:
        """Mark rows with missing values as not present, or raise DataError for the first one."""
        if not self.skips_missing:
            row = start + missing.index(True).as_py()
            raise self._error(row, name, problem + _SKIP_HINT)
        self._present &= ~missing.to_numpy()

    def _error(self, row: int, column: str, problem: str) -> DataError:
        return DataError(f"{self.table.place(row, column)}: {problem}")


def _zero(kind: pa.DataType) -> int | bool:
    """Return the value that replaces a missing one. pyarrow does not accept 0 for a boolean."""
    return False if pa.types.is_boolean(kind) else 0
