"""CSV, parsed by pyarrow block by block: with or without a header, with any delimiter, compressed
or not."""

from __future__ import annotations

import csv as text
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

import pyarrow as pa
from pyarrow import csv

from losscli.errors import DataError, quoted
from losscli.readers import Reading
from losscli.readers.files.dialect import Dialect, delimiter_of, dialect_of, is_number
from losscli.readers.files.lines import (
    Chunk,
    LineNumbers,
    Lines,
    chunks,
    first_block,
    last_chunk,
    opening_quote,
    parsed,
    refusal,
    whole_rows,
)
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.readers.memory import decoding
from losscli.readers.tables.damage import read_from
from losscli.readers.tables.pools import without_signal_handlers
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile, from_row
from losscli.readers.tables.types import DECIMAL_COMMA

FORMATS = (Format("csv", ("txt",)), Format("tsv"))

# The number of bytes that are checked for UTF-16.
_SAMPLE_BYTES = 1 << 10

# The maximum size of a line, in bytes. A hundred thousand numbers take two megabytes.
_MOST_LINE_BYTES = 1 << 25

# Raise Python's limit on the length of a cell, which is global. A cell may be as long as a line.
text.field_size_limit(max(text.field_size_limit(), 2 * _MOST_LINE_BYTES))

_DECIMAL_COMMA = re.compile(r"(?a)\s*[+-]?\d+,\d+\s*")

# Cells that are missing values in columns of numbers. "nan" is a number, as NumPy writes it. In
# columns of text, only an empty cell is a missing value, because NA may be a name or a label.
_MISSING = ["", "NA", "N/A", "#N/A", "null", "NULL", "None"]


def open_file(origin: Origin, reading: Reading) -> Table:
    """Open a table. Reads the header, and infers the type of each column from the first block."""
    size = origin.size
    head = _first_block(origin, reading)
    dialect, notes = dialect_of(origin, reading, head)
    inferred = _schema(origin, head, dialect)
    seen = pa.schema([field.with_type(_looks_like(field.type)) for field in inferred])
    schema = pa.schema([(field.name, _read_as(field.type)) for field in inferred])
    threads = reading.threads or pa.cpu_count()
    lines = LineNumbers()
    file = TableFile(
        origin.name,
        size,
        schema,
        lambda requested, first_row: read_from(
            origin,
            from_row(_batches(origin, size, dialect, requested, threads, lines), first_row),
            "not a readable table",
        ),
        inferred=seen,
        label_type=lambda field: pa.string(),  # text, since 007 is not the label 7
        missing=_MISSING,
        unknown=frozenset(field.name for field in inferred if pa.types.is_null(field.type)),
        threads=threads,
        notes=notes,
        numbered=dialect.lines_before == 0,
        line_of=lines.line_of,
    )
    return Table(file)


def _first_block(origin: Origin, reading: Reading) -> bytes:
    """Return the first bytes, with at least a header and a row. Raises DataError for UTF-16 and for
    binary data."""

    def whole(head: bytes) -> int:
        return whole_rows(head, delimiter_of(origin, reading, head).encode())

    head = first_block(origin, whole, 2, _MOST_LINE_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_utf_16(head):
        raise DataError(
            f"{origin.name}: the file is not UTF-8 text. Convert UTF-16 with iconv -t UTF-8."
        )
    if b"\0" in head:
        raise DataError(
            f"{origin.name}: found binary data in an unsupported format. Save the arrays as "
            ".npy, .npz, .parquet or .csv."
        )
    return head


def _is_utf_16(head: bytes) -> bool:
    """Whether every other byte is 0, as in UTF-16 text of Western languages."""
    start = head[:_SAMPLE_BYTES]
    return any(start[k::2].count(0) > 0.9 * len(start) / 2 for k in (0, 1)) and start.count(0) < (
        0.6 * len(start)
    )


def _schema(origin: Origin, head: bytes, dialect: Dialect) -> pa.Schema:
    whole = last_chunk(head[: dialect.whole_rows(head)] or head, 1)
    options = csv.ConvertOptions(null_values=_MISSING)
    table = _parse(origin, dialect, options, whole)
    return pa.schema([_field(field, table.column(i)) for i, field in enumerate(table.schema)])


def _field(field: pa.Field, column: pa.ChunkedArray) -> pa.Field:
    """Return the field that is inferred from a column of the first block.

    A column of text that begins with a number is read as numbers. A word further down is then an
    error, and does not exclude the column from the columns of numbers.
    """
    if not len(column) or not pa.types.is_string(field.type):
        return field
    cell = column[0].as_py()
    if cell and _DECIMAL_COMMA.fullmatch(cell):
        return field.with_metadata({DECIMAL_COMMA: ""})
    return field.with_type(pa.float64()) if cell and is_number(cell) else field


def _looks_like(inferred: pa.DataType) -> pa.DataType:
    """Return the apparent type. A column without values so far counts as whole numbers, which the
    choice of columns prefers least."""
    return pa.int64() if pa.types.is_null(inferred) else inferred


def _read_as(inferred: pa.DataType) -> pa.DataType:
    """Return the type to read: float64 for numbers, even if the first block has only integers."""
    if pa.types.is_integer(inferred) or pa.types.is_null(inferred):
        return pa.float64()
    return inferred


def _batches(
    origin: Origin,
    size: int,
    dialect: Dialect,
    requested: pa.Schema,
    threads: int,
    lines: LineNumbers,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows in order, parsed in parallel chunks.

    pyarrow's `open_csv` uses one core. Its multi-threaded `read_csv` waits for the slowest thread
    and for the next chunk, takes a fifth longer, and does not report the row of an error.
    """
    options = csv.ConvertOptions(
        null_values=_MISSING,
        column_types=requested,
        include_columns=requested.names,
    )
    parse = partial(_closed, origin, dialect, options)
    with closing(chunks(origin, size, dialect.whole_rows, _MOST_LINE_BYTES)) as pieces:
        yield from parsed((partial(parse, chunk) for chunk in pieces), threads, lines)


def _closed(
    origin: Origin, dialect: Dialect, options: csv.ConvertOptions, chunk: Chunk
) -> tuple[Lines, pa.Table]:
    """Parse the rows of a chunk. Raises DataError for an unclosed quote in the last row, which
    pyarrow accepts."""
    table = _parse(origin, dialect, options, chunk)
    quote = opening_quote(chunk.text, chunk.size, dialect.delimiter.encode())
    if quote >= 0:
        line = chunk.line + chunk.text.count(b"\n", 0, quote)
        raise DataError(f"{origin.name}:{line}: unclosed quote")
    before = _lines_before_rows(dialect, chunk)
    lines = Lines(chunk.lines.first + before, chunk.lines.count - before)
    return lines, _without_empty_text(table)


def _lines_before_rows(dialect: Dialect, chunk: Chunk) -> int:
    return dialect.lines_before if chunk.line == 1 else 0


def _without_empty_text(table: pa.Table) -> pa.Table:
    """Return the table with missing values in place of empty text."""
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

            column = table.column(number)
            text = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            table = table.set_column(number, field, text)
    return table


def _parse(origin: Origin, dialect: Dialect, options: csv.ConvertOptions, chunk: Chunk) -> pa.Table:
    """Parse the rows of a chunk in this thread."""
    before = _lines_before_rows(dialect, chunk)
    reading = csv.ReadOptions(
        use_threads=False, block_size=chunk.size + 1, column_names=dialect.names, skip_rows=before
    )
    parsing = csv.ParseOptions(
        delimiter=dialect.delimiter, ignore_empty_lines=not dialect.is_blank_missing
    )
    read = partial(csv.read_csv, pa.BufferReader(chunk.rows), reading, parsing, options)
    try:
        with without_signal_handlers(), decoding(origin.name):
            return read()
    except pa.ArrowException as error:
        row, problem = _explain(error, dialect)
        if row is None:
            raise DataError(f"{origin.name}: {problem}") from error
        line = _line(row - before, dialect, chunk, before)
        if row - before > 1:  # an earlier row may have an error that pyarrow checks later
            _parse(origin, dialect, options, _lines_before(line, chunk))
        raise DataError(f"{origin.name}:{line}: {problem}") from error


def _explain(error: Exception, dialect: Dialect) -> tuple[int | None, str]:
    """Return the row that pyarrow cannot parse, as pyarrow counts rows, and the problem. For any
    other error, return None and the message for the error."""
    message = str(error)
    cell = re.match(
        r"In CSV column #(\d+): Row #(\d+): .* invalid value '(.*)'", message, re.DOTALL
    )
    if cell:
        name = dialect.names[int(cell[1])]
        problem = f"column {quoted(name)}: expected a number, found {quoted(cell[3])}"
        if _DECIMAL_COMMA.fullmatch(cell[3]):
            problem += ". Save the file with decimal points: losscli does not read decimal commas."
        return int(cell[2]), problem
    row = re.match(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if row:
        noun = "column" if row[2] == "1" else "columns"
        return int(row[1]), f"expected {row[2]} {noun} as in the first line, found {row[3]}"
    return None, refusal(error)


def _lines_before(line: int, chunk: Chunk) -> Chunk:
    lines = bytes(chunk.rows).splitlines(keepends=True)
    return replace(chunk, size=sum(map(len, lines[: line - chunk.line])))


def _line(number: int, dialect: Dialect, chunk: Chunk, before: int) -> int:
    """Return the line of the file at which a row of a chunk begins. `number` counts rows from 1,
    after the `before` lines before the rows. Blank lines are rows only in a table of one column."""
    lines = io.StringIO(str(chunk.rows, "utf-8", "replace"), newline="")
    for _ in range(before):
        lines.readline()
    rows = text.reader(lines, delimiter=dialect.delimiter)
    begin = 0
    for cells in rows:
        number -= bool(cells) or dialect.is_blank_missing
        if not number:
            break
        begin = rows.line_num
    return chunk.line + before + begin
