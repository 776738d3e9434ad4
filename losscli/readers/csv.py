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
    schema = _reader(path, csv.ConvertOptions(null_values=_MISSING)).schema
    whole_numbers = frozenset(field.name for field in schema if pa.types.is_integer(field.type))
    return Table(
        path,
        pa.schema([(field.name, _read_as(field.type)) for field in schema]),
        lambda columns: _batches(path, schema, columns),
        whole_numbers=whole_numbers,
    )


def _read_as(inferred: pa.DataType) -> pa.DataType:
    """Numbers as float64: the first block may hold whole numbers alone, or none at all."""
    if pa.types.is_integer(inferred) or pa.types.is_null(inferred):
        return pa.float64()
    return inferred


def _batches(path: Path, schema: pa.Schema, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    types = {name: _read_as(schema.field(name).type) for name in columns}
    options = csv.ConvertOptions(
        null_values=_MISSING, column_types=types, include_columns=list(columns)
    )
    reader = _reader(path, options)
    try:
        yield from reader
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: {_explain(str(error), schema.names)}") from error


def _reader(path: Path, options: csv.ConvertOptions) -> csv.CSVStreamingReader:
    # On one thread pyarrow knows the row of a mistake, and says it.
    reading = csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False)
    try:
        return csv.open_csv(path, read_options=reading, convert_options=options)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: {_explain(str(error), [])}") from error


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
