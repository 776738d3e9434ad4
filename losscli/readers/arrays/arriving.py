"""Arriving: an array whose values can only be read in order, from a pipe or a compressed file."""

from __future__ import annotations

from typing import IO, Protocol

import numpy as np

from losscli.errors import DataError, first_line
from losscli.readers.arrays.header import Header
from losscli.readers.arrays.in_file import InFile
from losscli.readers.files.spool import Spool
from losscli.source import Box, Shape, Source, Values

# Longer rows are copied to a temporary file, from which any box can be read.
_MOST_ROW_BYTES = 1 << 25
_COPY_BYTES = 1 << 20

Damage = tuple[type[Exception], ...]

_DAMAGE: Damage = (OSError, EOFError, ValueError)


class Readable(Protocol):
    """A stream of bytes; empty at the end."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def arriving(
    name: str,
    header: Header,
    file: Readable,
    size: int,
    *,
    has_checksum: bool,
    damage: Damage = _DAMAGE,
) -> Arriving:
    """Return the array of the values that follow in a file.

    With `has_checksum`, the file is read to its end, where the library verifies the checksum.
    `damage` lists the exceptions that the library raises for damaged contents. `size` is the size
    of the file in bytes.
    """
    values = _Values(name, header, file, has_checksum, damage)
    on_disk = header.row_bytes > _MOST_ROW_BYTES or header.is_scattered
    kind = _OnDisk if on_disk else Arriving
    return kind(name, header, values, size)


class _Values:
    """The bytes of an array's values, in the order of the file."""

    def __init__(
        self, name: str, header: Header, file: Readable, has_checksum: bool, damage: Damage
    ) -> None:
        self.close = file.close
        self._name = name
        self._header = header
        self._file = file
        self._left = header.bytes
        self._has_checksum = has_checksum
        self._damage = damage

    def read_into(self, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            data = self._next(len(buffer) - done)
            buffer[done : done + len(data)] = data
            done += len(data)

    def to_disk(self, size: int) -> IO[bytes]:
        """Copy the next `size` bytes to an unnamed temporary file."""
        import tempfile  # noqa: PLC0415 - takes 5 ms, seldom needed

        try:
            return self._copied(tempfile.TemporaryFile(), size)
        except OSError as error:
            raise DataError(
                f"{self._name}: cannot write values to a temporary file: {error.strerror}. Set "
                "TMPDIR to another folder."
            ) from error

    def _copied(self, spool: IO[bytes], size: int) -> IO[bytes]:
        try:
            while size:
                data = self._next(min(_COPY_BYTES, size))
                size -= len(data)
                spool.write(data)
            spool.flush()
        except BaseException:
            spool.close()
            raise
        return spool

    def _next(self, most: int) -> bytes:
        data = self._read(most)
        if not data:
            raise self._header.ends_early(self._name)
        self._left -= len(data)
        if self._has_checksum and not self._left:
            while self._read(_COPY_BYTES):  # the checksum is at the end of the file
                pass
        return data

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except self._damage as error:
            raise DataError(f"{self._name}: damaged file: {first_line(error)}") from error


class Arriving(Source):
    """Values that can only be read in order. Keeps the rows of the last box."""

    concurrent = False

    def __init__(self, name: str, header: Header, values: _Values, size: int) -> None:
        self.name = name
        self.paths = (name,)
        self.bytes = size
        self._header = header
        self._values = values
        self._first = 0
        self._rows: Values | None = None

    @property
    def shape(self) -> Shape:
        return self._header.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self._header.dtype

    def count(self) -> int:
        return self._header.shape[0]

    def close(self) -> None:
        self._values.close()

    def read(self, box: Box) -> Values:
        """Return the values in a box, and drop the rows before the box. Boxes must be read in
        order."""
        if not self._header.shape:
            return self._next(1).reshape(())
        if self._rows is None:
            self._rows = self._next(0)
        start, stop, _ = box[0].indices(self._header.shape[0])
        passed = min(start - self._first, len(self._rows))
        self._rows, self._first = self._rows[passed:], self._first + passed
        missing = stop - self._first - len(self._rows)
        if missing > 0:
            self._rows = np.concatenate([self._rows, self._next(missing)])
        return self._rows[(slice(0, stop - start), *box[1:])]

    def _next(self, rows: int) -> Values:
        block: Values = np.empty((rows, *self._header.shape[1:]), self.dtype)
        self._values.read_into(block.reshape(-1).view(np.uint8).data)
        return block


class _OnDisk(Arriving):
    """Values whose rows are too long for memory, or scattered because of Fortran order.

    Long rows are copied to disk one at a time; an array in Fortran order is copied as a whole.
    """

    _on_disk: InFile | None = None

    def close(self) -> None:
        super().close()
        if self._on_disk is not None:
            self._on_disk.close()

    def read(self, box: Box) -> Values:
        sizes = self._header.shape
        start, stop, _ = box[0].indices(sizes[0])
        blocks = []
        while start < stop:
            on_disk = self._on_disk_with(start)
            rows = slice(start - self._first, min(stop - self._first, on_disk.count()))
            blocks.append(on_disk.read((rows, *box[1:])))
            start = self._first + rows.stop
        if not blocks:
            return np.empty((0, *sizes[1:]), self.dtype)[(slice(None), *box[1:])]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _on_disk_with(self, row: int) -> InFile:
        """Copy rows to disk until they include this row. Deletes earlier rows from disk."""
        while self._on_disk is None or row >= self._first + self._on_disk.count():
            if self._on_disk is not None:
                self._on_disk.close()
                self._first += self._on_disk.count()
            self._on_disk = self._write_rows(self._header.shape[0] if self._header.fortran else 1)
        return self._on_disk

    def _write_rows(self, rows: int) -> InFile:
        """Write the next rows to disk."""
        header = self._header._replace(shape=(rows, *self._header.shape[1:]))
        spool = self._values.to_disk(header.bytes)
        return InFile(self.name, header, 0, self.bytes, Spool(spool))
