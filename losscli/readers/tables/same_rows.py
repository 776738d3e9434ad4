"""Whether two tables have their rows in the same order, by the columns that both have."""

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
    """A column of two tables. `decides`: it is a key, whose rows are paired wrongly wherever it
    differs; of any other column the same values in another order say so."""

    first: TableCells
    second: TableCells
    decides: bool

    @property
    def name(self) -> str:
        return self.first.column


@dataclass
class _Differences:
    """The first row in which a column differs, and order-free hashes of the values of all that do:
    of rows that are equal both sides would have the same."""

    message: str = ""
    first: int = 0
    second: int = 0

    def add(self, first: Sequence[Label], second: Sequence[Label]) -> None:
        self.first += sum(map(_mixed, first))
        self.second += sum(map(_mixed, second))

    @property
    def same_values(self) -> bool:
        return bool(self.message) and self.first == self.second


class SameRows(Source):
    """A mask that keeps every row, and raises DataError where rows turn out not to be the same.

    It is read with the arrays, in one pass. `finish` raises what is known only at the end.
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

    def count(self) -> int:
        return self._shared[0].first.count()

    def read(self, box: Box) -> NDArray[np.bool_]:
        rows = 0
        for shared, differences in zip(self._shared, self._differences, strict=True):
            first, second = shared.first.cells(box), shared.second.cells(box)
            rows = min(len(first), len(second))
            if (box[0].start or 0) >= self._next_row:  # a long row is read in several boxes
                self._compare(shared, differences, first.slice(0, rows), second.slice(0, rows))
        self._next_row = max(self._next_row, (box[0].start or 0) + rows)
        return np.ones(rows, np.bool_)

    def read_all(self) -> None:
        """Compare all rows, in a pass of its own."""
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
            place = int(differ[0])
            keys = [one.name for one in self._shared if one.decides]
            found = first[place].as_py(), second[place].as_py()
            differences.message = _message(shared, keys, place, found)
            if shared.decides:
                raise DataError(differences.message)
        places = pa.array(differ)
        differences.add(values.take(places).to_pylist(), others.take(places).to_pylist())


def _mixed(value: Label) -> int:
    """A hash by which sums tell sets of values apart: that of a number by itself is the number, and
    that of -1 is that of -2."""
    return hash((value, value + 1) if isinstance(value, int | float) else (value,))


def _comparable(first: pa.Array, second: pa.Array, shared: Shared) -> tuple[pa.Array, pa.Array]:
    """Both in one type, however they are written: numbers as numbers, times as times, else text."""
    if first.type == second.type and not pa.types.is_string(first.type):
        return first, second
    for kind in _kinds(shared):
        with suppress(pa.ArrowException):  # fractions, or a word further down
            values = first.cast(kind), second.cast(kind)
            if kind != pa.float64() or all(map(is_distinct, values)):
                return values
    return first.cast(pa.string()), second.cast(pa.string())


def _kinds(shared: Shared) -> list[pa.DataType]:
    """The types in which columns of two files may be compared, if both have the same content."""
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


def _message(shared: Shared, keys: Sequence[str], place: int, values: tuple[Label, Label]) -> str:
    """What differs, and how to pair the rows: by the key, of all columns that could be one."""
    if shared.name != shared.second.column:
        return (
            f"{shared.second.name}: column {quoted(shared.second.column)} has the values of "
            f"{quoted(shared.name)} in {shared.first.name}, in another order. Give both columns "
            "one name and use --id to pair rows by it, or --pair position if row by row is right."
        )
    id_option = f"--id {shlex.quote(','.join(keys or [shared.name]))}"
    return (
        f"{shared.second.name}: row {shared.second.last_row(place)}, column {quoted(shared.name)}: "
        f"found {quoted(values[1])}, and {quoted(values[0])} in {shared.first.name}: the rows are "
        f"not in the same order. Use {id_option} to pair rows by their key, or --pair position if "
        "row by row is right."
    )
