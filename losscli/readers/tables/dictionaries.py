"""Text that is there once, in a dictionary or behind views: how large it is where every row has its
own, and how to have it so in steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers import budget
from losscli.readers.tables.types import bare_type, is_list, is_text

_INDEX = pa.int32()


def portions(name: str, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows of a batch of a file in parts that are small enough to be cast, without views of
    text, for which Arrow lacks most of what is done with rows. Raises DataError for rows without
    end that take no bytes, and for a row that is too large."""
    if not batch.nbytes:
        budget.require(name, batch.num_rows, budget.MOST_EMPTY_ROWS, "rows without values")
    columns = [_views_once(name, column) for column in batch.columns]
    for part in _parts(name, pa.RecordBatch.from_arrays(columns, names=batch.schema.names)):
        texts = [_without_views(_trimmed(column)) for column in part.columns]
        yield pa.RecordBatch.from_arrays(texts, names=part.schema.names)


def _parts(name: str, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    size = sum(_expanded_bytes(column) for column in batch.columns)
    if size <= budget.MOST_CAST_BYTES:
        yield batch
        return
    if batch.num_rows == 1:
        budget.require(name, size, budget.MOST_HELD_BYTES, HELD)
        yield batch
        return
    middle = batch.num_rows // 2
    yield from _parts(name, batch.slice(0, middle))
    yield from _parts(name, batch.slice(middle))


def _expanded_bytes(column: pa.Array) -> int:
    """The bytes of text, also in lists, without dictionaries and views; nothing for all else."""
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    if is_list(stored.type):
        return _expanded_bytes(stored.flatten()) if len(stored) else 0
    if pa.types.is_string_view(stored.type):
        return int(_views(stored)[:, 0].sum(dtype=np.int64))
    if not (isinstance(stored, pa.DictionaryArray) and is_text(bare_type(stored.type))):
        return 0
    import pyarrow.compute as pc  # noqa: PLC0415 - 20 ms, which most tables do without

    lengths = pc.binary_length(stored.dictionary.cast(pa.large_string()))
    return int(pc.sum(lengths.take(stored.indices)).as_py() or 0)


def _views(column: pa.Array) -> NDArray[np.int32]:
    """The views of an array of text, each with its length first."""
    begin, stop = column.offset, column.offset + len(column)
    return np.frombuffer(column.buffers()[1], np.int32).reshape(-1, 4)[begin:stop]


def _views_once(name: str, column: pa.Array) -> pa.Array:
    """A column in whose views the same text stands many times as a dictionary; else as it is."""
    if not pa.types.is_string_view(column.type) or _expanded_bytes(column) <= column.nbytes:
        return column
    views, places = np.unique(_views(column), axis=0, return_inverse=True)
    size = int(views[:, 0].sum(dtype=np.int64))
    budget.require(name, size, budget.MOST_HELD_BYTES, "bytes of text in views that overlap")
    buffers = [None, pa.py_buffer(views), *column.buffers()[2:]]
    words = pa.Array.from_buffers(column.type, len(views), buffers).cast(pa.string())
    indices = pa.array(places.reshape(-1), _INDEX, mask=column.is_null().to_numpy(False))
    return pa.DictionaryArray.from_arrays(indices, words)


def _trimmed(column: pa.Array) -> pa.Array:
    """A part of a column of lists without the values of other parts, which Arrow would cast too."""
    is_plain = not is_list(column.type) or bare_type(column.type) == column.type
    return column if is_plain else pa.concat_arrays([column, column[:0]])


def _without_views(column: pa.Array) -> pa.Array:
    """A column with text in place of views of it, also in lists."""
    kind = column.type
    while is_list(kind):
        kind = kind.value_type
    return column.cast(bare_type(column.type)) if pa.types.is_string_view(kind) else column


def compact(column: pa.Array) -> pa.Array:
    """A bare column of labels as it is held: of text, what repeats is there once."""
    kind = compact_type(column.type)
    return column if kind == column.type else column.cast(kind)


def compact_type(kind: pa.DataType) -> pa.DataType:
    """The type of the same."""
    if is_list(kind):
        inner = compact_type(kind.value_type)
        return pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner)
    return pa.dictionary(_INDEX, kind) if is_text(kind) else kind


def text_bytes(table: pa.Table) -> int:
    """The bytes of all text in a table, of what several parts of it share once."""
    texts = [_text(chunk) for column in table.columns for chunk in column.chunks]
    sizes = {_identity(text): text.nbytes for text in texts if is_text(text.type)}
    return sum(sizes.values())


def _text(column: pa.Array) -> pa.Array:
    """What a column holds in its lists and dictionaries."""
    while is_list(column.type):
        column = column.values
    return column.dictionary if isinstance(column, pa.DictionaryArray) else column


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
