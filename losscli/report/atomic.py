"""AtomicFile: a file that appears at its path complete, or not at all."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from losscli.errors import DataError
from losscli.readers.files.store import require_writable, upload
from losscli.readers.files.uri import is_uri

_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class AtomicFile:
    """A file or an object of a store that appears at its path with `commit`, whole or not at all.

    The bytes go to a temporary file, in the directory of a local path. Creating it raises DataError
    if the file cannot be written. Without `commit`, the temporary file is removed. Create it within
    `undisturbed`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        if is_uri(path):
            require_writable(path)
            self.file: Any = tempfile.NamedTemporaryFile(delete=False)  # noqa: SIM115
        else:
            self.file = _open_temporary(path)

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with suppress(OSError):  # the disk may be full, and the file is removed anyway
                self.file.close()
        finally:
            Path(self.file.name).unlink(missing_ok=True)

    def commit(self) -> None:
        """Rename the file to its path, or upload it. Raises OSError if that fails."""
        self.file.flush()
        if is_uri(self._path):
            upload(self.file.name, self._path)
            return
        os.fsync(self.file.fileno())
        os.replace(self.file.name, os.path.realpath(self._path))

    def write(self, text: str) -> None:
        """Write the whole file and rename it to its path. Raises DataError if that fails."""
        try:
            self.file.write(text.encode())
            self.commit()
        except OSError as error:
            raise self.failed(error) from error

    def failed(self, error: OSError) -> DataError:
        """The error for a file that cannot be written."""
        return DataError(f"{self._path}: cannot write file: {error.strerror or error}")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Delay signals that end the process, so that a new temporary file is always removed."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _open_temporary(path: str) -> Any:
    """Open a temporary file in the same directory, with the permissions of the file at `path`."""
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            raise DataError(f"{path}: cannot write file: not a regular file")
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by the output
            dir=target.parent, prefix=".losscli.", delete=False
        )
    except OSError as error:
        raise DataError(f"{path}: cannot write file: {error.strerror or error}") from error
    with suppress(OSError):  # some file systems do not support permissions
        mode = target.stat().st_mode if target.exists() else 0o666 & ~_umask()
        os.chmod(file.name, mode & 0o777)
    return file


def _umask() -> int:
    """The umask of the process, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
