"""CSV and its relatives, parsed by pyarrow block by block: with a header or without, any
delimiter, compressed or not."""

from __future__ import annotations

import csv as text
import io
import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pyarrow as pa
from pyarrow import csv

from losscli.errors import DataError, quoted
from losscli.readers import Reading
from losscli.readers.files.dialect import Dialect, delimiter_of, dialect_of, is_number
from losscli.readers.files.lines import (
    Chunk,
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
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import DECIMAL_COMMA

FORMATS = (Format("csv", ("txt",)), Format("tsv"))

# A line has at most so many bytes: a hundred thousand numbers take two megabytes.
_MOST_LINE_BYTES = 1 << 25

# A cell may be as long as a line: Python's own limit is for all readers of this process.
text.field_size_limit(max(text.field_size_limit(), 2 * _MOST_LINE_BYTES))

# A number as half of the world writes it.
_DECIMAL_COMMA = re.compile(r"(?a)\s*[+-]?\d+,\d+\s*")

# Cells without a value, in columns of numbers. "nan" is not among them: it is a number, as numpy
# writes it. In a column of text only an empty cell has no value; NA may be a name or a label.
_MISSING = ["", "NA", "N/A", "#N/A", "null", "NULL", "None"]


def open_file(origin: Origin, reading: Reading) -> Table:
    """The header and, from the first block, the type of each column."""
    size = origin.size
    head = _first_block(origin, reading)
    dialect, notes = dialect_of(origin, reading, head)
    inferred = _schema(origin, head, dialect)
    seen = pa.schema([field.with_type(_looks_like(field.type)) for field in inferred])
    schema = pa.schema([(field.name, _read_as(field.type)) for field in inferred])
    threads = reading.threads or pa.cpu_count()
    file = TableFile(
        origin.name,
        size,
        schema,
        lambda wanted: read_from(
            origin, _batches(origin, size, dialect, wanted, threads), "not a readable table"
        ),
        inferred=seen,
        label_type=lambda field: pa.string(),  # 007 is not 7
        missing=_MISSING,
        unknown=frozenset(field.name for field in inferred if pa.types.is_null(field.type)),
        threads=threads,
        notes=notes,
        numbered=dialect.lines_before == 0,
    )
    return Table(file)


def _first_block(origin: Origin, reading: Reading) -> bytes:
    """The first bytes, a header and a row of them at least."""

    def whole(head: bytes) -> int:
        return whole_rows(head, delimiter_of(origin, reading, head).encode())

    head = first_block(origin, whole, 2, _MOST_LINE_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise DataError(f"{origin.name}: found no text in UTF-8; iconv -t UTF-8 converts UTF-16")
    return head


def _schema(origin: Origin, head: bytes, dialect: Dialect) -> pa.Schema:
    whole = last_chunk(head[: dialect.whole_rows(head)] or head, 1)
    options = csv.ConvertOptions(null_values=_MISSING)
    table = _parse(origin, dialect, options, whole)
    return pa.schema([_field(field, table.column(i)) for i, field in enumerate(table.schema)])


def _field(field: pa.Field, column: pa.ChunkedArray) -> pa.Field:
    """The field; one that begins with a number is of numbers, and a word further down a mistake,
    which must not leave the column out."""
    if not len(column) or not pa.types.is_string(field.type):
        return field
    cell = column[0].as_py()
    if cell and _DECIMAL_COMMA.fullmatch(cell):
        return field.with_metadata({DECIMAL_COMMA: ""})
    return field.with_type(pa.float64()) if cell and is_number(cell) else field


def _looks_like(inferred: pa.DataType) -> pa.DataType:
    """A column without values so far may be anything: last choice, as whole numbers are."""
    return pa.int64() if pa.types.is_null(inferred) else inferred


def _read_as(inferred: pa.DataType) -> pa.DataType:
    """Numbers as float64, whole as they may look in the first block; names as they are."""
    if pa.types.is_integer(inferred) or pa.types.is_null(inferred):
        return pa.float64()
    return inferred


def _batches(
    origin: Origin, size: int, dialect: Dialect, wanted: pa.Schema, threads: int
) -> Iterator[pa.RecordBatch]:
    """The rows in their order, parsed in chunks side by side.

    `open_csv` parses on one core. `read_csv` of a chunk on all of them makes each wait for the
    slowest, and all of them while the next chunk is read: a fifth longer, and of a mistake it does
    not know the row.
    """
    options = csv.ConvertOptions(
        null_values=_MISSING,
        column_types=wanted,
        include_columns=wanted.names,
    )
    parse = partial(_closed, origin, dialect, options)
    with closing(chunks(origin, size, dialect.whole_rows, _MOST_LINE_BYTES)) as found:
        for table in parsed((partial(parse, chunk) for chunk in found), threads):
            yield from table.to_batches()


def _closed(
    origin: Origin, dialect: Dialect, options: csv.ConvertOptions, chunk: Chunk
) -> pa.Table:
    """The rows of a chunk, none of which goes on beyond it; the last of a file might, for pyarrow
    does not ask for the end of its quotes."""
    table = _parse(origin, dialect, options, chunk)
    quote = opening_quote(chunk.text, chunk.size, dialect.delimiter.encode())
    if quote >= 0:
        line = chunk.line + chunk.text.count(b"\n", 0, quote)
        raise DataError(f"{origin.name}: line {line}: found a quote that nothing closes")
    return _without_empty_text(table)


def _without_empty_text(table: pa.Table) -> pa.Table:
    """The table with empty text as missing values."""
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

            column = table.column(number)
            text = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            table = table.set_column(number, field, text)
    return table


def _parse(origin: Origin, dialect: Dialect, options: csv.ConvertOptions, chunk: Chunk) -> pa.Table:
    """The rows of a chunk, on one thread alone."""
    before = dialect.lines_before if chunk.line == 1 else 0
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
        if row - before > 1:  # pyarrow looks at all rows' cells first, and then at column by column
            _parse(origin, dialect, options, _lines_before(line, chunk))
        raise DataError(f"{origin.name}: line {line}{problem}") from error


def _explain(error: Exception, dialect: Dialect) -> tuple[int | None, str]:
    """The row that pyarrow cannot take, as it counts, and why, in our words; anything else that it
    says as it is."""
    message = str(error)
    cell = re.match(
        r"In CSV column #(\d+): Row #(\d+): .* invalid value '(.*)'", message, re.DOTALL
    )
    if cell:
        name = dialect.names[int(cell[1])]
        return int(cell[2]), f", column {quoted(name)}: found {quoted(cell[3])}, expected a number"
    row = re.match(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if row:
        return int(row[1]), f": found {row[3]} cells, expected {row[2]} as in the first line"
    return None, refusal(error)


def _lines_before(line: int, chunk: Chunk) -> Chunk:
    lines = bytes(chunk.rows).splitlines(keepends=True)
    return chunk._replace(size=sum(map(len, lines[: line - chunk.line])))


def _line(number: int, dialect: Dialect, chunk: Chunk, before: int) -> int:
    """The line of the file on which a row of a chunk begins, counted from 1 after the lines before
    the rows. Blank lines are rows in a table of one column alone."""
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
