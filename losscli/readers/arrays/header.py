"""Header: what a file says about an array before its values."""

from __future__ import annotations

import math
import sys
from typing import NamedTuple

import numpy as np

from losscli.errors import DataError, shortened
from losscli.readers import budget

# Axes that arrays of every NumPy may have.
_MOST_AXES = 32


class Header(NamedTuple):
    """The shape, the order of the axes and the type of an array's values."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]

    @property
    def bytes(self) -> int:
        """The bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """For each axis, the bytes from one position to the next."""
        axes = range(len(self.shape))
        inner = [self.shape[:k] if self.fortran else self.shape[k + 1 :] for k in axes]
        return tuple(self.dtype.itemsize * math.prod(one) for one in inner)

    @property
    def is_scattered(self) -> bool:
        """Whether the values of a row are not next to each other."""
        return self.fortran and sum(size > 1 for size in self.shape) > 1

    def require_possible(self, name: str) -> None:
        """Raise DataError unless NumPy can have an array of this shape."""
        if len(self.shape) > _MOST_AXES:
            raise DataError(f"{name}: found {len(self.shape)} axes; expected at most {_MOST_AXES}")
        # NumPy multiplies what is not 0, also where the array is empty.
        most_bytes = math.prod(filter(None, self.shape)) * self.dtype.itemsize
        if min(self.shape, default=0) < 0 or most_bytes > sys.maxsize:
            raise DataError(
                f"{name}: its header says shape {shortened(self.shape)} of {self.dtype}, which no "
                "array has"
            )
        if 0 in self.shape:
            budget.require(name, max(self.shape), budget.MOST_EMPTY_ROWS, "rows without values")

    def ends_early(self, name: str, at: int | None = None) -> DataError:
        """The error for a file that lacks some of the values, and ends at a byte if that is
        known."""
        where = "early" if at is None else f"at byte {at}"
        return DataError(
            f"{name}: the file ends {where}; its header says that {math.prod(self.shape)} elements "
            f"of {self.dtype} follow"
        )
