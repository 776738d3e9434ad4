"""NumPy's `.npz`: a zip file of `.npy` files."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import ExitStack
from functools import partial
from typing import IO, TYPE_CHECKING

from losscli.errors import DataError, shortened
from losscli.readers import conversion
from losscli.readers.checksum import Checksum
from losscli.readers.members import Member, Members
from losscli.readers.npy import Header, NpyArray, as_it_arrives, data_bytes, read_header

if TYPE_CHECKING:
    from losscli.readers import Reading
    from losscli.readers.origin import Origin

# The local header in front of a member's bytes: its length, and where the lengths of the name and
# of the extra field stand in it, which follow.
_LOCAL_HEADER = 30
_LOCAL_LENGTHS = slice(26, 30)


# What a zip file raises that is damaged, encrypted or packed in a way that is not known.
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
    """The arrays of a `.npz`, called as numpy.load calls them."""
    del reading  # there is nothing to choose
    if origin.path is None:
        raise DataError("a .npz cannot be read from standard input: its table of contents is last")
    with origin.stream() as file:  # what the system refuses is no damage
        try:
            entries = zipfile.ZipFile(file).infolist()
        except _DAMAGE as error:
            raise DataError(f"{origin.name}: not a readable .npz file: {error}") from error
    infos = [info for info in entries if info.filename.endswith(".npy")]
    if not infos:
        raise DataError(
            f"{origin.name}: found a zip file without arrays; if it is one of PyTorch's, this "
            f"converts it: {conversion(origin.name, 'pt')}"
        )
    return Members(
        origin.name,
        {info.filename.removesuffix(".npy"): partial(_member, origin, info) for info in infos},
    )


def _member(origin: Origin, info: zipfile.ZipInfo) -> Member:
    name = f"{origin.name}[{shortened(info.filename.removesuffix('.npy'))}]"
    try:
        with ExitStack() as stack:
            file = stack.enter_context(_expanding(origin, info))
            header = read_header(name, file)
            _require_size(name, header, info.file_size - file.tell())
            if info.compress_type == zipfile.ZIP_STORED:
                return _stored(name, header, origin, info, file.tell())
            stack.pop_all()  # the array closes it
            return as_it_arrives(name, header, file, info.file_size, packed=True, damage=_DAMAGE)
    except DataError:  # one of the errors that are damage, and has said so
        raise
    except _DAMAGE as error:
        raise DataError(f"{name}: {error}") from error


def _require_size(name: str, header: Header, found: int) -> None:
    expected = data_bytes(header)
    if found != expected:
        shape, _, dtype = header
        raise DataError(
            f"{name}: found {found} bytes of values; its header says {shape} of {dtype}, which "
            f"are {expected}"
        )


def _expanding(origin: Origin, info: zipfile.ZipInfo) -> IO[bytes]:
    assert origin.path is not None
    return zipfile.ZipFile(origin.path).open(info)


def _stored(
    name: str, header: Header, origin: Origin, info: zipfile.ZipInfo, header_bytes: int
) -> NpyArray:
    """A member that lies in the file as it is: any box of it can be read."""
    with origin.open_raw() as file:
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER)
        lengths = struct.unpack("<HH", local[_LOCAL_LENGTHS])
        begin = file.seek(info.header_offset + _LOCAL_HEADER + sum(lengths))
        checksum = Checksum(info.CRC, info.file_size)
        checksum.add(begin, memoryview(file.read(header_bytes)))
    size, begin = info.file_size, begin + header_bytes
    return NpyArray(name, header, begin, size, origin.open_raw, checksum=checksum)
