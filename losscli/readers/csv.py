"""CSV and its relatives, parsed by pyarrow block by block: with a header or without, any
delimiter, compressed or not."""

from __future__ import annotations

import codecs
import csv as text
import io
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from pathlib import PurePath
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from losscli.errors import DataError, quoted
from losscli.readers.lines import (
    NO_THREAD,
    Chunk,
    chunks,
    first_block,
    last_chunk,
    opening_quote,
    refusal,
    side_by_side,
    whole_rows,
)
from losscli.readers.table import Table

if TYPE_CHECKING:
    from losscli.readers import Reading
    from losscli.readers.origin import Origin

# A line has at most so many bytes: a hundred thousand numbers take two megabytes.
_MOST_LINE_BYTES = 1 << 25

# A cell may be as long as a line: Python's own limit is for all readers of this process.
text.field_size_limit(max(text.field_size_limit(), 2 * _MOST_LINE_BYTES))

# Cells without a value, in columns of numbers. "nan" is not among them: it is a number, as numpy
# writes it. In a column of text only an empty cell has no value; NA may be a name or a label.
_MISSING = ["", "NA", "N/A", "#N/A", "null", "NULL", "None"]

_DELIMITERS = ",\t;|"

# A row that is not blank; its quotes may hold line breaks.
_ROW = re.compile(rb'(?:"[^"]*"|[^"\r\n]+|")+')

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*|[+-]?(nan|inf)", re.IGNORECASE)
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")


@dataclass(frozen=True)
class _Dialect:
    """How the text is to be parsed: what the columns are called, and the lines before the rows."""

    delimiter: str
    names: tuple[str, ...]
    lines_before: int

    def whole_rows(self, text: bytes) -> int:
        return whole_rows(text, self.delimiter.encode())

    @property
    def is_blank_missing(self) -> bool:
        """Whether a blank line is a row, whose one value is missing."""
        return len(self.names) == 1


def open_file(origin: Origin, reading: Reading) -> Table:
    """The header and, from the first block, the type of each column."""
    size = origin.size
    head = _first_block(origin, reading)
    dialect, notes = _dialect(origin, reading, head)
    inferred = _schema(origin, head, dialect)
    seen = pa.schema([(field.name, _looks_like(field.type)) for field in inferred])
    schema = pa.schema([(field.name, _read_as(field.type)) for field in inferred])
    threads = reading.threads or pa.cpu_count()
    return Table(
        origin.name,
        size,
        schema,
        lambda wanted: _batches(origin, size, dialect, wanted, threads),
        seen=seen,
        as_labels=lambda field: pa.string(),  # 007 is not 7
        missing=_MISSING,
        unknown=frozenset(field.name for field in inferred if pa.types.is_null(field.type)),
        threads=threads,
        notes=notes,
        numbered=dialect.lines_before == 0,
    )


def _first_block(origin: Origin, reading: Reading) -> bytes:
    """The first bytes, a header and a row of them at least."""

    def whole(head: bytes) -> int:
        return whole_rows(head, _delimiter(origin, reading, head).encode())

    head = first_block(origin, whole, 2, _MOST_LINE_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise DataError(f"{origin.name}: found no text in UTF-8; iconv -t UTF-8 converts UTF-16")
    return head


def _dialect(origin: Origin, reading: Reading, head: bytes) -> tuple[_Dialect, tuple[str, ...]]:
    begun = head.decode("utf-8-sig", "surrogateescape")
    delimiter = _delimiter(origin, reading, head)
    rows = text.reader(io.StringIO(begun, newline=""), delimiter=delimiter)
    cells = next(row for row in rows if row)
    lines_before = rows.line_num
    header, notes = reading.header, tuple[str, ...]()
    if header is None:
        header, notes = _find_header(origin.name, cells, rows)
    if not header:
        return _Dialect(delimiter, tuple(map(str, range(len(cells)))), 0), notes
    try:
        "".join(cells).encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{origin.name}: found a name that is no UTF-8; iconv -t UTF-8 converts it"
        ) from error
    return _Dialect(delimiter, _names(cells), lines_before), notes


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns; one without a name is called as pandas calls it."""
    names, taken = list(cells), set(cells)
    for position, cell in enumerate(cells):
        if cell:
            continue
        name = f"Unnamed: {position}"
        further = (f"{name}.{number}" for number in count(1))
        names[position] = next(one for one in chain([name], further) if one not in taken)
        taken.add(names[position])
    return tuple(names)


def _delimiter(origin: Origin, reading: Reading, head: bytes) -> str:
    """What was given, else a tab for `.tsv`, else what the first row has most of; numpy.savetxt
    writes blanks."""
    if reading.delimiter:
        return reading.delimiter
    if ".tsv" in PurePath(origin.name).suffixes:
        return "\t"
    row = _ROW.search(head.removeprefix(codecs.BOM_UTF8))
    outside_quotes = re.sub(rb'"[^"]*"', b"", row[0] if row else b"").decode("latin-1")
    most = max(_DELIMITERS, key=outside_quotes.count)
    if most in outside_quotes:
        return most
    return " " if " " in outside_quotes.strip() else ","


def _find_header(
    name: str, cells: Sequence[str], rows: Iterator[list[str]]
) -> tuple[bool, tuple[str, ...]]:
    """Whether the first line, of these cells, has names, and the note that says so if it might not.

    pandas writes 0, 1, 2, ... above columns without names. Such a line is names if the rows below
    it are not whole numbers, and otherwise it may be a row of them.
    """
    if not all(_NUMBER.fullmatch(cell) for cell in cells):
        _require_no_fraction(name, cells)
        return True, ()
    if list(cells) != [str(k) for k in range(len(cells))]:
        return False, (f"{name}: the first line holds numbers, so it is taken as data",)
    line = ",".join(cells) if len(cells) < 6 else f"0,1,...,{cells[-1]}"
    found = (cell for row in rows for cell in row if _NUMBER.fullmatch(cell))
    fraction = next((cell for cell in found if not _WHOLE.fullmatch(cell)), None)
    if fraction is None:
        raise DataError(
            f"{name}: the first line, {line}, may be column names or values. Use --header or "
            "--no-header."
        )
    reason = f"the rows hold {quoted(fraction)}, which is not a whole number"
    return True, (
        f"{name}: took the first line, {line}, as column names, since {reason}. Use --no-header to "
        "read it as data.",
    )


def _require_no_fraction(name: str, cells: Sequence[str]) -> None:
    """Raise DataError where a first line of words has a number that no column is called by."""
    numbers = (cell for cell in cells if _NUMBER.fullmatch(cell))
    odd = next((cell for cell in numbers if not float(cell).is_integer()), None)
    if odd is not None:
        raise DataError(
            f"{name}: the first line has {quoted(odd)} and words, and may be column names or "
            "values. Use --header or --no-header."
        )


def _schema(origin: Origin, head: bytes, dialect: _Dialect) -> pa.Schema:
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
    return field.with_type(pa.float64()) if cell and _NUMBER.fullmatch(cell) else field


def _looks_like(inferred: pa.DataType) -> pa.DataType:
    """A column without values so far may be anything: last choice, as whole numbers are."""
    return pa.int64() if pa.types.is_null(inferred) else inferred


def _read_as(inferred: pa.DataType) -> pa.DataType:
    """Numbers as float64, whole as they may look in the first block; names as they are."""
    if pa.types.is_integer(inferred) or pa.types.is_null(inferred):
        return pa.float64()
    return inferred


def _batches(
    origin: Origin, size: int, dialect: _Dialect, wanted: pa.Schema, threads: int
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
        for table in side_by_side((partial(parse, chunk) for chunk in found), threads):
            yield from table.to_batches()


def _closed(
    origin: Origin, dialect: _Dialect, options: csv.ConvertOptions, chunk: Chunk
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


def _parse(
    origin: Origin, dialect: _Dialect, options: csv.ConvertOptions, chunk: Chunk
) -> pa.Table:
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
        return _off_main(origin, read)
    except pa.ArrowMemoryError:
        raise
    except pa.ArrowException as error:
        row, problem = _explain(error, dialect)
        if row is None:
            raise DataError(f"{origin.name}: {problem}") from error
        line = _line(row - before, dialect, chunk, before)
        if row - before > 1:  # pyarrow looks at all rows' cells first, and then at column by column
            _parse(origin, dialect, options, _lines_before(line, chunk))
        raise DataError(f"{origin.name}: line {line}{problem}") from error


def _off_main(origin: Origin, read: Callable[[], pa.Table]) -> pa.Table:
    """What is read on any thread but the main one. On that, pyarrow has another one look out for
    interrupts, and ends the process where there is none to be had."""
    if threading.current_thread() is not threading.main_thread():
        return read()
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - 5 ms at the start

    with ThreadPoolExecutor(1) as pool:
        try:
            table = pool.submit(read)
        except RuntimeError as error:
            raise DataError(f"{origin.name}: {NO_THREAD}") from error
        return table.result()


def _explain(error: Exception, dialect: _Dialect) -> tuple[int | None, str]:
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


def _line(number: int, dialect: _Dialect, chunk: Chunk, before: int) -> int:
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
