"""CSV and its relatives, parsed by pyarrow block by block: with a header or without, any
delimiter, compressed or not."""

from __future__ import annotations

import csv as text
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from losscli.errors import DataError
from losscli.readers.table import Table
from losscli.threads import in_order

if TYPE_CHECKING:
    from losscli.readers import Reading
    from losscli.readers.origin import Origin

# The first block tells the types of the columns. It holds two lines, of at most so many bytes:
# a hundred thousand numbers take two megabytes.
_BLOCK_BYTES = 1 << 20
_MOST_BLOCK_BYTES = 1 << 26

# What one core parses at a time, while others parse what follows.
_CHUNK_BYTES = 1 << 22

# Cells that hold no value. "nan" is not among them: it is a number, as numpy writes it.
_MISSING = ["", "NA", "N/A", "#N/A", "null", "NULL", "None"]

_DELIMITERS = ",\t;|"

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|[+-]?(nan|inf)", re.IGNORECASE)


@dataclass(frozen=True)
class _Dialect:
    """How the text is to be parsed. `names` are given to the columns where no header does."""

    delimiter: str
    names: tuple[str, ...] | None
    block_bytes: int


def open_file(origin: Origin, reading: Reading) -> Table:
    """The header and, from the first block, the type of each column."""
    head = _first_block(origin)
    dialect, notes = _dialect(origin, reading, head)
    options = csv.ConvertOptions(null_values=_MISSING, strings_can_be_null=True)
    whole_lines = head[: head.rfind(b"\n") + 1] or head
    inferred = _schema(origin, whole_lines, dialect, options)
    seen = pa.schema([(field.name, _looks_like(field.type)) for field in inferred])
    schema = pa.schema([(field.name, _read_as(field.type)) for field in inferred])
    return Table(
        origin.name,
        origin.size,
        schema,
        lambda wanted: _batches(origin, dialect, schema.names, wanted),
        seen=seen,
        as_labels=lambda field: pa.string(),  # 007 is not 7
        notes=notes,
    )


def _first_block(origin: Origin) -> bytes:
    """The first bytes, two lines of them at least."""
    size = _BLOCK_BYTES
    head = origin.head(size)
    while head.count(b"\n") < 2 and len(head) == size and size < _MOST_BLOCK_BYTES:
        size *= 2
        head = origin.head(size)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise DataError(f"{origin.name}: found no text in UTF-8; iconv -t UTF-8 converts UTF-16")
    if not head.strip():
        raise DataError(f"{origin.name}: the file is empty; expected a table")
    if len(head) >= _MOST_BLOCK_BYTES:
        raise _too_long(origin)
    try:
        head.partition(b"\n")[0].decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{origin.name}: found a name that is no UTF-8; iconv -t UTF-8 converts it"
        ) from error
    return head


def _too_long(origin: Origin) -> DataError:
    return DataError(
        f"{origin.name}: found a line of more than {_MOST_BLOCK_BYTES >> 21} MiB; expected a table"
    )


def _dialect(origin: Origin, reading: Reading, head: bytes) -> tuple[_Dialect, tuple[str, ...]]:
    lines = re.split(r"\r\n|\n|\r", head.decode("utf-8-sig", "replace"))
    line = next(line for line in lines if line.strip(" \t") or line == lines[-1])
    delimiter = reading.delimiter or _delimiter(origin.name, line)
    cells = next(text.reader([line], delimiter=delimiter))
    header, notes = reading.header, tuple[str, ...]()
    if header is None:
        header = _is_header(origin.name, cells)
        if not header:
            notes = (f"{origin.name}: the first line holds numbers, so it is taken as data",)
    names = None if header else tuple(map(str, range(len(cells))))
    block_bytes = max(_BLOCK_BYTES, len(head))
    return _Dialect(delimiter, names, block_bytes), notes


def _delimiter(name: str, line: str) -> str:
    """A tab for `.tsv`, else what there is most of; numpy.savetxt writes blanks."""
    if ".tsv" in PurePath(name).suffixes:
        return "\t"
    outside_quotes = re.sub(r'"[^"]*"', "", line)
    most = max(_DELIMITERS, key=outside_quotes.count)
    if most in outside_quotes:
        return most
    return " " if " " in outside_quotes.strip() else ","


def _is_header(name: str, cells: Sequence[str]) -> bool:
    """Whether a first line is names. pandas calls columns without a name 0, 1, 2, ..."""
    if not all(_NUMBER.fullmatch(cell) for cell in cells):
        return True
    if cells == ["0"]:
        raise DataError(
            f"{name}: the first line is 0, which may be a name or a value; --header or --no-header "
            "says which"
        )
    return cells == [str(k) for k in range(len(cells))]


def _schema(
    origin: Origin, lines: bytes, dialect: _Dialect, options: csv.ConvertOptions
) -> pa.Schema:
    reading = csv.ReadOptions(
        block_size=dialect.block_bytes, use_threads=False, column_names=dialect.names
    )
    parsing = csv.ParseOptions(delimiter=dialect.delimiter)
    try:
        reader = csv.open_csv(pa.BufferReader(lines), reading, parsing, options)
        first = next(iter(reader), None)
        return pa.schema([_field(field, first, i) for i, field in enumerate(reader.schema)])
    except UnicodeDecodeError as error:
        raise DataError(
            f"{origin.name}: found a name that is no UTF-8; iconv converts it"
        ) from error
    except pa.ArrowInvalid as error:
        raise DataError(f"{origin.name}: {_explain(str(error), [])}") from error


def _field(field: pa.Field, first: pa.RecordBatch | None, index: int) -> pa.Field:
    """The field; one that begins with a number is of numbers, and a word further down a mistake,
    which must not leave the column out."""
    if first is None or not first.num_rows or not pa.types.is_string(field.type):
        return field
    cell = first.column(index)[0].as_py()
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
    origin: Origin, dialect: _Dialect, names: Sequence[str], wanted: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The rows in their order, parsed in chunks of whole lines side by side.

    `open_csv` parses on one core. `read_csv` of a chunk on all of them makes each wait for the
    slowest, and all of them while the next chunk is read: a fifth longer, and of a mistake it does
    not know the row.
    """
    options = csv.ConvertOptions(
        null_values=_MISSING,
        strings_can_be_null=True,
        column_types=wanted,
        include_columns=wanted.names,
    )
    parse = partial(_parse, dialect, list(names), options)
    header = 0 if dialect.names else 1
    skips = itertools.chain([header], itertools.repeat(0))
    steps = (partial(parse, *one) for one in zip(_chunks(origin), skips, strict=False))
    line = 0
    try:
        for table in in_order(steps, pa.cpu_count()):
            yield from table.to_batches()
            line += table.num_rows + (0 if line else header)
    except pa.ArrowInvalid as error:
        raise DataError(f"{origin.name}: {_explain(str(error), names, line)}") from error


def _chunks(origin: Origin) -> Iterator[bytes]:
    """The text in runs of whole lines. As pyarrow itself does, a line break is taken for the end
    of a row wherever it stands."""
    parts: list[bytes] = []
    try:
        with origin.stream() as file:
            while part := file.read(_CHUNK_BYTES):
                end = part.rfind(b"\n") + 1
                if len(parts) * _CHUNK_BYTES > _MOST_BLOCK_BYTES:
                    raise _too_long(origin)
                if end:
                    yield b"".join((*parts, memoryview(part)[:end]))
                    parts = []
                parts.append(part[end:])
    except OSError as error:
        raise DataError(f"{origin.name}: {error}") from error
    if rest := b"".join(parts):
        yield rest


def _parse(
    dialect: _Dialect, names: list[str], options: csv.ConvertOptions, chunk: bytes, skipped: int
) -> pa.Table:
    """The rows of a chunk after so many lines, on this thread alone."""
    reading = csv.ReadOptions(
        use_threads=False, block_size=len(chunk) + 1, column_names=names, skip_rows=skipped
    )
    parsing = csv.ParseOptions(delimiter=dialect.delimiter)
    return csv.read_csv(pa.BufferReader(chunk), reading, parsing, options)


def _explain(message: str, names: Sequence[str], before: int = 0) -> str:
    """What pyarrow says of a cell or row it cannot take, in our words; anything else as it is."""
    cell = re.match(r"In CSV column #(\d+): Row #(\d+): .* invalid value '(.*)'", message)
    if cell:
        column, line, found = int(cell[1]), int(cell[2]) + before, cell[3]
        name = repr(names[column]) if column < len(names) else f"number {column + 1}"
        return f"line {line}, column {name}: found {found!r}, expected a number"
    row = re.match(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if row:
        line = int(row[1]) + before
        return f"line {line}: found {row[3]} cells, expected {row[2]} as in the first line"
    return message.partition("\n")[0]
