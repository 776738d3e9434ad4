"""Check that two tables have their rows in the same order, by the columns that both have."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from losscli.errors import DataError, quoted
from losscli.readers.fields import Content
from losscli.readers.tables.label_arrays import TableCells
from losscli.readers.tables.labels import is_distinct
from losscli.source import Box, Label, Shape, Source

# Rows that are compared at a time.
_ROWS = 1 << 16


@dataclass(frozen=True)
class Shared:
    """A column of two tables.

    `decides` means that the column is a key, so that any difference shows that rows are paired
    wrongly. In other columns, only the same values in another order show this.
    """

    first: TableCells
    second: TableCells
    decides: bool

    @property
    def name(self) -> str:
        return self.first.column


@dataclass
class _Differences:
    """The message for the first row that differs, and order-independent hashes of all differing
    values of the first and of the second table."""

    message: str = ""
    first: int = 0
    second: int = 0

    def add(self, first: Sequence[Label], second: Sequence[Label]) -> None:
        self.first += sum(map(_hash, first))
        self.second += sum(map(_hash, second))

    @property
    def same_values(self) -> bool:
        return bool(self.message) and self.first == self.second


class SameRows(Source):
    """A mask that keeps every row, but raises DataError if the rows of two tables do not match.

    The mask is read with the arrays, in one pass. `finish` raises errors that are known only at the
    end.
    """

    concurrent = False

    def __init__(self, shared: Sequence[Shared]) -> None:
        self._shared = shared
        self._differences = [_Differences() for _ in shared]
        self._next_row = 0

    @property
    def shape(self) -> Shape:
        return self._shared[0].first.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.bool_)

    @property
    def can_start(self) -> bool:
        return all(s.first.can_start and s.second.can_start for s in self._shared)

    def start_at(self, row: int) -> None:
        for shared in self._shared:
            shared.first.start_at(row)
            shared.second.start_at(row)

    def count(self) -> int:
        return self._shared[0].first.count()

    def read(self, box: Box) -> NDArray[np.bool_]:
        rows = 0
        for shared, differences in zip(self._shared, self._differences, strict=True):
            first, second = shared.first.cells(box), shared.second.cells(box)
            rows = min(len(first), len(second))
            if (box[0].start or 0) >= self._next_row:  # compare each row once
                self._compare(shared, differences, first.slice(0, rows), second.slice(0, rows))
        self._next_row = max(self._next_row, (box[0].start or 0) + rows)
        return np.ones(rows, np.bool_)

    def read_all(self) -> None:
        """Compare all rows, in a separate pass."""
        start = 0
        while len(self.read((slice(start, start + _ROWS),))) == _ROWS:
            start += _ROWS
        self.finish()

    def finish(self) -> None:
        """Raise DataError for a column that has the same values in another order."""
        for differences in self._differences:
            if differences.same_values:
                raise DataError(differences.message)

    def _compare(
        self, shared: Shared, differences: _Differences, first: pa.Array, second: pa.Array
    ) -> None:
        if first.type == second.type and first.equals(second):
            return
        values, others = _comparable(first, second, shared)
        differ = np.flatnonzero(~_equal(values, others))
        if not len(differ):
            return
        if not differences.message:
            row = int(differ[0])
            keys = [column.name for column in self._shared if column.decides]
            pair = first[row].as_py(), second[row].as_py()
            differences.message = _message(shared, keys, row, pair)
            if shared.decides:
                raise DataError(differences.message)
        rows = pa.array(differ)
        differences.add(values.take(rows).to_pylist(), others.take(rows).to_pylist())


def _hash(value: Label) -> int:
    """Return a hash whose sums distinguish sets of values. Sums of Python's own hashes do not: the
    hash of an integer is the integer itself, and -1 has the hash of -2."""
    return hash((value, value + 1) if isinstance(value, int | float) else (value,))


def _comparable(first: pa.Array, second: pa.Array, shared: Shared) -> tuple[pa.Array, pa.Array]:
    """Convert both columns to one type: numbers, times or booleans if both are, else text."""
    if first.type == second.type and not pa.types.is_string(first.type):
        return first, second
    for kind in _kinds(shared):
        with suppress(pa.ArrowException):  # fractions, or a word in a later row
            values = first.cast(kind), second.cast(kind)
            if kind != pa.float64() or all(map(is_distinct, values)):
                return values
    return first.cast(pa.string()), second.cast(pa.string())


def _kinds(shared: Shared) -> list[pa.DataType]:
    """Return the types to try for comparing the columns of two files."""
    fields = shared.first.field, shared.second.field
    contents = {field.content for field in fields}
    if contents == {Content.TIME}:
        return [pa.timestamp("us")]
    if contents == {Content.TRUTH}:
        return [pa.bool_()]
    return [pa.int64(), pa.float64()] if all(field.is_number for field in fields) else []


def _equal(first: pa.Array, second: pa.Array) -> NDArray[np.bool_]:
    same = pc.fill_null(pc.equal(first, second), False)
    same = pc.or_(same, pc.and_(first.is_null(), second.is_null()))
    if pa.types.is_floating(first.type):
        both_nan = pc.and_(pc.is_nan(first), pc.is_nan(second))
        same = pc.or_(same, pc.fill_null(both_nan, False))
    result: NDArray[np.bool_] = same.to_numpy(zero_copy_only=False)
    return result


def _message(shared: Shared, keys: Sequence[str], row: int, values: tuple[Label, Label]) -> str:
    """Return the message for a difference in a row of a block, with options to pair the rows."""
    if shared.name != shared.second.column:
        return (
            f"{shared.second.name}: column {quoted(shared.second.column)} has the same values as "
            f"{quoted(shared.name)} in {shared.first.name}, reordered. Rename one of the "
            "columns and use --id to pair rows by it, or use --pair position to pair rows as they "
            "are."
        )
    id_option = f"--id {shlex.quote(','.join(keys or [shared.name]))}"
    return (
        f"{shared.second.last_place(row)}: "
        f"found {quoted(values[1])}, but {quoted(values[0])} in {shared.first.name}: the rows are "
        f"not in the same order. Use {id_option} to pair rows by key, or --pair position to pair "
        "rows as they are."
    )
