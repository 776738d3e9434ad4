"""Random access to any number of files. Only the most recently read files stay open."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from losscli.errors import DataError

# The maximum number of files that stay open. Systems may allow a process only 256 open files.
_MOST_OPEN = 24


class PlainFile(io.RawIOBase):
    """A file that is opened when it is read. It may be closed while other files are read, and is
    then reopened. Several threads may read it. Raises DataError if the file was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self._identity: tuple[int, int] | None = None
        self._state: tuple[int, int] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place}
        self._place = offset + (begin[whence] if whence in begin else self._size())
        if self._place < 0:
            raise OSError(f"{self._path}: cannot seek before its beginning")
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self.read_at(buffer, self._place)
        self._place += count
        return count

    def read_at(self, buffer: memoryview, offset: int) -> int:
        """Read bytes at a position into a buffer, and return their number: 0 at the end."""
        with self.descriptor() as descriptor:
            return os.preadv(descriptor, [buffer], offset)

    def pick(self, size: int, offsets: list[int]) -> bytes:
        """Read `size` bytes at each of several positions."""
        with self.descriptor() as descriptor:
            return b"".join([os.pread(descriptor, size, offset) for offset in offsets])

    @contextmanager
    def descriptor(self) -> Iterator[int]:
        """Provide the file descriptor, which stays open while it is used."""
        number = _OPEN.take(self)
        try:
            yield number
        finally:
            _OPEN.give_back(self)

    def open(self) -> int:
        """Open the file and return its descriptor."""
        if self.closed:
            raise ValueError(f"{self._path} is closed")
        number = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(number)
        identity = status.st_dev, status.st_ino
        if self._identity not in (None, identity):
            os.close(number)
            raise DataError(f"{self._path}: the file was replaced while it was being read")
        self._identity = identity
        self._state = self._state or (status.st_size, status.st_mtime_ns)
        return number

    def require_same(self) -> None:
        """Raise DataError if the file was replaced or written to since it was opened."""
        if self._state is None:
            return
        status = os.stat(self._path)
        if (status.st_size, status.st_mtime_ns) != self._state:
            raise DataError(
                f"{self._path}: the file changed while it was being read. Use a copy of the file."
            )

    def close(self) -> None:
        super().close()
        _OPEN.forget(self)

    def _size(self) -> int:
        with self.descriptor() as number:
            return os.fstat(number).st_size


class _Open:
    """The open files, the most recently read last, and the number of threads reading each."""

    def __init__(self) -> None:
        self._numbers: dict[PlainFile, int] = {}
        self._readers: dict[PlainFile, int] = {}
        self._lock = Lock()

    def take(self, file: PlainFile) -> int:
        with self._lock:
            number = self._numbers.pop(file, None)
            if number is None:
                self._make_room()
                number = file.open()
            self._numbers[file] = number
            self._readers[file] = self._readers.get(file, 0) + 1
            return number

    def give_back(self, file: PlainFile) -> None:
        with self._lock:
            self._readers[file] -= 1
            if file.closed:
                self._close_if_idle(file)

    def forget(self, file: PlainFile) -> None:
        with self._lock:
            self._close_if_idle(file)

    def _make_room(self) -> None:
        for file in list(self._numbers):
            if len(self._numbers) < _MOST_OPEN:
                return
            self._close_if_idle(file)

    def _close_if_idle(self, file: PlainFile) -> None:
        if not self._readers.get(file) and file in self._numbers:
            os.close(self._numbers.pop(file))
            self._readers.pop(file, None)


_OPEN = _Open()
