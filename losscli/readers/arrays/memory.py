"""An array in memory."""

from __future__ import annotations

import numpy as np

from losscli.readers.dtypes import require_real
from losscli.source import Box, Shape, Source, Values


class MemoryArray(Source):
    """A source over an array. Raises KindError for types that are not real numbers."""

    def __init__(self, name: str, array: Values) -> None:
        require_real(name or "array", array.dtype)
        self.name = name
        self.bytes = array.nbytes
        self._array = array

    @property
    def shape(self) -> Shape:
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._array.dtype

    def read(self, box: Box) -> Values:
        return self._array[box]

    def count(self) -> int:
        return len(self._array)
