"""What is kept in a temporary file until it is needed: the one place that tells of a full disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from losscli.errors import DataError


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


def write_all(file: IO[bytes], data: bytes) -> None:
    """All of it: a file without a buffer may take a part, as a disk does that is nearly full."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
