"""Apply the conditions on one table to the other files of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError
from losscli.readers.arrays.derived import Derived
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.source import Box, Shape, Source, Values

# A mask of the rows to keep.
Mask = NDArray[np.bool_]

# Kept rows of an array are read together if the distance between them is at most this many rows.
_NEAR = 64

# Rows of the mask that are read at a time.
_ROWS = 1 << 16


class Selection(NamedTuple):
    """The rows that the conditions on one table keep, for other files whose rows are paired with
    the table by position. `masks` reads the columns of the conditions in a separate pass."""

    name: str
    masks: Callable[[], Iterator[Mask]]

    def stream(self) -> RowStream:
        """Return the mask as a stream from the first row. Raises DataError for standard input,
        which can be read only once."""
        if self.name == STANDARD_INPUT:
            raise DataError(
                "--where with several files reads the file of its column twice, so - (standard "
                "input) cannot be used. Pass a file."
            )
        return RowStream(self.name, self.masks())


class RowStream:
    """A mask of the rows to keep, read in order."""

    def __init__(self, name: str, masks: Iterator[Mask]) -> None:
        self._name = name
        self._masks = masks
        self._next = np.zeros(0, np.bool_)

    def take(self, count: int) -> Mask:
        """Return the mask of the next `count` rows, or of fewer rows at the end."""
        parts, missing = [self._next], count - len(self._next)
        while missing > 0 and (mask := next(self._masks, None)) is not None:
            parts.append(mask)
            missing -= len(mask)
        joined = np.concatenate(parts)
        self._next = joined[count:]
        return joined[:count]

    def take_from(self, name: str, count: int) -> Mask:
        """Return the mask of the next `count` rows of the file `name`. Raises DataError if the mask
        is too short."""
        mask = self.take(count)
        if len(mask) < count:
            raise DataError(
                f"{name}: found more rows than in {self._name}; expected the same number of rows"
            )
        return mask

    def require_end(self, name: str) -> None:
        """Raise DataError unless the whole mask was read."""
        if len(self.take(1)):
            raise DataError(
                f"{name}: found fewer rows than in {self._name}; expected the same number of rows"
            )


class KeptRows(Derived):
    """A source over the rows of an array that conditions on a table keep."""

    def __init__(self, source: Source, streams: Sequence[RowStream]) -> None:
        super().__init__(source)
        self.concurrent = False
        self._streams = streams
        self._rows = source.count()
        self._next_row = 0  # the next row of the array without a mask
        self._numbers = np.zeros(0, np.int64)  # the numbers of kept rows, starting at `_first`
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
        masks = [stream.take_from(self.name, size) for stream in self._streams]
        kept = np.logical_and.reduce(masks)
        self._numbers = np.concatenate([self._numbers, np.flatnonzero(kept) + self._next_row])
        self._next_row += size
        return True
