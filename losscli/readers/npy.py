"""NumPy's `.npy`: any box of an array, read without mapping the file, or rows as they arrive.

Mapped pages would count as memory of the process, and a file cut short under a map kills it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from threading import Lock
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from losscli.errors import DataError, first_line
from losscli.readers.dtypes import require_real

if TYPE_CHECKING:
    from losscli.readers import Reading
    from losscli.readers.origin import Origin

# A box that lies scattered is read in one go, with what lies between, if that is no more than
# this many bytes, or this many times the box; otherwise slice by slice.
_SMALL_SPAN = 1 << 16
_DENSE = 2

# What NumPy raises for a header that it cannot take for Python's words, or for a type.
_BAD_HEADER = (
    ValueError,
    EOFError,
    SyntaxError,
    TokenError,
    TypeError,
    KeyError,
    OverflowError,
    RecursionError,
    MemoryError,
)

# Axes that arrays of every NumPy may have.
MOST_AXES = 32

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def open_file(origin: Origin, reading: Reading) -> NpyArray | NpyStream:
    """The array of a `.npy` file; only the header is read."""
    del reading  # there is nothing to choose
    if not origin.is_plain:
        return NpyStream(origin.name, origin.stream, origin.size)
    with origin.stream() as file:
        header = read_header(origin.name, file)
        offset = file.tell()
    shape, _, dtype = header
    if offset + math.prod(shape) * dtype.itemsize > origin.size:
        raise ends_early(origin.name, origin.size, shape, dtype)
    return NpyArray(origin.name, header, offset, origin.size, origin.open_raw)


def read_header(name: str, file: Any) -> Header:
    """Shape, whether in Fortran order, and type. Raises DataError if it is no such header."""
    try:
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else _read_header_2_0
        shape, fortran, dtype = read(file)
    except _BAD_HEADER as error:
        raise DataError(f"{name}: not a readable .npy array: {first_line(error)}") from error
    require_real(name, dtype)
    if len(shape) > MOST_AXES:
        raise DataError(f"{name}: found {len(shape)} axes; expected at most {MOST_AXES}")
    if any(size < 0 for size in shape):
        raise DataError(f"{name}: not a readable .npy array: its header says shape {shape}")
    return shape, fortran, dtype


def _read_header_2_0(file: Any) -> Header:
    header: Header = npy_format.read_array_header_2_0(file)
    return header


class NpyArray:
    """A source over values that lie in a file, in C or Fortran order from `offset` on."""

    concurrent = True
    columns: tuple[str, ...] | None = None
    names: Sequence[str] = ()

    def __init__(
        self,
        name: str,
        header: Header,
        offset: int,
        size: int,
        open_raw: Callable[[], IO[bytes]],
        *,
        opened: IO[bytes] | None = None,
    ) -> None:
        self.name = name
        self._sizes, fortran, self.dtype = header
        self.bytes = size
        self._offset = offset
        self._strides = _strides(self._sizes, self.dtype.itemsize, fortran)
        self._open = open_raw
        self._file = opened
        self._opening = Lock()

    def array(self, patterns: Sequence[str] | None, option: str) -> NpyArray:
        """The array itself; it has no columns to name."""
        if patterns is not None:
            raise DataError(f"{self.name}: found a .npy array, which has no columns ({option})")
        return self

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

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

    def take(self, start: int, columns: NDArray[np.intp]) -> NDArray[Any]:
        """Of each row from `start` on the value in one column: a page is read, not the row."""
        rows = np.arange(start, start + len(columns))
        offsets = self._offset + rows * self._strides[0] + columns * self._strides[1]
        descriptor, size = self._descriptor(), self.dtype.itemsize
        data = b"".join([os.pread(descriptor, size, offset) for offset in offsets.tolist()])
        if len(data) < len(columns) * size:
            raise ends_early(self.name, None, self._sizes, self.dtype)
        return np.frombuffer(data, self.dtype)

    def _descriptor(self) -> int:
        """Of the file, which is opened when it is first read."""
        if self._file is None:
            with self._opening:
                self._file = self._file or self._open()
        return self._file.fileno()

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
                got = os.preadv(self._descriptor(), [buffer[done:]], offset + done)
            except OSError as error:
                raise DataError(f"{self.name}: {error.strerror}") from error
            if not got:
                raise ends_early(self.name, offset + done, self._sizes, self.dtype)
            done += got


class NpyStream:
    """A source over a `.npy` that can only be read on: rows are held while they are asked for."""

    concurrent = False
    columns: tuple[str, ...] | None = None
    names: Sequence[str] = ()

    def __init__(
        self,
        name: str,
        open_stream: Callable[[], Any],
        size: int,
        *,
        damage: tuple[type[Exception], ...] = (OSError, EOFError, ValueError),
    ) -> None:
        self.name = name
        self.bytes = size
        self._damage = damage
        self._file = open_stream()
        self._sizes, fortran, self.dtype = read_header(name, self._file)
        if fortran and sum(size > 1 for size in self._sizes) > 1:
            raise DataError(
                f"{name}: found an array in Fortran order, which cannot be read as it arrives; "
                "numpy.ascontiguousarray(x) saves it in C order"
            )
        self._first = 0
        self._held = np.empty((0, *self._sizes[1:]), self.dtype)

    def array(self, patterns: Sequence[str] | None, option: str) -> NpyStream:
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
        """The values in a box; the rows before it are let go."""
        if not self._sizes:
            return self._next(1).reshape(())
        start, stop, _ = box[0].indices(self._sizes[0])
        passed = min(start - self._first, len(self._held))
        self._held, self._first = self._held[passed:], self._first + passed
        missing = stop - self._first - len(self._held)
        if missing > 0:
            self._held = np.concatenate([self._held, self._next(missing)])
        return self._held[(slice(0, stop - start), *box[1:])]

    def _next(self, rows: int) -> NDArray[Any]:
        block = np.empty((rows, *self._sizes[1:]), self.dtype)
        buffer = block.reshape(-1).view(np.uint8).data
        done = 0
        while done < len(buffer):
            try:
                part = self._file.read(len(buffer) - done)
            except self._damage as error:
                raise DataError(f"{self.name}: damaged: {first_line(error)}") from error
            if not part:
                raise ends_early(self.name, None, self._sizes, self.dtype)
            buffer[done : done + len(part)] = part
            done += len(part)
        return block


def ends_early(
    name: str, at: int | None, sizes: tuple[int, ...], dtype: np.dtype[Any]
) -> DataError:
    where = "early" if at is None else f"at byte {at}"
    return DataError(
        f"{name}: the file ends {where}; its header says that {math.prod(sizes)} elements of "
        f"{dtype} follow"
    )


def _strides(sizes: tuple[int, ...], itemsize: int, fortran: bool) -> tuple[int, ...]:
    inner = [sizes[:k] if fortran else sizes[k + 1 :] for k in range(len(sizes))]
    return tuple(itemsize * math.prod(one) for one in inner)
