"""NumPy's `.npy`: one array, of which any box can be read, or rows as they arrive."""

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

# Of each version, the bytes that say how long the header is.
_VERSIONS = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
_READ_LONG = npy_format.read_array_header_2_0

# What NumPy raises for a header that is no Python literal, or that has an unknown type.
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
    """The array of a `.npy` file; only the header is read."""
    del reading  # there is nothing to choose
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
            f"{origin.name}: found an array in Fortran order, which cannot be read as it "
            "arrives; numpy.ascontiguousarray(x) saves it in C order"
        )
    values: Readable = file
    if origin.path is not None:  # of many files each would take memory until it is read
        values = _Reopened(origin)
        file.close()
    return narrowed(
        arriving(origin.name, header, values, origin.size, has_checksum=origin.is_compressed)
    )


class _Reopened:
    """The bytes behind the header; the file is open from the first that are read to the last."""

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
        part = self._file.read(size)
        if not part:
            self._has_ended = True
            self.close()
        return part

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_header(name: str, file: IO[bytes]) -> Header:
    """The header in front of the values. Raises DataError for anything else."""
    try:
        version = npy_format.read_magic(file)
        if version not in _VERSIONS:
            found = ".".join(map(str, version))
            raise ValueError(f"its version is {found}; expected 1.0, 2.0 or 3.0")
        text = _header_text(name, file, _VERSIONS[version])
        with warnings.catch_warnings(action="ignore"):  # of what Python 2 wrote
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
    """The length of the header and the header, which NumPy would read whatever its length."""
    length = file.read(length_bytes)
    size = int.from_bytes(length, "little")
    budget.require(name, size, budget.MOST_NPY_HEADER, "bytes of header")
    return io.BytesIO(length + file.read(size))
