"""JSON Lines: one object per row, parsed by pyarrow in chunks of whole lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pyarrow as pa
from pyarrow import json

from losscli.errors import DataError, quoted
from losscli.readers import Reading, budget
from losscli.readers.files.lines import (
    Chunk,
    LineNumbers,
    Lines,
    chunks,
    first_block,
    last_chunk,
    parsed,
    refusal,
    whole_lines,
)
from losscli.readers.files.nesting import (
    long_lines,
    may_be_deep,
    structure_of,
    structure_of_line,
)
from losscli.readers.files.origin import Origin
from losscli.readers.formats.format import Format
from losscli.readers.memory import decoding
from losscli.readers.tables.damage import DAMAGE, read_from
from losscli.readers.tables.table import Table
from losscli.readers.tables.table_file import TableFile, from_row
from losscli.readers.tables.types import is_list

FORMATS = (Format("jsonl", ("ndjson", "json"), rb"\s*[{\[]"),)

# The maximum size of a line, in bytes. A line uses up to 20 times as many bytes in memory.
_MOST_LINE_BYTES = 1 << 25

# pyarrow's names for kinds of values, each with the words that messages use.
_KINDS = {
    "null": "no value",
    "boolean": "a boolean",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}


def open_file(origin: Origin, reading: Reading) -> Table:
    """Open a table. Infers the keys and the types of their values from the first block."""
    threads = reading.threads or pa.cpu_count()
    size = origin.size
    if origin.head().lstrip().startswith(b"["):
        raise DataError(
            f"{origin.name}: expected one JSON object per line, found an array. Convert it with "
            "jq -c '.[]'."
        )
    head = first_block(origin, whole_lines, 1, _MOST_LINE_BYTES)
    inferred = _parse(origin, None, last_chunk(head[: whole_lines(head)] or head, 1)).schema
    seen = pa.schema([(field.name, _looks_like(field.type)) for field in inferred])
    schema = pa.schema([(field.name, _read_as(field.type)) for field in seen])
    lines = LineNumbers()
    file = TableFile(
        origin.name,
        size,
        schema,
        lambda requested, first_row: read_from(
            origin,
            from_row(_batches(origin, size, requested, threads, lines), first_row),
            "not readable as JSON Lines",
        ),
        inferred=seen,
        label_type=lambda field: _label_type(field.type),
        threads=threads,
        line_of=lines.line_of,
    )
    return Table(file)


def _looks_like(inferred: pa.DataType) -> pa.DataType:
    """Return the apparent type. Text that pyarrow parses as a time stays text, since different
    texts may be the same time."""
    if is_list(inferred):
        return pa.list_(_looks_like(inferred.value_type))
    return pa.string() if pa.types.is_timestamp(inferred) else inferred


def _read_as(seen: pa.DataType) -> pa.DataType:
    """Return the type to read: float64 for numbers, also in lists, even if the first block has only
    integers."""
    if is_list(seen):
        return pa.list_(_read_as(seen.value_type))
    if pa.types.is_integer(seen) or pa.types.is_null(seen):
        return pa.float64()
    return seen


def _label_type(seen: pa.DataType) -> pa.DataType:
    """Return the type for labels. A column without values in the first block is read as text, since
    most labels are text."""
    if is_list(seen):
        return pa.list_(_label_type(seen.value_type))
    return pa.string() if pa.types.is_null(seen) else seen


def _batches(
    origin: Origin, size: int, requested: pa.Schema, threads: int, lines: LineNumbers
) -> Iterator[pa.RecordBatch]:
    """Yield the rows in order, parsed in parallel chunks."""

    def parse(chunk: Chunk) -> tuple[Lines, pa.Table]:
        return chunk.lines, _parse(origin, requested, chunk)

    with closing(chunks(origin, size, whole_lines, _MOST_LINE_BYTES)) as pieces:
        yield from parsed((partial(parse, chunk) for chunk in pieces), threads, lines)


def _parse(origin: Origin, schema: pa.Schema | None, chunk: Chunk) -> pa.Table:
    """Parse the rows of a chunk in this thread: the columns of a schema, or all columns if it is
    None."""
    _require_rows(origin, chunk)
    parsing = json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior="ignore" if schema else "infer"
    )
    reading = json.ReadOptions(block_size=chunk.size + 1, use_threads=False)
    try:
        with decoding(origin.name):
            return json.read_json(pa.BufferReader(chunk.rows), reading, parsing)
    except DAMAGE as error:
        raise DataError(f"{origin.name}{_explain(error, chunk)}") from error


def _require_rows(origin: Origin, chunk: Chunk) -> None:
    """Raise DataError for rows that are no objects, are nested too deeply or have too many keys."""
    lines = long_lines(chunk.text, chunk.size)
    if lines is None:
        structures = [structure_of(bytes(chunk.rows).removeprefix(codecs.BOM_UTF8))]
    else:
        structures = [structure_of_line(line) for line in lines if may_be_deep(line)]
    for depth, keys, odd_line in structures:
        if odd_line is not None:
            raise DataError(f"{origin.name}:{chunk.line + odd_line}: expected a JSON object")
        budget.require(origin.name, depth, budget.MOST_DEPTH, "levels of nested lists and objects")
        budget.require(origin.name, keys, budget.MOST_COLUMNS, "keys in a row")


def _explain(error: Exception, chunk: Chunk) -> str:
    """Return the end of an error message: the line of the file, if it is known, and the problem."""
    message = refusal(error)
    row = re.fullmatch(r"(.*) in row (\d+)", message, re.DOTALL)
    lines = enumerate(bytes(chunk.rows).splitlines(), chunk.line)
    numbers = [number for number, line in lines if line.strip()]
    if not row or int(row[2]) >= len(numbers):
        return f": {message}"
    return f":{numbers[int(row[2])]}: {_problem(row[1])}"


def _problem(message: str) -> str:
    """Return pyarrow's message about a row, reworded if a value does not fit its column."""
    kinds = re.fullmatch(
        r"JSON parse error: Column\(/(.*?)((?:/\[\])*)\) changed from (\w+) to (\w+)",
        message,
        re.DOTALL,
    )
    if not kinds:
        return message
    column, within, expected, actual = kinds.groups()
    place = " in a list" if within else ""
    return (
        f"column {quoted(column)}: expected {_KINDS[expected]} as in the first megabyte, found "
        f"{_KINDS[actual]}{place}"
    )
