"""JSON lines: an object a row, parsed by pyarrow block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import json

from losscli.errors import DataError
from losscli.readers.columns import is_list
from losscli.readers.table import DAMAGE, Table

if TYPE_CHECKING:
    from losscli.readers import Reading
    from losscli.readers.origin import Origin

_BLOCK_BYTES = 1 << 20
_MOST_BLOCK_BYTES = 1 << 27


def open_file(origin: Origin, reading: Reading) -> Table:
    """The keys and, from the first block, the type of what stands behind each."""
    del reading  # there is nothing to choose
    head = _first_block(origin)
    if head.lstrip().startswith(b"["):
        raise DataError(
            f"{origin.name}: found one JSON array, expected an object a line; jq -c '.[]' makes it"
        )
    block_bytes = max(_BLOCK_BYTES, len(head))
    whole_lines = head[: head.rfind(b"\n") + 1] or head
    seen = _reader(origin, pa.BufferReader(whole_lines), block_bytes, None).schema
    schema = pa.schema([(field.name, _read_as(field.type)) for field in seen])
    return Table(
        origin.name,
        origin.size,
        schema,
        lambda wanted: _batches(origin, block_bytes, wanted),
        seen=seen,
    )


def _first_block(origin: Origin) -> bytes:
    """The first bytes, a line of them at least."""
    size = _BLOCK_BYTES
    head = origin.head(size)
    while b"\n" not in head and len(head) == size and size < _MOST_BLOCK_BYTES:
        size *= 2
        head = origin.head(size)
    if not head.strip():
        raise DataError(f"{origin.name}: the file is empty; expected a table")
    return head


def _read_as(seen: pa.DataType) -> pa.DataType:
    """Numbers as float64, in lists too, whole as they may look in the first block."""
    if is_list(seen):
        return pa.list_(_read_as(seen.value_type))
    if pa.types.is_integer(seen) or pa.types.is_null(seen):
        return pa.float64()
    return seen


def _batches(origin: Origin, block_bytes: int, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
    first_row = 0
    try:
        for batch in _reader(origin, origin.arrow_stream(), block_bytes, wanted):
            yield batch
            first_row += batch.num_rows
    except DAMAGE as error:
        raise _error(origin, error, f" after row {first_row}") from error


def _reader(origin: Origin, file: Any, block_bytes: int, schema: pa.Schema | None) -> Any:
    parsing = json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior="ignore" if schema else "infer"
    )
    reading = json.ReadOptions(block_size=block_bytes, use_threads=False)
    try:
        return json.open_json(file, read_options=reading, parse_options=parsing)
    except DAMAGE as error:
        raise _error(origin, error, "") from error


def _error(origin: Origin, error: Exception, where: str) -> DataError:
    return DataError(f"{origin.name}:{where} {str(error).partition(chr(10))[0]}")
