"""NumPy's `.npz`: a zip file of `.npy` files."""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
import zlib
from functools import partial
from typing import IO, TYPE_CHECKING

from losscli.errors import DataError
from losscli.readers.members import Member, Members
from losscli.readers.npy import NpyArray, NpyStream, read_header

if TYPE_CHECKING:
    from losscli.readers import Reading
    from losscli.readers.origin import Origin

_COPY_BYTES = 1 << 20

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
    try:
        archive = zipfile.ZipFile(origin.path)
    except _DAMAGE as error:
        raise DataError(f"{origin.name}: not a readable .npz file: {error}") from error
    with archive:
        infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    if not infos:
        raise DataError(
            f"{origin.name}: found a zip file without arrays; PyTorch's .pt files are converted by "
            "numpy.save(name, torch.load(path).numpy())"
        )
    return Members(
        origin.name,
        {info.filename.removesuffix(".npy"): partial(_member, origin, info) for info in infos},
    )


def _member(origin: Origin, info: zipfile.ZipInfo) -> Member:
    name = f"{origin.name}[{info.filename.removesuffix('.npy')}]"
    try:
        if info.compress_type == zipfile.ZIP_STORED:
            return _stored(name, origin, info)
        with _expanding(origin, info) as file:
            shape, fortran, _ = read_header(name, file)
        if fortran and len(shape) > 1:
            return _expanded(name, origin, info)
        stream = partial(_expanding, origin, info)
        return NpyStream(name, stream, info.file_size, damage=_DAMAGE)
    except DataError:  # one of the errors that are damage, and has said so
        raise
    except _DAMAGE as error:
        raise DataError(f"{name}: {error}") from error


def _stored(name: str, origin: Origin, info: zipfile.ZipInfo) -> NpyArray:
    """A member that lies in the file as it is: any box of it can be read."""
    assert origin.path is not None
    with open(origin.path, "rb") as file:
        file.seek(info.header_offset)
        local = file.read(_LOCAL_HEADER)
        lengths = struct.unpack("<HH", local[_LOCAL_LENGTHS])
        file.seek(info.header_offset + _LOCAL_HEADER + sum(lengths))
        header = read_header(name, file)
        return NpyArray(name, header, file.tell(), info.file_size, origin.open_raw)


def _expanding(origin: Origin, info: zipfile.ZipInfo) -> IO[bytes]:
    assert origin.path is not None
    return zipfile.ZipFile(origin.path).open(info)


def _expanded(name: str, origin: Origin, info: zipfile.ZipInfo) -> NpyArray:
    """A member in Fortran order, whose rows lie scattered: from a nameless file on disk."""
    spool = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by the array
    with _expanding(origin, info) as file:
        shutil.copyfileobj(file, spool, _COPY_BYTES)
    spool.seek(0)
    header = read_header(name, spool)
    return NpyArray(name, header, spool.tell(), info.file_size, lambda: spool, opened=spool)
