"""Parquet, decoded by pyarrow batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain

import pyarrow as pa
from pyarrow import parquet

from losscli.errors import DataError, quoted
from losscli.readers import Reading
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.readers.memory import decoding
from losscli.readers.tables.damage import DAMAGE, read_from, unreadable
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile, from_row
from losscli.readers.tables.types import bare_type, is_list, is_text

FORMATS = (Format("parquet", ("pq",), b"PAR1"),)

_BATCH_BYTES = 1 << 22
_BUFFER_BYTES = 1 << 20

# The numbers of rows that are sampled from columns of text and from columns of lists.
_FIRST_ROWS = 1 << 10
_FIRST_LISTS = 1 << 4

# Row groups of up to this many uncompressed bytes are read whole.
_SMALL_GROUP_BYTES = 1 << 25


def open_file(origin: Origin, reading: Reading) -> Table:
    """Open a table. Reads the schema and the number of rows from the footer."""
    if not origin.is_plain:
        raise DataError(
            f"{origin.name}: can't read Parquet from a pipe or a compressed file (its index is at "
            "the end). Pass a plain file, or pipe Arrow IPC, CSV or JSON Lines."
        )
    try:
        with _open(origin) as opened:
            schema, metadata = opened.schema_arrow, opened.metadata
    except DAMAGE as error:
        raise unreadable(origin.name, "not a readable Parquet file", error) from error
    file = TableFile(
        origin.name,
        origin.size,
        schema,
        lambda requested, first_row: read_from(
            origin,
            _batches(
                origin,
                requested.names,
                reading.threads,
                first_row,
                in_order=2 * len(requested.names) >= len(schema.names),
            ),
            "damaged Parquet file",
        ),
        row_count=metadata.num_rows,
        threads=reading.threads,
    )
    return Table(file)


@contextmanager
def _open(
    origin: Origin, dictionaries: Sequence[str] = (), *, in_order: bool = False
) -> Iterator[parquet.ParquetFile]:
    """Open the file. Small row groups are read whole, and large row groups through a buffer. The
    columns in `dictionaries` are read as dictionaries. With `in_order`, bytes of a remote file are
    requested ahead.

    Small row groups are not buffered, because the buffered reader allocates the memory that a
    damaged page claims, even if that exceeds the size of the file.
    """
    with origin.arrow_file() if in_order else origin.arrow_ranges() as bytes_of_file:
        opened = partial(
            parquet.ParquetFile,
            bytes_of_file,
            read_dictionary=list(dictionaries),
            pre_buffer=origin.is_remote,
            page_checksum_verification=True,
        )
        file = opened()
        is_small = _largest_group(file.metadata) <= _SMALL_GROUP_BYTES
        yield file if is_small else opened(buffer_size=_BUFFER_BYTES)


def _largest_group(metadata: parquet.FileMetaData) -> int:
    groups = range(metadata.num_row_groups)
    return max((int(metadata.row_group(i).total_byte_size) for i in groups), default=0)


def _batches(
    origin: Origin, columns: Sequence[str], threads: int | None, first_row: int, *, in_order: bool
) -> Iterator[pa.RecordBatch]:
    with _open(origin, _repeating(origin, columns), in_order=in_order) as file:
        rows = _rows_per_batch(file, columns, _list_bytes(origin, columns))
        groups, skipped = _groups_from(file.metadata, first_row)
        # pyarrow keeps all bytes that it requests ahead: of one row group, not of all of them.
        each = [[group] for group in groups] if origin.is_remote else [groups]
        read = (_read(origin, file, rows, columns, threads != 1, some) for some in each)
        for batch in from_row(chain.from_iterable(read), first_row - skipped):
            _require_text(origin, batch)
            yield batch


def _groups_from(metadata: parquet.FileMetaData, row: int) -> tuple[range, int]:
    """Return the row groups that contain the rows from `row` on, and the number of rows before
    these groups."""
    first, skipped, count = 0, 0, int(metadata.num_row_groups)
    while first < count and skipped + int(metadata.row_group(first).num_rows) <= row:
        skipped += int(metadata.row_group(first).num_rows)
        first += 1
    return range(first, count), skipped


def _read(
    origin: Origin,
    file: parquet.ParquetFile,
    rows: int,
    columns: Sequence[str],
    use_threads: bool,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    batches = file.iter_batches(
        rows,
        row_groups=None if groups is None else list(groups),
        columns=list(columns),
        use_threads=use_threads,
    )
    size = _largest_group(file.metadata) if origin.is_remote else 0
    while True:
        with decoding(origin.name):
            batch = origin.awaited(partial(next, batches, None), size)
        if batch is None:
            return
        yield batch


def _repeating(origin: Origin, columns: Sequence[str]) -> list[str]:
    """Return the text columns in which at least half of the first rows are duplicates.

    Reading as a dictionary cuts the time for these columns to a tenth, and doubles it for others.
    """
    text = _columns_of(origin, columns, is_text)
    batch = _first_rows(origin, text, _FIRST_ROWS, dictionaries=text)
    sample = {} if batch is None else dict(zip(text, batch.columns, strict=True))
    return [name for name, cells in sample.items() if len(cells.unique()) <= len(cells) // 2]


def _list_bytes(origin: Origin, columns: Sequence[str]) -> int:
    """Estimate the bytes of all lists in a row, from the first rows."""
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
    """Return some of the first rows; None if there are no rows or no columns."""
    if not columns:
        return None
    with _open(origin, dictionaries) as file:
        return next(_read(origin, file, rows, columns, use_threads=False), None)


def _require_text(origin: Origin, batch: pa.RecordBatch) -> None:
    """Raise DataError for text that is not UTF-8, which Arrow does not report while reading."""
    for name, column in zip(batch.schema.names, batch, strict=True):
        if is_text(bare_type(column.type)):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid as error:
                raise DataError(
                    f"{origin.name}: column {quoted(name)}: the text is not UTF-8"
                ) from error


def _rows_per_batch(file: parquet.ParquetFile, columns: Sequence[str], list_bytes: int) -> int:
    """Return the number of rows to decode at once.

    The size of numbers is estimated from their type, since they may be encoded in almost no bytes.
    The size of lists is estimated from the first rows, and that of other columns from their encoded
    size. The metadata of columns is not used, because Arrow ends the process if it is damaged.
    """
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    size = int(sum(group.total_byte_size for group in groups))
    encoded = _BATCH_BYTES * int(file.metadata.num_rows) // max(size, 1)
    numbers = sum(_width(file.schema_arrow.field(name).type) for name in columns)
    width = numbers + list_bytes
    return max(1, min(encoded, _BATCH_BYTES // max(width, 1)))


def _width(kind: pa.DataType) -> int:
    """Return the bytes of a number or of a dictionary index; 0 for other types."""
    return 8 if pa.types.is_primitive(kind) or is_text(kind) else 0
