"""NumPy's `.npy`: any box of an array, read without mapping the file, or rows as they arrive.

Mapped pages would count as memory of the process, and a file cut short under a map kills it.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from threading import Lock
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from losscli.errors import DataError, first_line, shortened
from losscli.readers.dtypes import require_real
from losscli.readers.fields import Offer
from losscli.readers.spool import write_all

if TYPE_CHECKING:
    from losscli.readers import Reading
    from losscli.readers.checksum import Checksum
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

# A longer row is not held while it arrives: it lies on disk, where any box of it can be read.
_MOST_ROW_BYTES = 1 << 25
_COPY_BYTES = 1 << 20

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def open_file(origin: Origin, reading: Reading) -> NpyArray | NpyStream:
    """The array of a `.npy` file; only the header is read."""
    del reading  # there is nothing to choose
    if not origin.is_plain:
        file = origin.stream()
        header = read_header(origin.name, file)
        if _is_scattered(header):
            raise DataError(
                f"{origin.name}: found an array in Fortran order, which cannot be read as it "
                "arrives; numpy.ascontiguousarray(x) saves it in C order"
            )
        return as_it_arrives(origin.name, header, file, origin.size, packed=origin.is_compressed)
    with origin.stream() as file:
        header = read_header(origin.name, file)
        offset = file.tell()
    shape, _, dtype = header
    if offset + data_bytes(header) > origin.size:
        raise ends_early(origin.name, origin.size, shape, dtype)
    return NpyArray(origin.name, header, offset, origin.size, origin.open_raw)


def read_header(name: str, file: Any) -> Header:
    """Shape, whether in Fortran order, and type. Raises DataError if it is no such header."""
    try:
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else _read_header_2_0
        with warnings.catch_warnings(action="ignore"):  # of what Python 2 wrote
            shape, fortran, dtype = read(file)
    except _BAD_HEADER as error:
        raise DataError(f"{name}: not a readable .npy array: {first_line(error)}") from error
    require_real(name, dtype)
    require_shape(name, shape, dtype)
    return shape, fortran, dtype


def require_shape(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise DataError unless NumPy can have an array of that shape."""
    if len(shape) > MOST_AXES:
        raise DataError(f"{name}: found {len(shape)} axes; expected at most {MOST_AXES}")
    # NumPy multiplies what is not 0, also where the array is empty.
    if min(shape, default=0) < 0 or math.prod(filter(None, shape)) * dtype.itemsize > sys.maxsize:
        raise DataError(
            f"{name}: its header says shape {shortened(shape)} of {dtype}, which no array has"
        )


def data_bytes(header: Header) -> int:
    """How many bytes the values take that a header announces."""
    shape, _, dtype = header
    return math.prod(shape) * dtype.itemsize


def _read_header_2_0(file: Any) -> Header:
    header: Header = npy_format.read_array_header_2_0(file)
    return header


class NpyArray:
    """A source over values that lie in a file, in C or Fortran order from `offset` on."""

    concurrent = True
    columns: tuple[str, ...] | None = None
    path: str | None = None  # of the file that holds it, where its name is not that
    is_table = False

    def __init__(
        self,
        name: str,
        header: Header,
        offset: int,
        size: int,
        open_raw: Callable[[], IO[bytes]],
        *,
        opened: IO[bytes] | None = None,
        checksum: Checksum | None = None,
    ) -> None:
        self.name = name
        self._sizes, fortran, self.dtype = header
        self.bytes = size
        self._offset = offset
        self._strides = _strides(self._sizes, self.dtype.itemsize, fortran)
        self._open = open_raw
        self._file = opened
        self._checksum = checksum
        self._opening = Lock()
        self._closed = False

    @property
    def offer(self) -> Offer:
        """There are no columns to choose."""
        return Offer(self.name)

    def array(self, columns: Sequence[str] | None, option: str) -> NpyArray:
        """The array itself; it has no columns to name."""
        if columns is not None:
            raise DataError(f"{self.name}: found a .npy array, which has no columns ({option})")
        return self

    def close(self) -> None:
        """Close the file. A thread that still reads then fails, and does not open it again."""
        with self._opening:
            self._closed = True
            if self._file is not None:
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
        self._fill(block, offset, self._strides, self._read_checked)
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
                if self._closed:
                    raise ValueError(f"{self.name} is closed")
                self._file = self._file or self._open()
        return self._file.fileno()

    def _fill(
        self,
        block: NDArray[Any],
        offset: int,
        strides: tuple[int, ...],
        read_into: Callable[[memoryview, int], None],
    ) -> None:
        """Fill a block from the bytes at `offset`, which lie `strides` apart in the file."""
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
        """The same for what is read in one go: the checksum of slices takes longer than they do."""
        self._read_into(buffer, offset)
        if self._checksum is not None and not self._checksum.add(offset, buffer):
            raise DataError(f"{self.name}: damaged: its checksum is another than it had")

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


def as_it_arrives(
    name: str,
    header: Header,
    file: Any,
    size: int,
    *,
    packed: bool,
    damage: tuple[type[Exception], ...] = (OSError, EOFError, ValueError),
) -> NpyStream:
    """A source over the values that follow in a file which can only be read on.

    `packed`: the file ends with a checksum, which is looked at. `damage` is what it raises.
    """
    sizes, _, dtype = header
    is_long = math.prod(sizes[1:]) * dtype.itemsize > _MOST_ROW_BYTES
    values = _Values(name, header, file, packed, damage)
    kind = NpyOnDisk if is_long or _is_scattered(header) else NpyStream
    return kind(name, header, values, size)


def _is_scattered(header: Header) -> bool:
    """Whether rows do not lie end to end."""
    sizes, fortran, _ = header
    return fortran and sum(size > 1 for size in sizes) > 1


class _Values:
    """The bytes of an array's values, as a file gives them."""

    def __init__(
        self,
        name: str,
        header: Header,
        file: Any,
        packed: bool,
        damage: tuple[type[Exception], ...],
    ) -> None:
        self.close = file.close
        self._name = name
        self._header = header
        self._file = file
        self._left = data_bytes(header)
        self._packed = packed
        self._damage = damage

    def read_into(self, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            part = self._next(len(buffer) - done)
            buffer[done : done + len(part)] = part
            done += len(part)

    def to_disk(self, size: int) -> IO[bytes]:
        """So many of the bytes, in a nameless file."""
        import tempfile  # noqa: PLC0415 - 5 ms, for this alone

        try:
            return self._copied(tempfile.TemporaryFile(buffering=0), size)
        except OSError as error:
            raise DataError(
                f"{self._name}: {error.strerror} where its values are laid to be read in another "
                "order; TMPDIR names another place"
            ) from error

    def _copied(self, spool: IO[bytes], size: int) -> IO[bytes]:
        try:
            while size:
                part = self._next(min(_COPY_BYTES, size))
                size -= len(part)
                write_all(spool, part)
        except BaseException:
            spool.close()
            raise
        return spool

    def _next(self, most: int) -> bytes:
        part = self._read(most)
        if not part:
            raise ends_early(self._name, None, self._header[0], self._header[2])
        self._left -= len(part)
        if self._packed and not self._left:
            while self._read(_COPY_BYTES):  # the checksum is behind whatever follows
                pass
        return part

    def _read(self, size: int) -> bytes:
        try:
            part: bytes = self._file.read(size)
        except self._damage as error:
            raise DataError(f"{self._name}: damaged: {first_line(error)}") from error
        return part


class NpyStream:
    """A source over a `.npy` that can only be read on: rows are held while they are asked for."""

    concurrent = False
    columns: tuple[str, ...] | None = None
    path: str | None = None  # of the file that holds it, where its name is not that
    is_table = False

    def __init__(self, name: str, header: Header, values: _Values, size: int) -> None:
        self.name = name
        self.bytes = size
        self._sizes, self._fortran, self.dtype = header
        self._values = values
        self._first = 0
        self._held: NDArray[Any] | None = None

    @property
    def offer(self) -> Offer:
        """There are no columns to choose."""
        return Offer(self.name)

    def array(self, columns: Sequence[str] | None, option: str) -> NpyStream:
        """The array itself; it has no columns to name."""
        if columns is not None:
            raise DataError(f"{self.name}: found a .npy array, which has no columns ({option})")
        return self

    def close(self) -> None:
        self._values.close()

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._sizes

    def count(self) -> int:
        return self._sizes[0]

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        """The values in a box; the rows before it are let go."""
        if not self._sizes:
            return self._next(1).reshape(())
        if self._held is None:
            self._held = self._next(0)
        start, stop, _ = box[0].indices(self._sizes[0])
        passed = min(start - self._first, len(self._held))
        self._held, self._first = self._held[passed:], self._first + passed
        missing = stop - self._first - len(self._held)
        if missing > 0:
            self._held = np.concatenate([self._held, self._next(missing)])
        return self._held[(slice(0, stop - start), *box[1:])]

    def _next(self, rows: int) -> NDArray[Any]:
        block = np.empty((rows, *self._sizes[1:]), self.dtype)
        self._values.read_into(block.reshape(-1).view(np.uint8).data)
        return block


class NpyOnDisk(NpyStream):
    """The same where rows are too long to be held, or lie scattered, in Fortran order: each row,
    or the whole array, lies on disk while it is asked for."""

    _lying: NpyArray | None = None

    def close(self) -> None:
        super().close()
        if self._lying is not None:
            self._lying.close()

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        start, stop, _ = box[0].indices(self._sizes[0])
        blocks = []
        while start < stop:
            lying = self._with(start)
            rows = slice(start - self._first, min(stop - self._first, lying.count()))
            blocks.append(lying.read((rows, *box[1:])))
            start = self._first + rows.stop
        if not blocks:
            return np.empty((0, *self._sizes[1:]), self.dtype)[(slice(None), *box[1:])]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _with(self, row: int) -> NpyArray:
        """What lies on disk, with a row; what was there before is let go."""
        while self._lying is None or row >= self._first + self._lying.count():
            if self._lying is not None:
                self._lying.close()
                self._first += self._lying.count()
            self._lying = self._lay(self._sizes[0] if self._fortran else 1)
        return self._lying

    def _lay(self, rows: int) -> NpyArray:
        """The next rows, written to disk."""
        header = ((rows, *self._sizes[1:]), self._fortran, self.dtype)
        spool = self._values.to_disk(data_bytes(header))
        return NpyArray(self.name, header, 0, self.bytes, lambda: spool, opened=spool)


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
