"""Read the bytes of a file or of standard input, compressed or not."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar, cast

from losscli.errors import DataError
from losscli.readers.files.answers import awaited
from losscli.readers.files.once import once
from losscli.readers.files.plain import PlainFile
from losscli.readers.files.store import StoredObject
from losscli.readers.files.uri import is_uri

if TYPE_CHECKING:
    import pyarrow as pa

    from losscli.readers.files.remote import RemoteFile

Answer = TypeVar("Answer")

STANDARD_INPUT = "-"

# The suffixes of compressed files.
COMPRESSED = (".gz", ".bz2", ".zst", ".zstd")

# pyarrow's names of compressions, and the first bytes of compressed files.
_COMPRESSIONS = {"gzip": rb"\x1f\x8b", "bz2": rb"BZh[1-9]1AY&SY", "zstd": rb"\x28\xb5\x2f\xfd"}
_MAGIC_BYTES = 10

_HEAD_BYTES = 1 << 12


class Origin:
    """The bytes of one file or object, which can be read repeatedly, or of standard input, only
    once."""

    def __init__(self, name: str, anonymous: bool = False) -> None:
        self.name = name
        self._path: Path | None = None
        self._stored: StoredObject | None = None
        self._prefix = b""
        if is_uri(name):
            self._stored = StoredObject(name, anonymous)
        elif name != STANDARD_INPUT:
            self._path = Path(name)
            self._begin = _state(_require_file(self._path))

    def require_same(self) -> None:
        """Raise DataError if the file was replaced or written to since it was opened."""
        if self._stored is not None:
            self._stored.require_same()
        if self._path is not None and _state(_require_file(self._path)) != self._begin:
            raise DataError(
                f"{self.name}: the file changed while it was being read. Use a copy of the file."
            )

    def identity(self) -> tuple[int, str]:
        """Return the size of the file and its version: the ETag of an object, or the modification
        time of a file with the SHA-256 of its first and last bytes."""
        if self._stored is not None:
            return self._stored.identity
        import hashlib  # noqa: PLC0415 - takes 8 ms, only for parts

        size = self.size
        with self.open_raw() as file:
            ends = _read_full(file, _HEAD_BYTES)
            file.seek(max(0, size - _HEAD_BYTES))
            ends += _read_full(file, _HEAD_BYTES)
        assert self._path is not None
        return size, f"{self._path.stat().st_mtime_ns} {hashlib.sha256(ends).hexdigest()}"

    @property
    def size(self) -> int:
        """The file's size; 0 for standard input."""
        if self._stored is not None:
            return self._stored.identity.size
        return 0 if self._path is None else self._path.stat().st_size

    @property
    def is_standard_input(self) -> bool:
        """Whether the bytes can be read only once."""
        return self._path is None and self._stored is None

    @property
    def is_remote(self) -> bool:
        """Whether the bytes are those of an object in a store."""
        return self._stored is not None

    @property
    def is_plain(self) -> bool:
        """Whether it supports random access."""
        return not (self.is_standard_input or self.is_compressed)

    @property
    def is_compressed(self) -> bool:
        return self._compression is not None

    def head(self, size: int = _HEAD_BYTES) -> bytes:
        """Return the first bytes without consuming them, fewer only if the file is shorter."""
        if self.is_standard_input:
            missing = size - len(self._prefix)
            self._prefix += _read_full(self._standard_input, missing)
            return self._prefix[:size]
        with self.stream() as file:
            return _read_full(file, size)

    def stream(self) -> IO[bytes]:
        """Open the bytes as a file, decompressed if necessary."""
        if self.is_standard_input:
            prefix, self._prefix = self._prefix, b""
            return _buffered(_Continued(prefix, self._standard_input))
        file = _buffered(self.open_raw())
        return file if self._compression is None else _expanded(file, self._compression)

    def open_raw(self) -> PlainFile | RemoteFile:
        """Open the raw bytes of the file, unbuffered."""
        if self._stored is not None:
            from losscli.readers.files.remote import RemoteFile  # noqa: PLC0415 - only for URIs

            return RemoteFile(self._stored)
        return self.open_plain()

    def arrow_ranges(self) -> pa.NativeFile:
        """Open a plain file for pyarrow, which requests several ranges at the same time."""
        return self.arrow_file() if self._stored is None else self._stored.open()

    def awaited(self, call: Callable[[], Answer], size: int) -> Answer:
        """Return the result of a call that reads `size` bytes through `arrow_ranges`. Raises
        DataError if a store takes too long."""
        return call() if self._stored is None else awaited(self.name, call, size)

    def open_plain(self) -> PlainFile:
        """Open the raw bytes of a local file."""
        assert self._path is not None
        return PlainFile(self._path)

    def arrow_file(self) -> pa.NativeFile:
        """Open a plain file for pyarrow. A path that is not UTF-8 has to be passed as bytes."""
        import pyarrow as pa  # noqa: PLC0415 - heavy, and not for `.npy`

        if self._stored is not None:
            return pa.PythonFile(self.open_raw(), mode="r")
        assert self._path is not None
        return pa.OSFile(os.fsencode(self._path))

    @once
    def _magic(self) -> bytes:
        if self.is_standard_input:
            if sys.stdin is None:
                raise DataError(f"{self.name}: standard input is closed")
            return _read_full(sys.stdin.buffer, _MAGIC_BYTES)
        with self.open_raw() as file:
            return _read_full(file, _MAGIC_BYTES)

    @once
    def _compression(self) -> str | None:
        return _compression(self._magic)

    @once
    def _standard_input(self) -> IO[bytes]:
        """Standard input, decompressed, from the first byte on."""
        file = _buffered(_Continued(self._magic, sys.stdin.buffer))
        return file if self._compression is None else _expanded(file, self._compression)


def read_small(path: str, most_bytes: int, what: str) -> bytes:
    """Read a whole file. Raises DataError if it is larger than a `what` can be."""
    try:
        with Origin(path).stream() as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    if len(data) > most_bytes:
        raise DataError(f"{path}: found more than {most_bytes >> 20} MiB; not a {what} of losscli")
    return data


class _Continued(io.RawIOBase):
    """Bytes that were already read, followed by the rest of a file, which stays open."""

    def __init__(self, prefix: bytes, rest: IO[bytes]) -> None:
        self._prefix = prefix
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._prefix[: len(buffer)] or self._rest.read(len(buffer))
        self._prefix = self._prefix[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def _buffered(file: io.RawIOBase) -> IO[bytes]:
    return io.BufferedReader(file)


def _compression(prefix: bytes) -> str | None:
    return next((kind for kind, magic in _COMPRESSIONS.items() if re.match(magic, prefix)), None)


def _expanded(file: IO[bytes], compression: str) -> IO[bytes]:
    import pyarrow as pa  # noqa: PLC0415

    stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), compression)
    return cast(IO[bytes], stream)


def _read_full(file: IO[bytes] | io.RawIOBase, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _require_file(path: Path) -> os.stat_result:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path}: not a regular file. To read a pipe, use - (standard input).")
        return status
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
