"""The decompressed size of Arrow record batches, from their messages, before they are read.

A message consists of four bytes of continuation, its length, a FlatBuffers table, and a body of
buffers. A compressed buffer begins with its decompressed length, or -1 if it is not compressed.

Source: the Arrow columnar format, "Serialization and Interprocess Communication", and the schemas
Message.fbs and File.fbs
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, NamedTuple

import pyarrow as pa

from losscli.readers import budget

# The positions of fields in the tables Message, RecordBatch, DictionaryBatch and Footer.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_BUFFERS, _COMPRESSION = 2, 3
_DATA = 1
_DICTIONARIES, _BATCHES = 2, 3

_CONTINUATION = b"\xff\xff\xff\xff"

# Types of a message's header.
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3

_BUFFER, _BLOCK, _LENGTH = struct.Struct("<qq"), struct.Struct("<qixxxxq"), struct.Struct("<q")

# At the end of a file: the length of the footer, and the magic bytes.
_TAIL = struct.Struct("<i6s")

# Bytes of an uncompressed body that are passed on at once.
_PIECE_BYTES = 1 << 20

# Reads bytes of a body, given the offset and the number of bytes.
ReadBody = Callable[[int, int], bytes]


class Flat(NamedTuple):
    """A FlatBuffers table at a position in bytes. Reading raises struct.error if the table points
    beyond the bytes."""

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> Flat:
        return cls(data, _uint32(data, 0))

    def field(self, number: int) -> int:
        """Return the position of a field; 0 if it is absent."""
        entries = self.position - struct.unpack_from("<i", self.data, self.position)[0]
        size = struct.unpack_from("<H", self.data, entries)[0]
        at = 4 + 2 * number
        offset = struct.unpack_from("<H", self.data, entries + at)[0] if at < size else 0
        return self.position + int(offset) if offset else 0

    def table(self, number: int) -> Flat:
        at = self.field(number)
        return Flat(self.data, at + _uint32(self.data, at))

    def structs(self, number: int, kind: struct.Struct) -> Iterator[tuple[int, ...]]:
        """Yield the structs of a vector."""
        at = self.field(number)
        if not at:
            return
        at += _uint32(self.data, at)
        for n in range(_uint32(self.data, at)):
            yield kind.unpack_from(self.data, at + 4 + n * kind.size)


def _uint32(data: bytes, position: int) -> int:
    return int(struct.unpack_from("<I", data, position)[0])


def is_compressed(metadata: bytes) -> bool:
    """Whether a message has a batch or a dictionary with compressed buffers."""
    return _compressed_batch(metadata) is not None


def expanded_bytes(metadata: bytes, read_body: ReadBody) -> list[int]:
    """Return the decompressed size of each buffer of a message; empty if none is compressed."""
    batch = _compressed_batch(metadata)
    if batch is None:
        return []
    return [_expanded(offset, size, read_body) for offset, size in batch.structs(_BUFFERS, _BUFFER)]


def _compressed_batch(metadata: bytes) -> Flat | None:
    message = Flat.root(metadata)
    kind_at = message.field(_HEADER_TYPE)
    kind = metadata[kind_at] if kind_at else 0
    if kind not in (_RECORD_BATCH, _DICTIONARY_BATCH):
        return None
    batch = message.table(_HEADER)
    if kind == _DICTIONARY_BATCH:
        batch = batch.table(_DATA)
    return batch if batch.field(_COMPRESSION) else None


def _expanded(offset: int, size: int, read_body: ReadBody) -> int:
    prefix = read_body(offset, _LENGTH.size) if size > 0 else b""
    if len(prefix) < _LENGTH.size:
        return 0
    length = int(_LENGTH.unpack(prefix)[0])
    return size if length == -1 else length


def blocks_of(file: IO[bytes]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the offset and the metadata size of each dictionary and of each batch of a file."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL.size))
    length, _ = _TAIL.unpack(file.read(_TAIL.size))
    file.seek(max(0, size - _TAIL.size - max(0, length)))
    footer = Flat.root(file.read(max(0, length)))
    dictionaries, batches = (
        [(offset, metadata_bytes) for offset, metadata_bytes, _ in footer.structs(number, _BLOCK)]
        for number in (_DICTIONARIES, _BATCHES)
    )
    return dictionaries, batches


def messages_of(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the offset of each message of a stream, and its size without the body."""
    offset = 0
    while True:
        file.seek(offset)
        head, body_bytes = _next_head(file)
        if body_bytes is None:
            return
        yield offset, len(head)
        offset += len(head) + body_bytes


def _next_head(file: IO[bytes]) -> tuple[bytes, int | None]:
    """Read the next message of a stream without its body. Returns the bytes read and the size of
    the body. The size is None at the end, and after bytes that are not a message."""
    begin = file.read(8)
    has_mark = begin[:4] == _CONTINUATION
    length = begin[4:8] if has_mark else begin[:4]
    if len(length) < 4 or not _uint32(length, 0):
        return begin, None
    size = max(0, _uint32(length, 0) - (0 if has_mark else 4))
    head = begin + file.read(min(size, budget.MOST_MESSAGE_HEADER))
    metadata = _metadata(head)
    body_at = Flat.root(metadata).field(_BODY_LENGTH)
    body = int(_LENGTH.unpack_from(metadata, body_at)[0]) if body_at else 0
    return head, body if body >= 0 else None


class CheckedStream(io.RawIOBase):
    """The bytes of a stream. Compressed batches are checked before they are passed on.

    `check` is called with the size of a compressed body, and with the decompressed sizes of its
    buffers. Bytes that are not a message are passed on unchanged, so that the reader raises the
    error.
    """

    def __init__(self, file: IO[bytes], check: Callable[[list[int]], None]) -> None:
        self._pieces = _checked(file, check)
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._piece:
            try:
                piece = next(self._pieces)
            except StopIteration:
                return 0
            except (struct.error, IndexError, OverflowError) as error:
                raise OSError("found a message that points beyond its end") from error
            self._piece = memoryview(piece)
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count


def _checked(file: IO[bytes], check: Callable[[list[int]], None]) -> Iterator[bytes]:
    body_bytes: int | None = 0
    while body_bytes is not None:
        head, body_bytes = _next_head(file)
        body = b""
        if body_bytes and is_compressed(_metadata(head)):
            check([body_bytes])
            body = file.read(body_bytes)
            check(expanded_bytes(_metadata(head), partial(_slice, body)))
        yield head
        yield body
        yield from _pieces(file, (body_bytes or 0) - len(body))
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _slice(body: bytes, begin: int, count: int) -> bytes:
    return body[begin : begin + count]


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (piece := file.read(min(size, _PIECE_BYTES))):
        size -= len(piece)
        yield piece


def metadata_at(file: IO[bytes], offset: int, size: int) -> bytes:
    """Return the FlatBuffers table of a message, without the continuation and the length."""
    file.seek(offset)
    return _metadata(file.read(min(max(0, size), budget.MOST_MESSAGE_HEADER)))


def _metadata(head: bytes) -> bytes:
    return head[8:] if head[:4] == _CONTINUATION else head[4:]


def buffers_of(kind: pa.DataType) -> int | None:
    """Return the number of buffers of a column in a batch; None for unknown types."""
    if pa.types.is_null(kind):
        return 0
    if pa.types.is_dictionary(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind):
        return 2
    if pa.types.is_boolean(kind) or pa.types.is_fixed_size_binary(kind):
        return 2
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return 3
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return 3
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = buffers_of(kind.value_type)
        own = 1 if pa.types.is_fixed_size_list(kind) else 2
        return None if inner is None else own + inner
    return None
