"""Parquet, decoded by pyarrow batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
from pyarrow import parquet

from losscli.errors import DataError
from losscli.readers import Reading
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.readers.tables.damage import DAMAGE, unreadable
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile

FORMATS = (Format("parquet", ("pq",), b"PAR1"),)

_BATCH_BYTES = 1 << 22
_BUFFER_BYTES = 1 << 20

# A row group of up to so many bytes, uncompressed, is read whole.
_SMALL_GROUP_BYTES = 1 << 25


def open_file(origin: Origin, reading: Reading) -> Table:
    """The schema and the number of rows, from the footer."""
    if not origin.is_plain:
        raise DataError(f"{origin.name}: Parquet is read from plain files alone; its index is last")
    try:
        with _open(origin) as opened:
            schema, metadata = opened.schema_arrow, opened.metadata
    except DAMAGE as error:
        raise unreadable(origin.name, "not a readable Parquet file", error) from error
    file = TableFile(
        origin.name,
        origin.size,
        schema,
        lambda wanted: _batches(origin, wanted.names, reading.threads),
        row_count=metadata.num_rows,
        threads=reading.threads,
    )
    return Table(file)


@contextmanager
def _open(origin: Origin) -> Iterator[parquet.ParquetFile]:
    """The file, whose row groups are held whole where they are small.

    Through a buffer a large one never is, but there a damaged page may claim to be larger than the
    file, and is given the memory.
    """
    with origin.arrow_file() as bytes_of_file:
        opened = partial(
            parquet.ParquetFile, bytes_of_file, pre_buffer=False, page_checksum_verification=True
        )
        file = opened()
        is_small = _largest_group(file.metadata) <= _SMALL_GROUP_BYTES
        yield file if is_small else opened(buffer_size=_BUFFER_BYTES)


def _largest_group(metadata: parquet.FileMetaData) -> int:
    groups = range(metadata.num_row_groups)
    return max((int(metadata.row_group(i).total_byte_size) for i in groups), default=0)


def _batches(
    origin: Origin, columns: Sequence[str], threads: int | None
) -> Iterator[pa.RecordBatch]:
    try:
        with _open(origin) as file:
            yield from file.iter_batches(
                _rows_a_batch(file.metadata), columns=list(columns), use_threads=threads != 1
            )
    except DAMAGE as error:
        raise unreadable(origin.name, "damaged Parquet file", error) from error


def _rows_a_batch(metadata: parquet.FileMetaData) -> int:
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    size = int(sum(group.total_byte_size for group in groups))
    return max(1, _BATCH_BYTES * int(metadata.num_rows) // max(size, 1))
