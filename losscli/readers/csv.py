"""CSV with a header row, parsed by pyarrow block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from losscli.errors import DataError
from losscli.readers.table import Table

_BLOCK_BYTES = 1 << 20

# Cells that hold no value. "nan" is not among them: it is a number, as numpy writes it.
_MISSING = ["", "NA", "N/A", "#N/A", "null", "NULL", "None"]


def open_file(path: Path) -> Table:
    """The header and, from the first block, the type of each column."""
    inferred = _reader(path, csv.ConvertOptions(null_values=_MISSING), []).schema
    seen = pa.schema([(field.name, _looks_like(field.type)) for field in inferred])
    schema = pa.schema([(field.name, _read_as(field.type)) for field in inferred])
    return Table(path, schema, lambda columns: _batches(path, schema, columns), seen=seen)


def _looks_like(inferred: pa.DataType) -> pa.DataType:
    """A column without values so far may be anything: last choice, as whole numbers are."""
    return pa.int64() if pa.types.is_null(inferred) else inferred


def _read_as(inferred: pa.DataType) -> pa.DataType:
    """Everything but booleans as float64, whatever the first block looks like.

    It may hold whole numbers alone, no values at all, or a stray word, which parsing will place.
    """
    return inferred if pa.types.is_boolean(inferred) else pa.float64()


def _batches(path: Path, schema: pa.Schema, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    types = {name: schema.field(name).type for name in columns}
    options = csv.ConvertOptions(
        null_values=_MISSING, column_types=types, include_columns=list(columns)
    )
    reader = _reader(path, options, schema.names)
    try:
        yield from reader
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: {_explain(str(error), schema.names)}") from error


def _reader(
    path: Path, options: csv.ConvertOptions, names: Sequence[str]
) -> csv.CSVStreamingReader:
    # On one thread pyarrow knows the row of a mistake, and says it.
    reading = csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False)
    try:
        return csv.open_csv(path, read_options=reading, convert_options=options)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: {_explain(str(error), names)}") from error


def _explain(message: str, names: Sequence[str]) -> str:
    """What pyarrow says of a cell or row it cannot take, in our words; anything else as it is."""
    cell = re.match(r"In CSV column #(\d+): Row #(\d+): .* invalid value '(.*)'", message)
    if cell:
        column, line, found = int(cell[1]), cell[2], cell[3]
        name = repr(names[column]) if column < len(names) else f"number {column + 1}"
        return f"line {line}, column {name}: found {found!r}, expected a number"
    row = re.match(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if row:
        return f"line {row[1]}: found {row[3]} cells, expected {row[2]} as in the header"
    return message.partition("\n")[0]
