"""An array that is in memory already."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.readers.dtypes import require_real


class MemoryArray:
    """A source over an array."""

    concurrent = True
    columns: tuple[str, ...] | None = None

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        require_real(name or "array", array.dtype)
        self.name = name
        self._array = array

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    @property
    def bytes(self) -> int:
        return self._array.nbytes

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        return self._array[box]

    def count(self) -> int:
        return len(self._array)
