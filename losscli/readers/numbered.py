"""Sources of numbers that no file holds: positions of columns and files, indices of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError, listed
from losscli.readers import Array
from losscli.readers.derived import AlongRows, Derived, Made


class Positions(Made):
    """A source that gives each entry of the second axis its position, for all rows alike."""

    dtype = np.dtype(np.int64)

    def __init__(self, names: Sequence[str]) -> None:
        self.label_names = list(names)

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (1, len(self.label_names))

    def count(self) -> int:
        return 1

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        return np.arange(len(self.label_names))[np.newaxis][box]


class FileNumbers(AlongRows):
    """A source that gives each row of an array the number of the file that it comes from."""

    def __init__(self, array: Array) -> None:
        super().__init__(array)
        self._starts = getattr(array, "starts", [0])
        self.label_names = list(getattr(array, "files", ()) or (array.name,))

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        start, stop, _ = box[0].indices(self.count())
        numbers: NDArray[Any] = np.searchsorted(self._starts, np.arange(start, stop), "right") - 1
        return numbers


class NumberedTargets(Derived):
    """A source over targets that are the numbers of classes with gaps, as -1 and 1: it gives their
    indices, and `mark` for those that are ignored."""

    def __init__(
        self, source: Array, numbers: Sequence[int], ignored: Sequence[int], mark: int
    ) -> None:
        super().__init__(source)
        self.dtype = np.dtype(np.int64)
        self.class_names = [str(number) for number in numbers]
        self._numbers = np.array(numbers)
        self._ignored = np.array(ignored)
        self._mark = mark

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._source.shape

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        values = self._source.read(box)
        indices = np.minimum(np.searchsorted(self._numbers, values), len(self._numbers) - 1)
        is_ignored = np.isin(values, self._ignored)
        unknown = (self._numbers[indices] != values) & ~is_ignored
        if hasattr(self._source, "present"):
            unknown &= self._source.present(box)
        if unknown.any():
            place = tuple(int(k) for k in np.argwhere(unknown)[0])
            row = place[0] + (box[0].start or 0) if place else 0
            raise DataError(
                f"{self.name}: target in row {row} is {values[place]}; expected one of "
                f"{listed(self.class_names)}, as the columns of the input are called"
            )
        return np.where(is_ignored, self._mark, indices)

    def present(self, box: tuple[slice, ...]) -> Any:
        """Which rows of a box hold a value."""
        return self._source.present(box)  # type: ignore[attr-defined]
