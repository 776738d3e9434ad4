"""Concatenated: rows of different lengths from one array of concatenated values."""

from __future__ import annotations

import numpy as np

from losscli.errors import ArrayError, DataError
from losscli.readers.arrays.derived import Derived
from losscli.source import Box, Shape, Source, Values

# The maximum number of values of all rows: more than any file contains, but fewer than 64 bits can
# count.
_MOST = 1 << 62


class Concatenated(Derived):
    """A source over the rows, each padded with zeros to the length of the longest row.

    Raises ArrayError for values that cannot be lengths. `role` is the name of the array of lengths.
    """

    def __init__(self, values: Source, role: str, lengths: Values) -> None:
        super().__init__(values)
        _require_lengths(role, lengths)
        self._lengths = lengths.astype(np.int64)
        self._ends = np.cumsum(self._lengths)
        self._longest = int(self._lengths.max(initial=0))

    @property
    def shape(self) -> Shape:
        return (len(self._lengths), self._longest)

    def count(self) -> int:
        return len(self._lengths)

    def read(self, box: Box) -> Values:
        """Return the rows in a box. Raises DataError if the number of values is not the sum of the
        lengths."""
        start, stop, _ = box[0].indices(len(self._lengths))
        lengths = self._lengths[start:stop]
        if not len(lengths):
            return np.zeros((0, self._longest), self.dtype)
        first, end = int(self._ends[start] - self._lengths[start]), int(self._ends[stop - 1])
        values = self._source.read((slice(first, end),))
        at_end = stop == len(self._lengths)
        if len(values) < end - first or (at_end and self._source.count() > end):
            raise DataError(
                f"{self.name}: expected {int(self._ends[-1])} values, the sum of the lengths, "
                f"found {self._source.count()}"
            )
        rows: Values = np.zeros((len(lengths), self._longest), self.dtype)
        rows[np.arange(self._longest) < lengths[:, np.newaxis]] = values
        return rows[(slice(None), *box[1:])]


def _require_lengths(role: str, lengths: Values) -> None:
    """Raise ArrayError for values that cannot be lengths."""
    valid = (lengths >= 0) & (lengths == np.floor(lengths)) & (lengths <= _MOST)
    if not valid.all():
        invalid = lengths[~valid][0]
        raise ArrayError(role, f"contains {invalid}; expected lengths: whole numbers up to 2^62")
    total = float(lengths.sum(dtype=np.float64))
    if total > _MOST:
        raise ArrayError(role, f"add up to {total:g}; expected lengths with a sum up to 2^62")
