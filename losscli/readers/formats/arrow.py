"""Arrow IPC, in the file format (also Feather) or the stream format, batch by batch."""

from __future__ import annotations

import io
import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import IO

import pyarrow as pa
from pyarrow import ipc

from losscli.errors import DataError
from losscli.readers import Reading, budget
from losscli.readers.files.ipc import (
    CheckedStream,
    blocks_of,
    buffers_of,
    expanded_bytes,
    messages_of,
    metadata_at,
)
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.readers.tables.damage import DAMAGE, read_from, unreadable
from losscli.readers.tables.pools import at_most
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile, from_row

FORMATS = (Format("arrow", ("feather", "ipc", "arrows"), rb"ARROW1|\xff\xff\xff\xff"),)

_DAMAGED = "damaged Arrow file"

_FILE_MAGIC = b"ARROW1"

# The first bytes of every message of a stream, and the last bytes of a stream, unless it is
# truncated or its writer was not closed. Streams from before 2019 have neither.
_CONTINUATION = b"\xff\xff\xff\xff"
_END = _CONTINUATION + bytes(4)

_PIPE_BYTES = 1 << 20

# Batches of up to this size are read whole. For larger batches, the file is mapped into memory, and
# its pages are released after every slice. Other files are not mapped, because truncating a mapped
# file kills the process.
_MOST_BATCH_BYTES = 1 << 26
_SLICE_BYTES = 1 << 22


def open_file(origin: Origin, reading: Reading) -> Table:
    """Open a file or a stream as a table. Reads only the schema."""
    is_file = origin.head(len(_FILE_MAGIC)) == _FILE_MAGIC
    try:
        with at_most(reading.threads):
            file = _file(origin, reading) if is_file else _stream(origin, reading)
    except DAMAGE as error:
        raise unreadable(origin.name, "not a readable Arrow file", error) from error
    return Table(file)


def _file(origin: Origin, reading: Reading) -> TableFile:
    if not origin.is_plain:
        raise DataError(
            f"{origin.name}: can't read the Arrow file format from a pipe or a compressed file. "
            "Use the Arrow stream format."
        )
    with origin.arrow_file() as file, ipc.open_file(file) as reader:
        schema = reader.schema
    return TableFile(
        origin.name,
        origin.size,
        schema,
        lambda requested, first_row: read_from(
            origin,
            _checked(from_row(_of_file(origin, requested.names, reading.threads), first_row)),
            _DAMAGED,
        ),
        threads=reading.threads,
    )


def _stream(origin: Origin, reading: Reading) -> TableFile:
    options = ipc.IpcReadOptions(use_threads=reading.threads != 1)
    is_local = origin.is_plain and not origin.is_remote

    def opened() -> ipc.RecordBatchStreamReader:
        file = origin.arrow_file() if is_local else _checked_stream(origin)
        return ipc.open_stream(file, options=options)

    first = opened()
    schema, first_pass = first.schema, [first]
    if not origin.is_standard_input:  # do not keep every shard open until it is read
        first_pass.clear()
    del first

    def batches(requested: pa.Schema) -> Iterator[pa.RecordBatch]:
        if is_local:
            with origin.stream() as file:
                _require_batches(origin, file, schema, schema.names, messages_of(file))
        reader = first_pass.pop() if first_pass else opened()
        yield from (batch.select(requested.names) for batch in reader)

    return TableFile(
        origin.name,
        origin.size,
        schema,
        lambda requested, first_row: read_from(
            origin, _checked(from_row(batches(requested), first_row)), _DAMAGED
        ),
        warnings=_missing_end(origin),
        threads=reading.threads,
    )


def _checked_stream(origin: Origin) -> pa.NativeFile:
    """Open a stream from a pipe or a compressed file, with the sizes of its batches checked."""
    stream: io.RawIOBase = CheckedStream(
        origin.stream(), lambda sizes: _require_size(origin, sum(sizes))
    )
    return pa.PythonFile(io.BufferedReader(stream, _PIPE_BYTES), mode="r")


def _missing_end(origin: Origin) -> tuple[str, ...]:
    if not origin.is_plain or origin.head(len(_CONTINUATION)) != _CONTINUATION:
        return ()
    with origin.open_raw() as file:
        file.seek(-len(_END), os.SEEK_END)
        if file.read() == _END:
            return ()
    return (f"{origin.name}: the stream has no end-of-stream marker; batches may be missing",)


def _require_batches(
    origin: Origin,
    file: IO[bytes],
    schema: pa.Schema,
    columns: Sequence[str],
    places: Iterable[tuple[int, int]],
) -> None:
    """Raise DataError for a batch whose columns are too large after decompression."""
    counts = [buffers_of(field.type) for field in schema]
    with _damage_reported(origin):
        for offset, size in places:
            body = partial(_read_at, file, offset + size)
            buffers = expanded_bytes(metadata_at(file, offset, size), body)
            _require_size(origin, sum(_of_columns(buffers, counts, schema.names, columns)))


@contextmanager
def _damage_reported(origin: Origin) -> Iterator[None]:
    """Raise DataError for messages that point beyond the file."""
    try:
        yield
    except (struct.error, IndexError, OSError, OverflowError) as error:
        raise unreadable(origin.name, _DAMAGED, error) from error


def _require_size(origin: Origin, size: int) -> None:
    unit = "bytes in a record batch after decompression"
    budget.require(origin.name, size, budget.MOST_BATCH_BYTES, unit)


def _read_at(file: IO[bytes], begin: int, offset: int, count: int) -> bytes:
    file.seek(begin + offset)
    return file.read(count)


def _of_columns(
    buffers: list[int], counts: Sequence[int | None], names: Sequence[str], columns: Sequence[str]
) -> list[int]:
    """Return the sizes of the buffers of `columns`. Returns all sizes if it is unknown which column
    each buffer belongs to."""
    if None in counts or sum(filter(None, counts)) != len(buffers):
        return buffers
    each = [name for name, count in zip(names, counts, strict=True) for _ in range(count or 0)]
    return [size for name, size in zip(each, buffers, strict=True) if name in columns]


def _of_file(
    origin: Origin, columns: Sequence[str], threads: int | None
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file. Each is checked just before it is read, so that the bytes of a
    file in a store are requested in order."""
    with origin.arrow_file() as file, ipc.open_file(file) as reader:
        schema, count = reader.schema, reader.num_record_batches
        check = partial(_require_batches, origin, file, schema, columns)
        with _damage_reported(origin):
            dictionaries, blocks = blocks_of(file)
        check(dictionaries)
        if origin.is_remote:
            size = origin.size // max(count, 1)
            budget.require(origin.name, size, budget.MOST_BATCH_BYTES, "bytes in a record batch")
        if origin.is_remote or origin.size <= _MOST_BATCH_BYTES * max(count, 1):
            fields = [schema.get_field_index(name) for name in columns]
            options = ipc.IpcReadOptions(included_fields=fields, use_threads=threads != 1)
            with ipc.open_file(file, options=options) as narrow:
                for i in range(count):
                    check(blocks[i : i + 1])
                    yield narrow.get_batch(i).select(list(columns))
        else:
            check(blocks)
            yield from _mapped(origin, columns)


def _mapped(origin: Origin, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield slices of batches that are too large for memory, each copied from the mapped file."""
    with origin.open_plain() as file, file.descriptor() as number:
        pages = mmap.mmap(number, 0, access=mmap.ACCESS_READ)
    reader = ipc.open_file(pa.BufferReader(pa.py_buffer(pages)))
    for i in range(reader.num_record_batches):
        batch = reader.get_batch(i).select(list(columns))
        batch.validate()  # lengths only; values are validated after copying
        rows = max(1, _SLICE_BYTES * batch.num_rows // max(batch.nbytes, 1))
        for start in range(0, batch.num_rows, rows):
            piece = batch.slice(start, rows)
            copied = [pa.concat_arrays([column, column[:0]]) for column in piece]
            yield pa.record_batch(copied, piece.schema)
            pages.madvise(mmap.MADV_DONTNEED)


def _checked(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches after validating their lengths and offsets."""
    for batch in batches:
        batch.validate(full=True)
        yield batch
