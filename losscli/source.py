"""Source: one array that is read block by block. Readers create sources, the engine reads them.

This class has a default for every attribute that other parts of losscli use, so that no caller
probes for attributes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError

Box = tuple[slice, ...]

# The sizes of the axes. The first is None if it is known only at the end of a file.
Shape = tuple[int | None, ...]

# Booleans, integers or floating-point numbers; objects for labels that are only shown.
Values = NDArray[Any]
Present = NDArray[np.bool_]

# A value of a column of labels.
Label = str | float | None


class Source(ABC):
    """One array that is read block by block.

    Attributes:
        name: for messages: the path, with the name of the array if its file has several; empty if
            the array does not come from a file
        bytes: the size of its files
        columns: the columns that it was made from, if its file has columns
        files: the names of its parts, if it was made from several files
        paths: the files that contain its values
        concurrent: whether several threads may read any boxes at any time; otherwise boxes are
            read in order
        of_table: whether it belongs to a table, which drops rows itself
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
        """The values in a box, with fewer rows at the end of the array."""

    @abstractmethod
    def count(self) -> int:
        """The number of rows. Reads to the end if the number is not known before."""

    def take(self, start: int, columns: NDArray[np.intp]) -> Values:
        """One value of each row, from row `start` on: the value in the given column."""
        rows = self.read((slice(start, start + len(columns)), slice(None)))
        return rows[np.arange(len(columns)), columns]

    def present(self, box: Box) -> Present | None:
        """Which rows of a box have no missing values; None if no value can be missing."""
        del box
        return None

    def file_rows(self, box: Box) -> NDArray[np.int64]:
        """The number, in the file, of each row of a box."""
        return np.arange(*box[0].indices(self.count()))

    def file_row(self, row: int) -> int:
        """The row of the file that is one of the rows of the source."""
        return row

    def line(self, row: int) -> int | None:
        """The line of a text file that contains a row, if it is known."""
        del row
        return None

    @property
    def starts(self) -> Sequence[int]:
        """The first row of each file."""
        return (0,)

    @property
    def label_names(self) -> Sequence[Label] | None:
        """The labels that its values are codes of, after reading; None if it has no labels."""
        return None

    @property
    def is_text(self) -> bool:
        """Whether it contains text instead of numbers."""
        return False

    @property
    def is_nested(self) -> bool:
        """Whether its cells are lists of lists: sequences of rows."""
        return False

    def close(self) -> None:  # noqa: B027 - most sources have nothing to close
        """Close the files that it reads."""


def named(source: Source, problem: str) -> DataError:
    """The error for a problem in a source, with its path if it has one."""
    return DataError(f"{source.name}: {problem}" if source.name else problem)
