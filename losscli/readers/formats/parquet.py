"""Parquet, decoded by pyarrow batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
from pyarrow import parquet

from losscli.errors import DataError, quoted
from losscli.readers import Reading
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.readers.memory import decoding
from losscli.readers.tables.damage import DAMAGE, read_from, unreadable
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import bare_type, is_list, is_text

FORMATS = (Format("parquet", ("pq",), b"PAR1"),)

_BATCH_BYTES = 1 << 22
_BUFFER_BYTES = 1 << 20

# By so many rows a column of text is judged, and one of lists.
_FIRST_ROWS = 1 << 10
_FIRST_LISTS = 1 << 4

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
        lambda wanted: read_from(
            origin, _batches(origin, wanted.names, reading.threads), "damaged Parquet file"
        ),
        row_count=metadata.num_rows,
        threads=reading.threads,
    )
    return Table(file)


@contextmanager
def _open(origin: Origin, dictionaries: Sequence[str] = ()) -> Iterator[parquet.ParquetFile]:
    """The file, whose row groups are held whole where they are small. The text of `dictionaries` is
    there once.

    Through a buffer a large one never is, but there a damaged page may claim to be larger than the
    file, and is given the memory.
    """
    with origin.arrow_file() as bytes_of_file:
        opened = partial(
            parquet.ParquetFile,
            bytes_of_file,
            read_dictionary=list(dictionaries),
            pre_buffer=False,
            page_checksum_verification=True,
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
    with _open(origin, _repeating(origin, columns)) as file:
        rows = _rows_a_batch(file, columns, _list_bytes(origin, columns))
        for batch in _read(origin, file, rows, columns, threads != 1):
            _require_text(origin, batch)
            yield batch


def _read(
    origin: Origin, file: parquet.ParquetFile, rows: int, columns: Sequence[str], use_threads: bool
) -> Iterator[pa.RecordBatch]:
    batches = file.iter_batches(rows, columns=list(columns), use_threads=use_threads)
    while True:
        with decoding(origin.name):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _repeating(origin: Origin, columns: Sequence[str]) -> list[str]:
    """The columns of text in whose first rows most repeats. A dictionary makes these a tenth of the
    time, and all others twice."""
    text = _columns_of(origin, columns, is_text)
    batch = _first_rows(origin, text, _FIRST_ROWS, dictionaries=text)
    found = {} if batch is None else dict(zip(text, batch.columns, strict=True))
    return [name for name, cells in found.items() if len(cells.unique()) <= len(cells) // 2]


def _list_bytes(origin: Origin, columns: Sequence[str]) -> int:
    """The bytes of the lists in a row, as the first rows have them."""
    lists = _columns_of(origin, columns, is_list)
    batch = _first_rows(origin, lists, _FIRST_LISTS)
    return 0 if batch is None else batch.nbytes // batch.num_rows


def _columns_of(
    origin: Origin, columns: Sequence[str], is_kind: Callable[[pa.DataType], bool]
) -> list[str]:
    with _open(origin) as file:
        schema = file.schema_arrow
    return [name for name in columns if is_kind(bare_type(schema.field(name).type))]


def _first_rows(
    origin: Origin, columns: Sequence[str], rows: int, dictionaries: Sequence[str] = ()
) -> pa.RecordBatch | None:
    """Some of the first rows; None if there are none, or no columns."""
    if not columns:
        return None
    with _open(origin, dictionaries) as file:
        return next(_read(origin, file, rows, columns, use_threads=False), None)


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


def _rows_a_batch(file: parquet.ParquetFile, columns: Sequence[str], list_bytes: int) -> int:
    """How many rows are decoded at once: of numbers, which may be encoded in next to nothing, by
    their types, of lists by the first of them, and of all else as they are encoded.

    What a row group says of a column is not asked for: where it is damaged, Arrow ends the process.
    """
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    size = int(sum(group.total_byte_size for group in groups))
    encoded = _BATCH_BYTES * int(file.metadata.num_rows) // max(size, 1)
    numbers = sum(_width(file.schema_arrow.field(name).type) for name in columns)
    width = numbers + list_bytes
    return max(1, min(encoded, _BATCH_BYTES // max(width, 1)))


def _width(kind: pa.DataType) -> int:
    """The bytes of a number, or of a place in a dictionary."""
    return 8 if pa.types.is_primitive(kind) or is_text(kind) else 0
