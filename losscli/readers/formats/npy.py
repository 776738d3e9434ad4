"""NumPy's `.npy`: one array, read in any order from a file, or in sequence from a pipe."""

from __future__ import annotations

import io
import warnings
from tokenize import TokenError
from typing import IO

from numpy.lib import format as npy_format

from losscli.errors import DataError, first_line
from losscli.readers import Reading, budget
from losscli.readers.arrays.arriving import Readable, arriving
from losscli.readers.arrays.derived import narrowed
from losscli.readers.arrays.header import Header
from losscli.readers.arrays.in_file import InFile
from losscli.readers.container import SingleArray
from losscli.readers.dtypes import require_real
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.source import Source

FORMATS = (Format("npy", magic=rb"\x93NUMPY"),)

# The size of the header length field in each version.
_VERSIONS = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
_READ_LONG = npy_format.read_array_header_2_0

# The exceptions that NumPy raises for a header that is no Python literal or has an unknown type.
_BAD_HEADER = (
    ValueError,
    EOFError,
    SyntaxError,
    TokenError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    RecursionError,
    MemoryError,
)


def open_file(origin: Origin, reading: Reading) -> SingleArray:
    """Open the array of a `.npy` file. Reads only the header."""
    del reading  # no settings apply
    return SingleArray(_in_file(origin) if origin.is_plain else _arriving(origin))


def _in_file(origin: Origin) -> Source:
    with origin.stream() as file:
        header = read_header(origin.name, file)
        offset = file.tell()
    if offset + header.bytes > origin.size:
        raise header.ends_early(origin.name, origin.size)
    return narrowed(InFile(origin.name, header, offset, origin.size, origin.open_raw()))


def _arriving(origin: Origin) -> Source:
    file = origin.stream()
    header = read_header(origin.name, file)
    if header.is_scattered:
        raise DataError(
            f"{origin.name}: can't read an array in Fortran order from a pipe or a compressed "
            "file. Save numpy.ascontiguousarray(x) instead."
        )
    values: Readable = file
    if not origin.is_standard_input:  # do not keep every shard open until it is read
        values = _Reopened(origin)
        file.close()
    return narrowed(
        arriving(origin.name, header, values, origin.size, has_checksum=origin.is_compressed)
    )


class _Reopened:
    """The bytes after the header. The file is opened by the first read and closed at its end."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._file: IO[bytes] | None = None
        self._has_ended = False

    def read(self, size: int) -> bytes:
        if self._has_ended:
            return b""
        if self._file is None:
            self._file = self._origin.stream()
            read_header(self._origin.name, self._file)
        data = self._file.read(size)
        if not data:
            self._has_ended = True
            self.close()
        return data

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_header(name: str, file: IO[bytes]) -> Header:
    """Read the header. Raises DataError if it is invalid."""
    try:
        version = npy_format.read_magic(file)
        if version not in _VERSIONS:
            number = ".".join(map(str, version))
            raise ValueError(f"expected version 1.0, 2.0 or 3.0, found {number}")
        text = _header_text(name, file, _VERSIONS[version])
        with warnings.catch_warnings(action="ignore"):  # on files from Python 2
            read = npy_format.read_array_header_1_0 if version == (1, 0) else _READ_LONG
            header = Header(*read(text))
    except DataError:
        raise
    except _BAD_HEADER as error:
        raise DataError(f"{name}: not a readable .npy array: {first_line(error)}") from error
    require_real(name, header.dtype)
    header.require_possible(name)
    return header


def _header_text(name: str, file: IO[bytes], length_bytes: int) -> IO[bytes]:
    """Return the length field and the header. Raises DataError for a header that is too long, which
    NumPy would read."""
    length = file.read(length_bytes)
    size = int.from_bytes(length, "little")
    budget.require(name, size, budget.MOST_NPY_HEADER, "bytes of header")
    return io.BytesIO(length + file.read(size))
