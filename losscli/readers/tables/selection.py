"""Which rows the conditions on one table keep, for the other files of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError
from losscli.readers.arrays.derived import Derived
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.source import Box, Shape, Source, Values

# For each row, whether it is kept.
Mask = NDArray[np.bool_]

# Rows of an array without columns that are further apart than this are read one by one.
_NEAR = 64

# Rows whose mask is taken at a time.
_ROWS = 1 << 16


class Selection(NamedTuple):
    """The rows that the conditions on one table keep, for other files whose rows are paired with
    its rows by position. `masks` reads the columns of the conditions in a pass of its own."""

    name: str
    masks: Callable[[], Iterator[Mask]]

    def stream(self) -> RowStream:
        """The rows that are kept, from the first on."""
        if self.name == STANDARD_INPUT:
            raise DataError(
                "--where on a column of - (standard input) would read it twice, since there are "
                "other files; give a file"
            )
        return RowStream(self.name, self.masks())


class RowStream:
    """Which rows are kept, taken in their order."""

    def __init__(self, name: str, masks: Iterator[Mask]) -> None:
        self._name = name
        self._masks = masks
        self._next = np.zeros(0, np.bool_)

    def take(self, count: int) -> Mask:
        """Whether the next rows are kept; fewer at the end."""
        parts, missing = [self._next], count - len(self._next)
        while missing > 0 and (mask := next(self._masks, None)) is not None:
            parts.append(mask)
            missing -= len(mask)
        joined = np.concatenate(parts)
        self._next = joined[count:]
        return joined[:count]

    def take_from(self, name: str, count: int) -> Mask:
        """The same for the rows of another file, which has so many more."""
        taken = self.take(count)
        if len(taken) < count:
            raise DataError(f"{name}: has more rows than {self._name}; expected as many in each")
        return taken

    def require_end(self, name: str) -> None:
        """Raise DataError unless all rows were taken."""
        if len(self.take(1)):
            raise DataError(f"{name}: has fewer rows than {self._name}; expected as many in each")


class KeptRows(Derived):
    """A source over the rows of an array that conditions on a table keep."""

    def __init__(self, source: Source, streams: Sequence[RowStream]) -> None:
        super().__init__(source)
        self.concurrent = False
        self._streams = streams
        self._rows = source.count()
        self._next_row = 0  # of the array, whose mask is to be taken next
        self._numbers = np.zeros(0, np.int64)  # of kept rows, from `_first` on
        self._first = 0

    @property
    def shape(self) -> Shape:
        return (None, *self._source.shape[1:])

    def count(self) -> int:
        while self._take_more():
            pass
        return self._first + len(self._numbers)

    def read(self, box: Box) -> Values:
        start, stop, _ = box[0].indices(1 << 62)
        while self._first + len(self._numbers) < stop and self._take_more():
            pass
        passed = min(start - self._first, len(self._numbers))
        self._numbers = self._numbers[passed:]
        self._first += passed
        numbers = self._numbers[: stop - start] if self._first == start else self._numbers[:0]
        cuts = np.flatnonzero(np.diff(numbers) > _NEAR) + 1
        parts = [self._span(part, box[1:]) for part in np.split(numbers, cuts) if len(part)]
        if not parts:
            return self._source.read((slice(0, 0), *box[1:]))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _span(self, numbers: NDArray[np.int64], others: Box) -> Values:
        low = int(numbers[0])
        block = self._source.read((slice(low, int(numbers[-1]) + 1), *others))
        return block if len(block) == len(numbers) else block[numbers - low]

    def _take_more(self) -> bool:
        size = min(_ROWS, self._rows - self._next_row)
        if size <= 0:
            for stream in self._streams:
                stream.require_end(self.name)
            return False
        kept = np.logical_and.reduce([one.take_from(self.name, size) for one in self._streams])
        self._numbers = np.concatenate([self._numbers, np.flatnonzero(kept) + self._next_row])
        self._next_row += size
        return True
