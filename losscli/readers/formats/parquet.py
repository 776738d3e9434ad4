"""Parquet, decoded by pyarrow batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
from pyarrow import parquet

from losscli.errors import DataError, quoted
from losscli.readers import Reading
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.readers.tables.damage import DAMAGE, unreadable
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import bare_type, is_text

FORMATS = (Format("parquet", ("pq",), b"PAR1"),)

_BATCH_BYTES = 1 << 22
_BUFFER_BYTES = 1 << 20

# Bytes of a number of Parquet's types.
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}

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
            for batch in file.iter_batches(
                _rows_a_batch(file.metadata, columns),
                columns=list(columns),
                use_threads=threads != 1,
            ):
                _require_text(origin, batch)
                yield batch
    except DAMAGE as error:
        raise unreadable(origin.name, "damaged Parquet file", error) from error


def _require_text(origin: Origin, batch: pa.RecordBatch) -> None:
    """Raise DataError for text that is not UTF-8, of which Arrow says nothing until it is used."""
    for name, column in zip(batch.schema.names, batch, strict=True):
        if is_text(bare_type(column.type)):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid as error:
                raise DataError(
                    f"{origin.name}: column {quoted(name)}: found text that is not UTF-8"
                ) from error


def _rows_a_batch(metadata: parquet.FileMetaData, columns: Sequence[str]) -> int:
    """How many rows of these columns are decoded at once, of the group whose rows are longest."""
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    rows = [_BATCH_BYTES * group.num_rows // _decoded_bytes(group, columns) for group in groups]
    return max(1, min(rows, default=1))


def _decoded_bytes(group: parquet.RowGroupMetaData, columns: Sequence[str]) -> int:
    """What columns of a row group are once decoded: their numbers, which may be encoded in next to
    nothing, and text as it is."""
    size = 1
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema.partition(".")[0] in columns:
            values = column.num_values * _WIDTHS.get(column.physical_type, 0)
            size += max(values, column.total_uncompressed_size)
    return size
