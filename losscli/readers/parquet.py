"""Parquet, decoded by pyarrow batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from losscli.errors import DataError
from losscli.readers.table import Table

_BATCH_BYTES = 1 << 22
_BUFFER_BYTES = 1 << 20


def open_file(path: Path) -> Table:
    """The schema and the number of rows, from the footer."""
    try:
        # Buffered and not fetched ahead, so that a row group is never held whole.
        file = parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: not a readable Parquet file: {_line(error)}") from error
    return Table(
        path,
        file.schema_arrow,
        lambda columns: _batches(path, file, columns),
        row_count=file.metadata.num_rows,
    )


def _batches(
    path: Path, file: parquet.ParquetFile, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(_rows_a_batch(file.metadata), columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: damaged Parquet file: {_line(error)}") from error


def _rows_a_batch(metadata: parquet.FileMetaData) -> int:
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    size = int(sum(group.total_byte_size for group in groups))
    return max(1, _BATCH_BYTES * int(metadata.num_rows) // max(size, 1))


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]
