"""NumPy's `.npz`: a zip file of `.npy` files."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import ExitStack
from functools import partial

from losscli.errors import DataError, shortened
from losscli.readers import Reading
from losscli.readers.arrays.arriving import arriving
from losscli.readers.arrays.derived import narrowed
from losscli.readers.arrays.header import Header
from losscli.readers.arrays.in_file import InFile
from losscli.readers.files.checksum import Checksum
from losscli.readers.files.members import Members
from losscli.readers.files.origin import Origin
from losscli.readers.foreign import conversion
from losscli.readers.formats.format import Format
from losscli.readers.formats.npy import read_header
from losscli.source import Source

FORMATS = (Format("npz", magic=rb"PK\x03\x04"),)

# The local header before a member's bytes: its size, and the position of two lengths in it, those
# of the name and of the extra field that follow the header.
_LOCAL_HEADER = 30
_LOCAL_LENGTHS = slice(26, 30)

# The exceptions that zipfile raises for a damaged or encrypted file or an unknown compression.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


def open_file(origin: Origin, reading: Reading) -> Members:
    """Open the arrays of a `.npz`, with the names that numpy.load gives them."""
    del reading  # no settings apply
    if origin.is_standard_input:
        raise DataError(
            "can't read .npz from standard input (its index is at the end). Pass a file, or pipe "
            ".npy."
        )
    with ExitStack() as stack:
        archive = _archive(origin, stack)
        infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if not infos:
            raise DataError(
                f"{origin.name}: the zip file contains no arrays. If PyTorch saved it, convert it: "
                f"{conversion(origin.name, 'pt')}"
            )
        openers = {
            info.filename.removesuffix(".npy"): partial(_member, origin, archive, info)
            for info in infos
        }
        return Members(origin.name, openers, stack.pop_all().close)


def _archive(origin: Origin, stack: ExitStack) -> zipfile.ZipFile:
    """Open the archive. All members share its open file."""
    file = stack.enter_context(origin.stream())  # outside try: system errors are not damage
    try:
        return stack.enter_context(zipfile.ZipFile(file))
    except _DAMAGE as error:
        raise DataError(f"{origin.name}: not a readable .npz file: {error}") from error


def _member(origin: Origin, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Source:
    name = f"{origin.name}[{shortened(info.filename.removesuffix('.npy'))}]"
    try:
        with ExitStack() as stack:
            file = stack.enter_context(archive.open(info))
            header = read_header(name, file)
            _require_size(name, header, info.file_size - file.tell())
            if info.compress_type == zipfile.ZIP_STORED:
                return narrowed(_stored(name, header, origin, info, file.tell()))
            stack.pop_all()  # the array closes the file
            size = info.file_size
            return narrowed(arriving(name, header, file, size, has_checksum=True, damage=_DAMAGE))
    except DataError:  # a subclass of ValueError, which _DAMAGE contains
        raise
    except _DAMAGE as error:
        raise DataError(f"{name}: {error}") from error


def _require_size(name: str, header: Header, size: int) -> None:
    if size != header.bytes:
        raise DataError(
            f"{name}: damaged file: expected {header.bytes} bytes for {header.shape} of "
            f"{header.dtype}, found {size}"
        )


def _stored(
    name: str, header: Header, origin: Origin, info: zipfile.ZipInfo, header_bytes: int
) -> InFile:
    """Open a member that is stored without compression, with random access."""
    with origin.open_raw() as file:
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER)
        lengths = struct.unpack("<HH", local[_LOCAL_LENGTHS])
        begin = file.seek(info.header_offset + _LOCAL_HEADER + sum(lengths))
        checksum = Checksum(info.CRC, info.file_size)
        checksum.add(begin, memoryview(file.read(header_bytes)))
    size, begin = info.file_size, begin + header_bytes
    return InFile(name, header, begin, size, origin.open_raw(), checksum=checksum)
