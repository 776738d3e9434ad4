"""What Arrow's messages say of a record batch before it is read: how large it is once expanded.

A message is four bytes of continuation, its length, a table in FlatBuffers, and a body of buffers.
A compressed buffer begins with its length once expanded, or -1 if it is not compressed after all.

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

# Of the tables Message, RecordBatch, DictionaryBatch and Footer, the numbers of fields.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_BUFFERS, _COMPRESSION = 2, 3
_DATA = 1
_DICTIONARIES, _BATCHES = 2, 3

_CONTINUATION = b"\xff\xff\xff\xff"

# What a message's header may be.
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3

_BUFFER, _BLOCK, _LENGTH = struct.Struct("<qq"), struct.Struct("<qixxxxq"), struct.Struct("<q")

# At the end of a file: the length of the footer, and the magic bytes.
_TAIL = struct.Struct("<i6s")

# What is given on at once of a body that is not compressed.
_PIECE_BYTES = 1 << 20

# Reads so many bytes of a body from a place on.
ReadBody = Callable[[int, int], bytes]


class Flat(NamedTuple):
    """A table in FlatBuffers. Raises struct.error where it points beyond its bytes."""

    data: bytes
    place: int

    @classmethod
    def root(cls, data: bytes) -> Flat:
        return cls(data, _uint32(data, 0))

    def field(self, number: int) -> int:
        """Where a field is; 0 where it is absent."""
        entries = self.place - struct.unpack_from("<i", self.data, self.place)[0]
        size = struct.unpack_from("<H", self.data, entries)[0]
        at = 4 + 2 * number
        offset = struct.unpack_from("<H", self.data, entries + at)[0] if at < size else 0
        return self.place + int(offset) if offset else 0

    def table(self, number: int) -> Flat:
        at = self.field(number)
        return Flat(self.data, at + _uint32(self.data, at))

    def structs(self, number: int, kind: struct.Struct) -> Iterator[tuple[int, ...]]:
        """The structs of a vector."""
        at = self.field(number)
        if not at:
            return
        at += _uint32(self.data, at)
        for n in range(_uint32(self.data, at)):
            yield kind.unpack_from(self.data, at + 4 + n * kind.size)


def _uint32(data: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", data, place)[0])


def is_compressed(metadata: bytes) -> bool:
    """Whether a message has a batch, or a dictionary, whose buffers are compressed."""
    return _compressed_batch(metadata) is not None


def expanded_bytes(metadata: bytes, read_body: ReadBody) -> list[int]:
    """The bytes of each buffer of a message once expanded; none if it has no compressed batch."""
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


def blocks_of(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Where the batches of a file are, dictionaries included, and how long their messages are."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL.size))
    length, _ = _TAIL.unpack(file.read(_TAIL.size))
    file.seek(max(0, size - _TAIL.size - max(0, length)))
    footer = Flat.root(file.read(max(0, length)))
    for number in (_DICTIONARIES, _BATCHES):
        for offset, metadata_bytes, _ in footer.structs(number, _BLOCK):
            yield offset, metadata_bytes


def messages_of(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Where the messages of a stream are, and how long each is without its body."""
    offset = 0
    while True:
        file.seek(offset)
        head, body_bytes = _next_head(file)
        if body_bytes is None:
            return
        yield offset, len(head)
        offset += len(head) + body_bytes


def _next_head(file: IO[bytes]) -> tuple[bytes, int | None]:
    """The next message of a stream without its body, and how long that is; None where there is no
    further message, at the end or behind what is no message."""
    begun = file.read(8)
    has_mark = begun[:4] == _CONTINUATION
    length = begun[4:8] if has_mark else begun[:4]
    if len(length) < 4 or not _uint32(length, 0):
        return begun, None
    size = max(0, _uint32(length, 0) - (0 if has_mark else 4))
    head = begun + file.read(min(size, budget.MOST_MESSAGE_HEADER))
    metadata = _metadata(head)
    body_at = Flat.root(metadata).field(_BODY_LENGTH)
    body = int(_LENGTH.unpack_from(metadata, body_at)[0]) if body_at else 0
    return head, body if body >= 0 else None


class CheckedStream(io.RawIOBase):
    """The bytes of a stream, of which a compressed batch is checked before any of it is given on.

    `check` is called with the size of each buffer once expanded. What is no message is given on as
    it is, for the reader to complain of.
    """

    def __init__(self, file: IO[bytes], check: Callable[[list[int]], None]) -> None:
        self._pieces = _checked(file, check)
        self._begun = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._begun:
            try:
                piece = next(self._pieces)
            except StopIteration:
                return 0
            except (struct.error, IndexError, OverflowError) as error:
                raise OSError("found a message that points beyond its end") from error
            self._begun = memoryview(piece)
        count = min(len(buffer), len(self._begun))
        buffer[:count] = self._begun[:count]
        self._begun = self._begun[count:]
        return count


def _checked(file: IO[bytes], check: Callable[[list[int]], None]) -> Iterator[bytes]:
    body_bytes: int | None = 0
    while body_bytes is not None:
        head, body_bytes = _next_head(file)
        body = b""
        if body_bytes and is_compressed(_metadata(head)):
            check([body_bytes])
            body = file.read(body_bytes)
            check(expanded_bytes(_metadata(head), partial(_part, body)))
        yield head
        yield body
        yield from _pieces(file, (body_bytes or 0) - len(body))
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _part(body: bytes, begin: int, count: int) -> bytes:
    return body[begin : begin + count]


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (piece := file.read(min(size, _PIECE_BYTES))):
        size -= len(piece)
        yield piece


def metadata_at(file: IO[bytes], offset: int, size: int) -> bytes:
    """The table of a message, behind its continuation, if it has one, and its length."""
    file.seek(offset)
    return _metadata(file.read(min(max(0, size), budget.MOST_MESSAGE_HEADER)))


def _metadata(head: bytes) -> bytes:
    return head[8:] if head[:4] == _CONTINUATION else head[4:]


def buffers_of(kind: pa.DataType) -> int | None:
    """How many buffers a column has in a batch; None for types that are not known here."""
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
