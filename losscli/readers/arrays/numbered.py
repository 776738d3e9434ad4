"""Sources of generated numbers: positions of columns and files, indices of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from losscli.errors import DataError, listed
from losscli.readers.arrays.derived import AlongRows, Derived
from losscli.source import Box, Label, Present, Shape, Source, Values


class Positions(Source):
    """A source (1, n) with the position of each entry along the second axis, for all rows. The
    labels of the positions are `names`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    @property
    def shape(self) -> Shape:
        return (1, len(self._names))

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.int64)

    @property
    def label_names(self) -> Sequence[Label]:
        return list(self._names)

    def count(self) -> int:
        return 1

    def read(self, box: Box) -> Values:
        return np.arange(len(self._names))[np.newaxis][box]


class FileNumbers(AlongRows):
    """A source with the number of the file, from 0, that each row of an array comes from."""

    @property
    def label_names(self) -> Sequence[Label]:
        return list(self._array.files or (self._array.name,))

    def read(self, box: Box) -> Values:
        rows = np.arange(*box[0].indices(self.count()))
        return np.searchsorted(self._array.starts, rows, "right") - 1


class NumberedTargets(Derived):
    """A source over targets that are class numbers with gaps, such as -1 and 1.

    Its values are the index of each target in `numbers`, which is sorted, and `mark` for targets in
    `ignored`. Reading raises DataError for any other target.
    """

    def __init__(
        self, source: Source, numbers: Sequence[int], ignored: Sequence[int], mark: int
    ) -> None:
        super().__init__(source)
        self.class_names = [str(number) for number in numbers]
        self._numbers = np.array(numbers)
        self._ignored = np.array(ignored)
        self._mark = mark

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.int64)

    def read(self, box: Box) -> Values:
        values = self._source.read(box)
        indices = np.minimum(np.searchsorted(self._numbers, values), len(self._numbers) - 1)
        is_ignored = np.isin(values, self._ignored)
        unknown = (self._numbers[indices] != values) & ~is_ignored
        present = self._source.present(box)
        if present is not None:
            unknown &= present
        if unknown.any():
            raise self._error(values, unknown, box)
        return np.where(is_ignored, self._mark, indices)

    def _error(self, values: Values, unknown: Present, box: Box) -> DataError:
        """Return the error for the first target that is not a class."""
        position = tuple(int(k) for k in np.argwhere(unknown)[0])
        row = position[0] + (box[0].start or 0) if position else 0
        return DataError(
            f"{self.name}: row {row}: target {values[position]} is not the name of an input "
            f"column; expected one of {listed(self.class_names)}"
        )
