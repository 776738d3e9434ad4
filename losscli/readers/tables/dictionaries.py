"""Text that is there once, in a dictionary: how large it is where every row has its own, and how to
have it so in steps."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from losscli.readers import budget
from losscli.readers.tables.types import bare_type, is_text

_INDEX = pa.int32()


def portions(name: str, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows of a batch of a file in parts that are small enough to be cast; of long rows one at
    least. Raises DataError for rows without end that take no bytes."""
    if not batch.nbytes:
        budget.require(name, batch.num_rows, budget.MOST_EMPTY_ROWS, "rows without values")
    yield from _parts(batch)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    size = sum(_expanded_bytes(column) for column in batch.columns)
    if size <= budget.MOST_CAST_BYTES or batch.num_rows == 1:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from _parts(batch.slice(0, middle))
    yield from _parts(batch.slice(middle))


def _expanded_bytes(column: pa.Array) -> int:
    """The bytes of text without its dictionary; nothing for what has none."""
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    if not (isinstance(stored, pa.DictionaryArray) and is_text(bare_type(stored.type))):
        return 0
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    lengths = pc.binary_length(stored.dictionary.cast(pa.large_string()))
    return int(pc.sum(lengths.take(stored.indices)).as_py() or 0)


def compact(column: pa.Array) -> pa.Array:
    """A bare column of labels as it is held: of text, what repeats is there once."""
    return column.dictionary_encode() if is_text(column.type) else column


def compact_type(kind: pa.DataType) -> pa.DataType:
    """The type of the same."""
    return pa.dictionary(_INDEX, kind) if is_text(kind) else kind


def text_bytes(table: pa.Table) -> int:
    """The bytes of all text in a table, of what several parts of it share once."""
    chunks = (chunk for column in table.columns for chunk in column.chunks)
    words = (one.dictionary if isinstance(one, pa.DictionaryArray) else one for one in chunks)
    sizes = {_identity(one): one.nbytes for one in words if is_text(one.type)}
    return sum(sizes.values())


def _identity(text: pa.Array) -> tuple[int, int, int]:
    """What tells a part of a text from others."""
    data = text.buffers()[2]
    return (data.address if data else 0), text.offset, len(text)


def laid_out(column: pa.Array, name: str) -> pa.Array:
    """A column of labels, every row with its own text. Raises DataError if that is too much."""
    if not pa.types.is_dictionary(column.type):
        return column
    budget.require(name, _expanded_bytes(column), budget.MOST_HELD_BYTES, HELD)
    return column.cast(column.type.value_type)


# What is counted, for a message.
HELD = "bytes of text in the rows of one block"
