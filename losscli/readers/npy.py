"""NumPy's `.npy`: any box of an array, read without mapping the file.

Mapped pages would count as memory of the process, and a file cut short under a map kills it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from losscli.errors import DataError
from losscli.readers.dtypes import require_real

# A box that lies scattered is read in one go, with what lies between, if that is no more than
# this many bytes, or this many times the box; otherwise slice by slice.
_SMALL_SPAN = 1 << 16
_DENSE = 2


def open_file(path: Path) -> NpyArray:
    """The array of a `.npy` file; only the header is read."""
    return NpyArray(path)


class NpyArray:
    """A source over a `.npy` file."""

    columns: tuple[str, ...] | None = None

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            with path.open("rb") as file:
                if file.read(len(MAGIC_PREFIX)) != MAGIC_PREFIX:
                    raise ValueError("found no .npy header")
            header = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise DataError(f"{path}: not a readable .npy array: {_line(error)}") from error
        require_real(self.name, header.dtype)
        self._sizes: tuple[int, ...] = header.shape
        self.dtype: np.dtype[Any] = header.dtype
        self.bytes = path.stat().st_size
        self._strides = header.strides
        self._offset = header.offset
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by close

    def array(self, patterns: Sequence[str] | None, option: str) -> NpyArray:
        """The array itself; it has no columns to name."""
        if patterns is not None:
            raise DataError(f"{self.name}: found a .npy array, which has no columns ({option})")
        return self

    def close(self) -> None:
        self._file.close()

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._sizes

    def count(self) -> int:
        return self._sizes[0]

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        ranges = [range(*part.indices(size)) for part, size in zip(box, self._sizes, strict=True)]
        block = np.empty([len(part) for part in ranges], self.dtype)
        offset = self._offset
        for part, stride in zip(ranges, self._strides, strict=True):
            offset += part.start * stride
        self._fill(block, offset, self._strides)
        return block

    def _fill(self, block: NDArray[Any], offset: int, strides: tuple[int, ...]) -> None:
        """Fill a block from the bytes at `offset`, which lie `strides` apart in the file."""
        if block.size == 0:
            return
        steps = [(size - 1) * stride for size, stride in zip(block.shape, strides, strict=True)]
        span = sum(steps) + block.itemsize
        if span == block.nbytes and block.strides == strides:
            self._read_into(block.reshape(-1).view(np.uint8).data, offset)
        elif span <= max(_SMALL_SPAN, _DENSE * block.nbytes):
            buffer = bytearray(span)
            self._read_into(memoryview(buffer), offset)
            block[...] = np.ndarray(block.shape, block.dtype, buffer, strides=strides)
        else:
            axis = int(np.argmax(steps))
            inner = strides[:axis] + strides[axis + 1 :]
            for i, part in enumerate(np.moveaxis(block, axis, 0)):
                self._fill(part, offset + i * strides[axis], inner)

    def _read_into(self, buffer: memoryview, offset: int) -> None:
        done = 0
        while done < len(buffer):
            try:
                self._file.seek(offset + done)
                got = self._file.readinto(buffer[done:])
            except OSError as error:
                raise DataError(f"{self.name}: {error.strerror}") from error
            if not got:
                raise DataError(
                    f"{self.name}: the file ends at byte {offset + done}; its header says that "
                    f"{math.prod(self._sizes)} elements of {self.dtype} follow"
                )
            done += got


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]
