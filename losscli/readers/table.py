"""Columns of a table as arrays, from any format that comes as Arrow record batches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from losscli.errors import DataError
from losscli.readers.columns import is_list, named, remaining, value_type


class Table:
    """A table that is read once, from its first row to its last, for all arrays made from it.

    `open_batches` starts reading the columns it is given. `row_count` is None where only the end
    tells. `schema` has the types that columns are read as, `seen` those that they look like,
    where that is something else.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        open_batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]],
        *,
        row_count: int | None = None,
        seen: pa.Schema | None = None,
    ) -> None:
        self.path = str(path)
        self.bytes = path.stat().st_size
        self.schema = schema
        self.row_count = row_count
        self.seen = schema if seen is None else seen
        self._open_batches = open_batches
        self._columns: list[str] = []
        self._batches: Iterator[pa.RecordBatch] | None = None
        self._held: pa.Table | None = None
        self._first_held = 0

    def array(self, patterns: Sequence[str] | None, option: str) -> TableArray:
        """The columns that the patterns name, or without any those that no other array took.

        All arrays are made before any is read. `option` is what names columns, for messages.
        """
        if patterns is None:
            chosen = remaining(self.seen, self._columns, self.path, option)
        else:
            chosen = named(self.schema, patterns, self.path, option)
        self._columns += [name for name in chosen if name not in self._columns]
        return TableArray(self, tuple(chosen))

    def read(self, start: int, stop: int) -> pa.Table:
        """Rows from `start` to `stop`, fewer at the end. The rows before `start` are let go."""
        batches, held = self._open()
        fresh = []
        missing = stop - self._first_held - held.num_rows
        while missing > 0 and (batch := next(batches, None)) is not None:
            fresh.append(batch)
            missing -= batch.num_rows
        if fresh:
            held = pa.concat_tables([held, pa.Table.from_batches(fresh)])
        passed = min(start - self._first_held, held.num_rows)
        self._held = held.slice(passed)
        self._first_held += passed
        return self._held.slice(0, stop - start)

    def count(self) -> int:
        """The number of rows, after reading all of them if the format does not tell."""
        if self.row_count is None:
            batches, held = self._open()
            rest = sum(batch.num_rows for batch in batches)
            self.row_count = self._first_held + held.num_rows + rest
        return self.row_count

    def close(self) -> None:
        self._batches = self._held = None

    def _open(self) -> tuple[Iterator[pa.RecordBatch], pa.Table]:
        if self._batches is None or self._held is None:
            self._batches = self._open_batches(self._columns)
            schema = pa.schema([self.schema.field(name) for name in self._columns])
            self._held = schema.empty_table()
        return self._batches, self._held


class TableArray:
    """A source over columns of a table: (N) from one column, (N, k) from k or from lists of k."""

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        self.name = table.path
        self.bytes = table.bytes
        self.columns = columns
        self._table = table
        self._range: tuple[int, int] | None = None
        self._block: NDArray[Any] | None = None

    @cached_property
    def shape(self) -> tuple[int | None, ...]:
        width = self._width
        return (self._table.row_count,) if width is None else (self._table.row_count, width)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        types = [value_type(self._table.schema.field(name).type) for name in self.columns]
        # An empty array tells, where `kind.to_pandas_dtype()` of some versions needs pandas.
        empty = (pa.array([], kind).to_numpy(zero_copy_only=False) for kind in types)
        return np.result_type(*empty)

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        """The values in a box. A row that is read in several boxes is decoded once."""
        start = box[0].start or 0
        stop = sys.maxsize if box[0].stop is None else box[0].stop
        if self._block is None or self._range != (start, stop):
            self._block = self._decode(self._table.read(start, stop), start)
            self._range = (start, stop)
        return self._block[(slice(None), *box[1:])]

    def count(self) -> int:
        return self._table.count()

    @cached_property
    def _width(self) -> int | None:
        """Values a row; None for a plain column."""
        if len(self.columns) > 1:
            return len(self.columns)
        kind = self._table.schema.field(self.columns[0]).type
        if not is_list(kind):
            return None
        if pa.types.is_fixed_size_list(kind):
            return int(kind.list_size)
        first = self._table.read(0, 1).column(self.columns[0])
        return len(first[0]) if len(first) and first[0].is_valid else 0

    def _decode(self, rows: pa.Table, start: int) -> NDArray[Any]:
        if self._width is None or len(self.columns) > 1:
            block = np.empty((rows.num_rows, len(self.columns)), self.dtype)
            for i, name in enumerate(self.columns):
                block[:, i] = self._numbers(rows.column(name), name, start)
            return block[:, 0] if self._width is None else block
        return self._lists(rows.column(self.columns[0]), self.columns[0], start)

    def _numbers(self, column: pa.ChunkedArray, name: str, start: int) -> NDArray[Any]:
        if column.null_count:
            row = start + pc.index(column.is_null(), True).as_py()
            raise self._error(row, name, "found no value, expected a number")
        values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return values

    def _lists(self, column: pa.ChunkedArray, name: str, start: int) -> NDArray[Any]:
        lengths = pc.fill_null(pc.list_value_length(column), -1)
        odd = pc.index(pc.not_equal(lengths, self._width), True).as_py()
        if odd >= 0:
            found = "no list" if column[odd].as_py() is None else f"a list of {lengths[odd]}"
            raise self._error(
                start + odd, name, f"found {found}, expected one of {self._width} as in row 0"
            )
        values = pc.list_flatten(column)
        if values.null_count:
            row = start + pc.index(values.is_null(), True).as_py() // max(self._width or 1, 1)
            raise self._error(row, name, "found a list with a missing value, expected numbers")
        numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False)
        return numbers.reshape(len(column), self._width or 0)

    def _error(self, row: int, column: str, problem: str) -> DataError:
        return DataError(f"{self.name}: row {row}, column {column!r}: {problem}")
