"""Whether two tables have their rows in the same order, by the columns that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from losscli.errors import DataError, quoted
from losscli.readers.derived import Made
from losscli.readers.table_arrays import TableCells


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

    def add(self, first: Sequence[Any], second: Sequence[Any]) -> None:
        self.first += sum(map(hash, first))
        self.second += sum(map(hash, second))

    @property
    def same_values(self) -> bool:
        return bool(self.message) and self.first == self.second


class SameRows(Made):
    """A mask that keeps every row, and raises DataError where rows turn out not to be the same.

    It is read with the arrays, in one pass. What only the end tells is raised by `finish`.
    """

    concurrent = False
    dtype = np.dtype(np.bool_)

    def __init__(self, shared: Sequence[Shared]) -> None:
        self._shared = shared
        self._differences = [_Differences() for _ in shared]
        self._next_row = 0

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._shared[0].first.shape

    def count(self) -> int:
        return self._shared[0].first.count()

    def read(self, box: tuple[slice, ...]) -> NDArray[np.bool_]:
        rows = 0
        for shared, differences in zip(self._shared, self._differences, strict=True):
            first, second = shared.first.cells(box), shared.second.cells(box)
            rows = min(len(first), len(second))
            if (box[0].start or 0) >= self._next_row:  # a long row is read in several boxes
                self._compare(shared, differences, first.slice(0, rows), second.slice(0, rows))
        self._next_row = max(self._next_row, (box[0].start or 0) + rows)
        return np.ones(rows, np.bool_)

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
            differences.message = _message(shared, int(differ[0]), first, second)
            if shared.decides:
                raise DataError(differences.message)
        places = pa.array(differ)
        differences.add(values.take(places).to_pylist(), others.take(places).to_pylist())


def _comparable(first: pa.Array, second: pa.Array, shared: Shared) -> tuple[pa.Array, pa.Array]:
    """Both as numbers where both files have numbers, however they are written, else as text."""
    if shared.first.is_number and shared.second.is_number:
        try:
            return first.cast(pa.float64()), second.cast(pa.float64())
        except pa.ArrowException:  # whole numbers beyond 2^53, or a word further down
            pass
    if first.type == second.type:
        return first, second
    return first.cast(pa.string()), second.cast(pa.string())


def _equal(first: pa.Array, second: pa.Array) -> NDArray[np.bool_]:
    same = pc.fill_null(pc.equal(first, second), False)
    both_missing = pc.and_(first.is_null(), second.is_null())
    result: NDArray[np.bool_] = pc.or_(same, both_missing).to_numpy(zero_copy_only=False)
    return result


def _message(shared: Shared, place: int, first: pa.Array, second: pa.Array) -> str:
    name = quoted(shared.name)
    id_option = f"--id {shared.name}" if shared.name.isidentifier() else f"--id {name}"
    return (
        f"{shared.second.name}: row {shared.second.last_row(place)}, column {name}: found "
        f"{quoted(second[place].as_py())}, and {quoted(first[place].as_py())} in "
        f"{shared.first.name}: the rows are not in the same order. Use {id_option} to pair rows by "
        "this column, or --pair position if row by row is right."
    )
