"""Rows of differing lengths that lie end to end in one array of values."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from losscli.errors import ArrayError, DataError

# More values than any file holds, and fewer than 64 bits can count.
_MOST = 1 << 62


class Values(Protocol):
    """The array of values: one axis, read in order."""

    name: str

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def bytes(self) -> int: ...

    @property
    def concurrent(self) -> bool: ...

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]: ...

    def count(self) -> int: ...


class Concatenated:
    """A source over the rows, each filled up with zeros to the longest."""

    columns: tuple[str, ...] | None = None

    def __init__(self, values: Values, role: str, lengths: NDArray[Any]) -> None:
        whole = (lengths >= 0) & (lengths == np.floor(lengths)) & (lengths <= _MOST)
        if not whole.all():
            found = lengths[~whole][0]
            raise ArrayError(role, f"is {found}; expected a length, a whole number from 0 to 2^62")
        total = float(lengths.sum(dtype=np.float64))
        if total > _MOST:
            raise ArrayError(role, f"add up to {total:g}, which no file holds; expected lengths")
        self.name = values.name
        self.dtype = values.dtype
        self.bytes = values.bytes
        self.concurrent = values.concurrent
        self._values = values
        self._lengths = lengths.astype(np.int64)
        self._ends = np.cumsum(self._lengths)

        self._longest = int(self._lengths.max(initial=0))

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (len(self._lengths), self._longest)

    def count(self) -> int:
        return len(self._lengths)

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        """The rows in a box. Raises DataError if there are not as many values as the rows need."""
        start, stop, _ = box[0].indices(len(self._lengths))
        lengths = self._lengths[start:stop]
        if not len(lengths):
            return np.zeros((0, self._longest), self.dtype)
        first, end = int(self._ends[start] - self._lengths[start]), int(self._ends[stop - 1])
        values = self._values.read((slice(first, end),))
        at_end = stop == len(self._lengths)
        if len(values) < end - first or (at_end and self._values.count() > end):
            raise DataError(
                f"{self.name}: found {self._values.count()} values end to end, expected "
                f"{int(self._ends[-1])}, the sum of their lengths"
            )
        rows = np.zeros((len(lengths), self._longest), self.dtype)
        rows[np.arange(self._longest) < lengths[:, np.newaxis]] = values
        return rows[(slice(None), *box[1:])]
