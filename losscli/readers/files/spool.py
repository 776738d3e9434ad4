"""Temporary files, and what a full disk is reported as."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import IO

from losscli.errors import DataError


class Spool:
    """A temporary file of which any bytes can be read, open from the first to the last."""

    def __init__(self, file: IO[bytes]) -> None:
        self.close = file.close
        self._number = file.fileno()

    def descriptor(self) -> AbstractContextManager[int]:
        """The number by which the system knows the file."""
        return nullcontext(self._number)


@contextmanager
def kept_in(file: IO[bytes]) -> Iterator[None]:
    """Raise DataError for what goes wrong with a temporary file."""
    try:
        yield
    except OSError as error:
        import tempfile  # noqa: PLC0415 - 5 ms at the start, and seldom needed

        with suppress(OSError):  # closing writes what is left, and fails once more
            file.close()
        raise DataError(
            f"{tempfile.gettempdir()}: cannot keep what is needed later: "
            f"{error.strerror or error}; the variable TMPDIR names another folder"
        ) from error
