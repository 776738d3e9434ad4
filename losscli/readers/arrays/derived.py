"""Base classes of sources that wrap another source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from losscli.source import Box, Label, Present, Shape, Source, Values


class Derived(Source):
    """A source that wraps another source and has the same file and columns."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.bytes = source.bytes
        self.columns = source.columns
        self.files = source.files
        self.paths = source.paths
        self.concurrent = source.concurrent
        self.of_table = source.of_table
        self._source = source

    @property
    def shape(self) -> Shape:
        return self._source.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._source.dtype

    @property
    def label_names(self) -> Sequence[Label] | None:
        return self._source.label_names

    def count(self) -> int:
        return self._source.count()

    def present(self, box: Box) -> Present | None:
        return self._source.present(box)

    def file_row(self, row: int) -> int:
        return self._source.file_row(row)

    def line(self, row: int) -> int | None:
        return self._source.line(row)

    def file_rows(self, box: Box) -> NDArray[np.int64]:
        return self._source.file_rows(box)

    def require_same(self) -> None:
        self._source.require_same()

    def close(self) -> None:
        self._source.close()


class AlongRows(Source):
    """A source with one integer for each row of an array."""

    def __init__(self, array: Source) -> None:
        self.concurrent = array.concurrent
        self.of_table = array.of_table
        self._array = array

    @property
    def shape(self) -> Shape:
        return self._array.shape[:1]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.int64)

    @property
    def can_start(self) -> bool:
        return self._array.can_start

    def start_at(self, row: int) -> None:
        self._array.start_at(row)

    def count(self) -> int:
        return self._array.count()


class Narrowed(Derived):
    """A source that converts floats wider than float64 to float64, since JSON and tables have no
    wider type."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.float64, metadata={"stored": self._source.dtype.name})

    def read(self, box: Box) -> Values:
        with np.errstate(over="ignore"):  # larger numbers become infinite
            return self._source.read(box).astype(np.float64)


def narrowed(source: Source) -> Source:
    """Return the source, narrowed to float64 if its floats are wider."""
    is_wide = source.dtype.kind == "f" and source.dtype.itemsize > np.dtype(np.float64).itemsize
    return Narrowed(source) if is_wide else source
