"""Hugging Face's safetensors: a JSON header with the position of each tensor, then their bytes.

The safetensors library maps the whole file into memory; losscli reads tensors in blocks, like
`.npy`. The format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from functools import partial
from typing import TypedDict

import numpy as np

from losscli.errors import DataError, KindError, shortened
from losscli.readers import Reading, budget
from losscli.readers.arrays.derived import Derived
from losscli.readers.arrays.header import Header
from losscli.readers.arrays.in_file import InFile
from losscli.readers.files.members import Members
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.source import Box, Source, Values

FORMATS = (Format("safetensors", magic=rb".{6}\x00\x00\{"),)

_LENGTH_BYTES = 8

_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}


class _Tensor(TypedDict):
    """The entry of a tensor in the header."""

    dtype: str
    shape: list[int]
    data_offsets: list[int]


def open_file(origin: Origin, reading: Reading) -> Members:
    """Open the tensors of a file by name. Reads only the header."""
    del reading  # no settings apply
    if not origin.is_plain:
        raise DataError(
            f"{origin.name}: can't read safetensors from a pipe or a compressed file. Pass a plain "
            "file."
        )
    try:
        tensors, begin = _read_header(origin)
        openers = {
            name: partial(_member, origin, name, tensor, begin) for name, tensor in tensors.items()
        }
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{origin.name}: not a readable safetensors file: {error}") from error
    if not openers:
        raise DataError(f"{origin.name}: the file contains no tensors")
    return Members(origin.name, openers)


def _read_header(origin: Origin) -> tuple[dict[str, _Tensor], int]:
    with origin.stream() as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if length > origin.size - _LENGTH_BYTES:
            raise ValueError(f"the header claims to be {length} bytes long")
        budget.require(origin.name, length, budget.MOST_JSON_HEADER, "bytes of header")
        header: dict[str, _Tensor] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, _LENGTH_BYTES + length


def _member(origin: Origin, name: str, tensor: _Tensor, begin: int) -> Source:
    label = f"{origin.name}[{shortened(name)}]"
    try:
        shape, kind = tuple(tensor["shape"]), tensor["dtype"]
        if len(tensor["data_offsets"]) != 2:
            raise ValueError(f"{len(tensor['data_offsets'])} offsets instead of 2")
        start, end = tensor["data_offsets"]
        if not all(type(number) is int and number >= 0 for number in (*shape, start, end)):
            raise ValueError(f"shape {shape}, offsets {start} and {end}")
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{label}: invalid header: {shortened(error)}") from error
    if not isinstance(kind, str) or kind not in (*_DTYPES, "BF16"):
        raise KindError(
            f"{label}: expected one of BF16, {', '.join(_DTYPES)}, found {shortened(kind)}"
        )
    header = Header(shape, False, np.dtype("<u2" if kind == "BF16" else _DTYPES[kind]))
    header.require_possible(label)
    if end - start != header.bytes or begin + end > origin.size:
        raise DataError(
            f"{label}: damaged file: the header declares {end - start} bytes for {kind} of {shape}"
        )
    array = InFile(label, header, begin + start, end - start, origin.open_raw())
    return Bfloat16(array) if kind == "BF16" else array


class Bfloat16(Derived):
    """A source that converts bfloat16, which NumPy lacks, to float32."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.float32, metadata={"stored": "bfloat16"})

    def read(self, box: Box) -> Values:
        return (self._source.read(box).astype(np.uint32) << 16).view(np.float32)
