"""Files of which any bytes can be read, as many as there are: the system has to hold open only the
last that were read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from losscli.errors import DataError

# Systems allow a process 256 open files, some fewer.
_MOST_OPEN = 24


class PlainFile(io.RawIOBase):
    """A file by its path, opened when it is read, and again if it was closed for others meanwhile.
    Threads may read it at the same time. Raises DataError where it then is another file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self._found: tuple[int, int] | None = None

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
        with self.descriptor() as descriptor:
            count = os.preadv(descriptor, [buffer], self._place)
        self._place += count
        return count

    @contextmanager
    def descriptor(self) -> Iterator[int]:
        """The number by which the system knows the file, while it is read."""
        number = _OPEN.take(self)
        try:
            yield number
        finally:
            _OPEN.give_back(self)

    def open(self) -> int:
        """Open the file for the system."""
        if self.closed:
            raise ValueError(f"{self._path} is closed")
        number = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        state = os.fstat(number)
        found = state.st_dev, state.st_ino
        if self._found not in (None, found):
            os.close(number)
            raise DataError(f"{self._path}: was replaced by another file while it was read")
        self._found = found
        return number

    def close(self) -> None:
        super().close()
        _OPEN.forget(self)

    def _size(self) -> int:
        with self.descriptor() as number:
            return os.fstat(number).st_size


class _Open:
    """The open files, the last that was read at the end, and how many threads read each."""

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
