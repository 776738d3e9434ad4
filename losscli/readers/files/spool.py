"""Temporary files, and the error if they cannot be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from losscli.errors import DataError


class Spool:
    """An open temporary file with random access."""

    def __init__(self, file: IO[bytes]) -> None:
        self.close = file.close
        self._number = file.fileno()

    def read_at(self, buffer: memoryview, offset: int) -> int:
        """Read bytes at a position into a buffer, and return their number: 0 at the end."""
        return os.preadv(self._number, [buffer], offset)

    def pick(self, size: int, offsets: list[int]) -> bytes:
        """Read `size` bytes at each of several positions."""
        return b"".join([os.pread(self._number, size, offset) for offset in offsets])

    def require_same(self) -> None:
        """Do nothing: no other process has the file."""


@contextmanager
def kept_in(file: IO[bytes]) -> Iterator[None]:
    """Raise DataError if reading or writing a temporary file fails."""
    try:
        yield
    except OSError as error:
        import tempfile  # noqa: PLC0415 - takes 5 ms, seldom needed

        with suppress(OSError):  # closing flushes the buffer and fails again
            file.close()
        raise DataError(
            f"{tempfile.gettempdir()}: cannot write a temporary file: {error.strerror or error}. "
            "Set TMPDIR to another folder."
        ) from error
