"""Header: the shape, order and type of an array in a file."""

from __future__ import annotations

import math
import sys
from typing import NamedTuple

import numpy as np

from losscli.errors import DataError, shortened
from losscli.readers import budget

# The largest number of axes that every version of NumPy supports.
_MOST_AXES = 32


class Header(NamedTuple):
    """The shape and the type of an array, and whether it is stored in Fortran order."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]

    @property
    def bytes(self) -> int:
        """The size of all values in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """For each axis, the number of bytes from one index to the next."""
        axes = range(len(self.shape))
        inner = [self.shape[:k] if self.fortran else self.shape[k + 1 :] for k in axes]
        return tuple(self.dtype.itemsize * math.prod(sizes) for sizes in inner)

    @property
    def is_scattered(self) -> bool:
        """Whether the values of a row are not next to each other."""
        return self.fortran and sum(size > 1 for size in self.shape) > 1

    def require_possible(self, name: str) -> None:
        """Raise DataError unless NumPy supports arrays of this shape."""
        if len(self.shape) > _MOST_AXES:
            raise DataError(f"{name}: found {len(self.shape)} axes; the limit is {_MOST_AXES}")
        # NumPy multiplies all sizes other than 0, even if the array is empty.
        most_bytes = math.prod(filter(None, self.shape)) * self.dtype.itemsize
        if min(self.shape, default=0) < 0 or most_bytes > sys.maxsize:
            raise DataError(
                f"{name}: invalid header: no {self.dtype} array can have shape "
                f"{shortened(self.shape)}"
            )
        if 0 in self.shape:
            budget.require(name, max(self.shape), budget.MOST_EMPTY_ROWS, "rows without values")

    def ends_early(self, name: str, at: int | None = None) -> DataError:
        """Return the error for a truncated file. `at` is its size in bytes, if known."""
        where = "early" if at is None else f"at byte {at}"
        return DataError(
            f"{name}: truncated file: it ends {where}, but its header declares "
            f"{math.prod(self.shape)} elements of {self.dtype}"
        )
