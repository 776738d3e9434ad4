"""Read the bytes of a file or of standard input, compressed or not."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import sys
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from losscli.errors import DataError
from losscli.readers.files.plain import PlainFile

if TYPE_CHECKING:
    import pyarrow as pa

STANDARD_INPUT = "-"

# The suffixes of compressed files.
COMPRESSED = (".gz", ".bz2", ".zst", ".zstd")

# pyarrow's names of compressions, and the first bytes of compressed files.
_COMPRESSIONS = {"gzip": rb"\x1f\x8b", "bz2": rb"BZh[1-9]1AY&SY", "zstd": rb"\x28\xb5\x2f\xfd"}
_MAGIC_BYTES = 10

_HEAD_BYTES = 1 << 12


class Origin:
    """The bytes of one file, which can be read repeatedly, or of standard input, which can be read
    only once. Raises DataError if the path is not a regular file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = None if name == STANDARD_INPUT else Path(name)
        self._prefix = b""
        self._begin = None if self.path is None else _state(_require_file(self.path))

    def require_same(self) -> None:
        """Raise DataError if the file was replaced or written to since it was opened."""
        if self.path is not None and _state(_require_file(self.path)) != self._begin:
            raise DataError(
                f"{self.name}: the file changed while it was being read. Use a copy of the file."
            )

    @property
    def size(self) -> int:
        """The file's size in bytes; 0 for standard input."""
        return 0 if self.path is None else self.path.stat().st_size

    @property
    def is_plain(self) -> bool:
        """Whether it is an uncompressed file, which supports random access."""
        return self.path is not None and not self.is_compressed

    @property
    def is_compressed(self) -> bool:
        return self._compression is not None

    def head(self, size: int = _HEAD_BYTES) -> bytes:
        """Return the first `size` bytes, or all bytes of a shorter file. They can be read again."""
        if self.path is None:
            missing = size - len(self._prefix)
            self._prefix += _read_full(self._standard_input, missing)
            return self._prefix[:size]
        with self.stream() as file:
            return _read_full(file, size)

    def stream(self) -> IO[bytes]:
        """Open the bytes as a file, decompressed if necessary."""
        if self.path is None:
            prefix, self._prefix = self._prefix, b""
            return _buffered(_Continued(prefix, self._standard_input))
        if self._compression is None:
            return _buffered(self.open_raw())
        return _expanded(open(self.path, "rb"), self._compression)

    def open_raw(self) -> PlainFile:
        """Open the raw bytes of the file, unbuffered."""
        assert self.path is not None
        return PlainFile(self.path)

    def arrow_stream(self) -> pa.NativeFile:
        """Open the bytes as a pyarrow file, decompressed if necessary."""
        import pyarrow as pa  # noqa: PLC0415 - slow to import, and not needed for `.npy`

        if self.is_plain:
            return self.arrow_file()
        file = self.stream()
        return file if isinstance(file, pa.NativeFile) else pa.PythonFile(file, mode="r")

    def arrow_file(self) -> pa.NativeFile:
        """Open a plain file for pyarrow, which needs the path as bytes if it is not UTF-8."""
        import pyarrow as pa  # noqa: PLC0415

        assert self.path is not None
        return pa.OSFile(os.fsencode(self.path))

    @cached_property
    def _magic(self) -> bytes:
        if self.path is None:
            if sys.stdin is None:
                raise DataError(f"{self.name}: standard input is closed")
            return _read_full(sys.stdin.buffer, _MAGIC_BYTES)
        with open(self.path, "rb") as file:
            return file.read(_MAGIC_BYTES)

    @cached_property
    def _compression(self) -> str | None:
        return _compression(self._magic)

    @cached_property
    def _standard_input(self) -> IO[bytes]:
        """Standard input, decompressed, from the first byte on."""
        file = _buffered(_Continued(self._magic, sys.stdin.buffer))
        return file if self._compression is None else _expanded(file, self._compression)


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


def _read_full(file: IO[bytes], size: int) -> bytes:
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
