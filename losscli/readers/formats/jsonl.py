"""JSON lines: an object a row, parsed by pyarrow in chunks of whole lines."""

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
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import is_list

FORMATS = (Format("jsonl", ("ndjson", "json"), rb"\s*[{\[]"),)

# A line takes up to 20 times its bytes in memory.
_MOST_LINE_BYTES = 1 << 25

# What pyarrow calls the kinds of values.
_KINDS = {
    "null": "no value",
    "boolean": "true or false",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}


def open_file(origin: Origin, reading: Reading) -> Table:
    """The keys and, from the first block, the type of what stands behind each."""
    threads = reading.threads or pa.cpu_count()
    size = origin.size
    if origin.head().lstrip().startswith(b"["):
        raise DataError(
            f"{origin.name}: found one JSON array, expected an object a line; jq -c '.[]' makes it"
        )
    head = first_block(origin, whole_lines, 1, _MOST_LINE_BYTES)
    inferred = _parse(origin, None, last_chunk(head[: whole_lines(head)] or head, 1)).schema
    seen = pa.schema([(field.name, _looks_like(field.type)) for field in inferred])
    schema = pa.schema([(field.name, _read_as(field.type)) for field in seen])
    file = TableFile(
        origin.name,
        size,
        schema,
        lambda wanted: read_from(
            origin, _batches(origin, size, wanted, threads), "no readable JSON lines"
        ),
        inferred=seen,
        label_type=lambda field: _label_type(field.type),
        threads=threads,
    )
    return Table(file)


def _looks_like(inferred: pa.DataType) -> pa.DataType:
    """Text that pyarrow takes for a time is text: two that differ may be one time."""
    if is_list(inferred):
        return pa.list_(_looks_like(inferred.value_type))
    return pa.string() if pa.types.is_timestamp(inferred) else inferred


def _read_as(seen: pa.DataType) -> pa.DataType:
    """Numbers as float64, in lists too, whole as they may look in the first block."""
    if is_list(seen):
        return pa.list_(_read_as(seen.value_type))
    if pa.types.is_integer(seen) or pa.types.is_null(seen):
        return pa.float64()
    return seen


def _label_type(seen: pa.DataType) -> pa.DataType:
    """What has no value in the first block is text, as most labels are."""
    if is_list(seen):
        return pa.list_(_label_type(seen.value_type))
    return pa.string() if pa.types.is_null(seen) else seen


def _batches(
    origin: Origin, size: int, wanted: pa.Schema, threads: int
) -> Iterator[pa.RecordBatch]:
    """The rows in their order, parsed in chunks side by side."""
    parse = partial(_parse, origin, wanted)
    with closing(chunks(origin, size, whole_lines, _MOST_LINE_BYTES)) as found:
        for table in parsed((partial(parse, chunk) for chunk in found), threads):
            yield from table.to_batches()


def _parse(origin: Origin, schema: pa.Schema | None, chunk: Chunk) -> pa.Table:
    """The rows of a chunk, on this thread alone: all columns, or those of a schema."""
    _require_rows(origin, chunk)
    parsing = json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior="ignore" if schema else "infer"
    )
    reading = json.ReadOptions(block_size=chunk.size + 1, use_threads=False)
    try:
        with decoding(origin.name):
            return json.read_json(pa.BufferReader(chunk.rows), reading, parsing)
    except DAMAGE as error:
        raise DataError(f"{origin.name}: {_explain(error, chunk)}") from error


def _require_rows(origin: Origin, chunk: Chunk) -> None:
    """Raise DataError for rows that are no objects, are too deep or have too many keys."""
    lines = long_lines(chunk.text, chunk.size)
    if lines is None:
        found = [structure_of(bytes(chunk.rows).removeprefix(codecs.BOM_UTF8))]
    else:
        found = [structure_of_line(line) for line in lines if may_be_deep(line)]
    for depth, keys, odd_line in found:
        if odd_line is not None:
            line = chunk.line + odd_line
            raise DataError(f"{origin.name}: line {line}: found a row that is no object")
        budget.require(origin.name, depth, budget.MOST_DEPTH, "lists and objects in each other")
        budget.require(origin.name, keys, budget.MOST_COLUMNS, "keys in a row")


def _explain(error: Exception, chunk: Chunk) -> str:
    """What pyarrow says, with the line of the file instead of the row among those it was given."""
    message = refusal(error)
    row = re.fullmatch(r"(.*) in row (\d+)", message, re.DOTALL)
    lines = enumerate(bytes(chunk.rows).splitlines(), chunk.line)
    numbers = [number for number, line in lines if line.strip()]
    if not row or int(row[2]) >= len(numbers):
        return message
    return f"line {numbers[int(row[2])]}{_problem(row[1])}"


def _problem(said: str) -> str:
    """What pyarrow says of a row: in our words where a value is not of its column's kind."""
    kinds = re.fullmatch(
        r"JSON parse error: Column\(/(.*?)((?:/\[\])*)\) changed from (\w+) to (\w+)",
        said,
        re.DOTALL,
    )
    if not kinds:
        return f": {said}"
    column, within, expected, found = kinds.groups()
    place = " in a list" if within else ""
    return (
        f", column {quoted(column)}: found {_KINDS[found]}{place}, expected {_KINDS[expected]}; "
        "the first megabyte tells what columns hold"
    )
