"""Source: one array, of which any block can be read. All readers make them, the engine reads them.

A source says everything about itself that another part of losscli may ask for: what a source does
not have, it has as a default of this class. Nobody probes for attributes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError

Box = tuple[slice, ...]

# The sizes of the axes; the first is None if it is known only at the end of a file.
Shape = tuple[int | None, ...]

# Booleans, integers or floating-point numbers, and for labels that are only shown, objects.
Values = NDArray[Any]
Present = NDArray[np.bool_]

# A value of a column of labels.
Label = str | float | None


class Source(ABC):
    """One array, from which blocks are read.

    Attributes:
        name: for messages: the path, with the name of the array if its file has several; empty for
            an array that comes from no file
        bytes: the size of its files
        columns: the columns that it was made from, if its file has columns
        files: the names of its parts, if it was made of several files
        paths: the files that contain its values
        concurrent: whether several threads may read any boxes at any time; otherwise boxes are
            read in order
        of_table: whether its rows are those of a table, which drops rows by itself
        can_take: whether `take` reads less than the rows
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
        """The values in a box, fewer rows where the array ends."""

    @abstractmethod
    def count(self) -> int:
        """The number of rows, after reading to the end if only that tells."""

    def take(self, start: int, columns: NDArray[np.intp]) -> Values:
        """The value in one column of each row, from the row `start` on."""
        rows = self.read((slice(start, start + len(columns)), slice(None)))
        return rows[np.arange(len(columns)), columns]

    def present(self, box: Box) -> Present | None:
        """Which rows of a box have all their values; None if none can be missing."""
        del box
        return None

    def file_rows(self, box: Box) -> NDArray[np.int64]:
        """The row of the file that each row of a box comes from."""
        return np.arange(*box[0].indices(self.count()))

    @property
    def starts(self) -> Sequence[int]:
        """The first row of each file."""
        return (0,)

    @property
    def label_names(self) -> Sequence[Label] | None:
        """The labels whose numbers it gives, once it was read; None if it has no labels."""
        return None

    @property
    def is_text(self) -> bool:
        """Whether it contains names instead of numbers."""
        return False

    @property
    def is_nested(self) -> bool:
        """Whether its cells are lists of lists: sequences of rows."""
        return False

    def close(self) -> None:  # noqa: B027 - most sources have nothing to close
        """Close what it reads from."""


def named(source: Source, problem: str) -> DataError:
    """The error for what is wrong in a source, with its path if it has one."""
    return DataError(f"{source.name}: {problem}" if source.name else problem)
