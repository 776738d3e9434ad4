"""Temporary files, and the error if they cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import IO

from losscli.errors import DataError


class Spool:
    """An open temporary file with random access."""

    def __init__(self, file: IO[bytes]) -> None:
        self.close = file.close
        self._number = file.fileno()

    def descriptor(self) -> AbstractContextManager[int]:
        """Provide the file descriptor."""
        return nullcontext(self._number)


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
