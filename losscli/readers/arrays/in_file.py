"""InFile: an array whose values are contiguous in a file, so that any box can be read.

The file is not mapped into memory: mapped pages would count as memory of the process, and a file
that is truncated while it is mapped kills the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError
from losscli.readers.arrays.header import Header
from losscli.source import Box, Shape, Source, Values

if TYPE_CHECKING:
    from losscli.readers.files.checksum import Checksum

# The bytes from the first to the last value of a scattered box are read at once if they are at most
# _SMALL_SPAN bytes, or at most _DENSE times as many as the values. Otherwise the box is read slice
# by slice.
_SMALL_SPAN = 1 << 16
_DENSE = 2

ReadInto = Callable[[memoryview, int], None]


class Readable(Protocol):
    """A file with random access."""

    def read_at(self, buffer: memoryview, offset: int) -> int:
        """Read bytes at a position into a buffer, and return their number: 0 at the end."""

    def pick(self, size: int, offsets: list[int]) -> bytes:
        """Read `size` bytes at each of several positions."""

    def require_same(self) -> None:
        """Raise DataError if the file was replaced since it was opened."""

    def close(self) -> None: ...


class InFile(Source):
    """The values of an array, which start at the byte `offset` of a file."""

    can_take = True

    def __init__(
        self,
        name: str,
        header: Header,
        offset: int,
        size: int,
        file: Readable,
        *,
        checksum: Checksum | None = None,
    ) -> None:
        self.name = name
        self.paths = (name,)
        self.bytes = size
        self._header = header
        self._offset = offset
        self._file = file
        self._checksum = checksum

    @property
    def shape(self) -> Shape:
        return self._header.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._header.dtype

    def count(self) -> int:
        return self._header.shape[0]

    def require_same(self) -> None:
        self._file.require_same()

    def close(self) -> None:
        """Close the file. A thread that is still reading fails instead of reopening the file."""
        self._file.close()

    def read(self, box: Box) -> Values:
        sizes, strides = self._header.shape, self._header.strides
        ranges = [range(*part.indices(size)) for part, size in zip(box, sizes, strict=True)]
        block = np.empty([len(part) for part in ranges], self.dtype)
        begins = (part.start * stride for part, stride in zip(ranges, strides, strict=True))
        self._fill(block, self._offset + sum(begins), strides, self._read_checked)
        return block

    def take(self, start: int, columns: NDArray[np.intp]) -> Values:
        """Return the value in one column of each row, without reading whole rows."""
        row_stride, column_stride = self._header.strides
        rows = np.arange(start, start + len(columns))
        offsets = self._offset + rows * row_stride + columns * column_stride
        size = self.dtype.itemsize
        data = self._file.pick(size, offsets.tolist())
        if len(data) < len(columns) * size:
            raise self._header.ends_early(self.name)
        return np.frombuffer(data, self.dtype)

    def _fill(
        self, block: Values, offset: int, strides: tuple[int, ...], read_into: ReadInto
    ) -> None:
        """Fill a block from the bytes at `offset`, which are `strides` apart in the file."""
        if block.size == 0:
            return
        steps = [(size - 1) * stride for size, stride in zip(block.shape, strides, strict=True)]
        span = sum(steps) + block.itemsize
        if span == block.nbytes and block.strides == strides:
            read_into(block.reshape(-1).view(np.uint8).data, offset)
        elif span <= max(_SMALL_SPAN, _DENSE * block.nbytes):
            buffer = bytearray(span)
            read_into(memoryview(buffer), offset)
            block[...] = np.ndarray(block.shape, block.dtype, buffer, strides=strides)
        else:
            axis = int(np.argmax(steps))
            inner = strides[:axis] + strides[axis + 1 :]
            for i, part in enumerate(np.moveaxis(block, axis, 0)):
                self._fill(part, offset + i * strides[axis], inner, self._read_into)

    def _read_checked(self, buffer: memoryview, offset: int) -> None:
        """Read bytes and add them to the checksum. Raises DataError if the checksum does not match.

        `_fill` does not use this function for slices, since adding many small slices to the
        checksum takes longer than reading them.
        """
        self._read_into(buffer, offset)
        if self._checksum is not None and not self._checksum.add(offset, buffer):
            raise DataError(f"{self.name}: damaged file: the checksum does not match")

    def _read_into(self, buffer: memoryview, offset: int) -> None:
        done = 0
        while done < len(buffer):
            try:
                count = self._file.read_at(buffer[done:], offset + done)
            except OSError as error:
                raise DataError(f"{self.name}: {error.strerror}") from error
            if not count:
                raise self._header.ends_early(self.name, offset + done)
            done += count
