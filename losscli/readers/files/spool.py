"""Temporary files: what a full disk is reported as."""

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
