"""Source: one array that is read block by block.

Readers create sources, and the evaluation reads them. The class has a default for every attribute
that other packages use, so that no caller has to check whether an attribute exists.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError

# The range of rows, columns, ... to read: a slice for each axis of an array.
Box = tuple[slice, ...]

# The sizes of the axes. The first size is None if it is known only at the end of a file.
Shape = tuple[int | None, ...]

# Booleans, integers or floating-point numbers; objects for labels that are only shown.
Values = NDArray[Any]

# A mask of the rows without missing values.
Present = NDArray[np.bool_]

# A value of a column of labels.
Label = str | float | None


class Source(ABC):
    """One array that is read block by block.

    Attributes:
        name: the name for messages: the path, followed by the name of the array if the file has
            several; empty if the array does not come from a file
        bytes: the size of its files in bytes
        columns: the columns that it was made from; None if its file has no columns
        files: the names of its shards; empty if it was made from one file
        paths: the paths of the files that contain its values
        concurrent: whether several threads may read any boxes at any time; otherwise boxes are
            read in order, by one thread at a time
        of_table: whether it belongs to a table, which filters rows itself
        can_take: whether `take` reads less than whole rows
    """

    name: str = ""
    bytes: int = 0
    columns: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    concurrent: bool = True
    of_table: bool = False
    can_take: bool = False

    @property
    @abstractmethod
    def shape(self) -> Shape: ...

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[np.generic]: ...

    @abstractmethod
    def read(self, box: Box) -> Values:
        """The values in a box. Rows after the end of the array are left out."""

    @property
    def can_start(self) -> bool:
        """Whether `start_at` lets the source skip rows."""
        return self.concurrent

    def start_at(self, row: int) -> None:  # noqa: B027 - a concurrent source has nothing to skip
        """Skip the rows before `row`, which will not be read. Call it before reading any box."""

    @abstractmethod
    def count(self) -> int:
        """The number of rows. Reads to the end of the file if the number is not known yet."""

    def take(self, start: int, columns: NDArray[np.intp]) -> Values:
        """One value of each row of an array with two axes: values[start + n, columns[n]]."""
        rows = self.read((slice(start, start + len(columns)), slice(None)))
        return rows[np.arange(len(columns)), columns]

    def present(self, box: Box) -> Present | None:
        """A mask of the rows of a box without missing values; None if no value can be missing."""
        del box
        return None

    def file_rows(self, box: Box) -> NDArray[np.int64]:
        """The row of the file that each row of a box comes from."""
        return np.arange(*box[0].indices(self.count()))

    def file_row(self, row: int) -> int:
        """The row of the file that a row of the source comes from."""
        return row

    def line(self, row: int) -> int | None:
        """The line, from 1, at which a row begins in a text file; None if it is not known."""
        del row
        return None

    @property
    def starts(self) -> Sequence[int]:
        """The index of the first row of each file."""
        return (0,)

    @property
    def label_names(self) -> Sequence[Label] | None:
        """The labels by code, of all values read so far; None if values are not codes of labels."""
        return None

    @property
    def is_text(self) -> bool:
        """Whether it contains text instead of numbers."""
        return False

    @property
    def is_nested(self) -> bool:
        """Whether its cells are lists of lists: sequences of rows."""
        return False

    def require_same(self) -> None:  # noqa: B027 - most sources check this while they are read
        """Raise DataError if a file of the source changed since it was opened."""

    def close(self) -> None:  # noqa: B027 - most sources have nothing to close
        """Close the files of the source."""


def named(source: Source, problem: str) -> DataError:
    """The error for a problem in a source, with the name of the source if it has a name."""
    return DataError(f"{source.name}: {problem}" if source.name else problem)
