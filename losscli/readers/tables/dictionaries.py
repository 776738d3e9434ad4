"""Measure and expand text that is stored once for many rows, in dictionaries or string views."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers import budget
from losscli.readers.tables.types import bare_type, is_list, is_text

_INDEX = pa.int32()


def portions(name: str, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Split a batch of a file into batches that are small enough to cast.

    Converts string views, since most functions of Arrow do not support them. Raises DataError for
    too many rows without values, and for a row that is too large.
    """
    if not batch.nbytes:
        budget.require(name, batch.num_rows, budget.MOST_EMPTY_ROWS, "rows without values")
    columns = [_views_once(name, column) for column in batch.columns]
    for small in _halved(name, pa.RecordBatch.from_arrays(columns, names=batch.schema.names)):
        texts = [_without_views(_trimmed(column)) for column in small.columns]
        yield pa.RecordBatch.from_arrays(texts, names=small.schema.names)


def _halved(name: str, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    size = sum(_expanded_bytes(column) for column in batch.columns)
    if size <= budget.MOST_CAST_BYTES:
        yield batch
        return
    if batch.num_rows == 1:
        budget.require(name, size, budget.MOST_TEXT_BYTES, TEXT_UNIT)
        yield batch
        return
    middle = batch.num_rows // 2
    yield from _halved(name, batch.slice(0, middle))
    yield from _halved(name, batch.slice(middle))


def _expanded_bytes(column: pa.Array) -> int:
    """Return the bytes of text in dictionaries and string views, also in lists, after expansion; 0
    for other columns."""
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    if is_list(stored.type):
        return _expanded_bytes(stored.flatten()) if len(stored) else 0
    if pa.types.is_string_view(stored.type):
        return int(_views(stored)[:, 0].sum(dtype=np.int64))
    if not (isinstance(stored, pa.DictionaryArray) and is_text(bare_type(stored.type))):
        return 0
    import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

    lengths = pc.binary_length(stored.dictionary.cast(pa.large_string()))
    return int(pc.sum(lengths.take(stored.indices)).as_py() or 0)


def _views(column: pa.Array) -> NDArray[np.int32]:
    """Return the views of an array of text, (n, 4). The first number of a view is the length of its
    text in bytes."""
    begin, stop = column.offset, column.offset + len(column)
    # The buffer may be longer than the array, by any number of bytes.
    return np.frombuffer(column.buffers()[1], np.int32, 4 * stop).reshape(-1, 4)[begin:]


def _views_once(name: str, column: pa.Array) -> pa.Array:
    """Convert a column whose views repeat text to a dictionary; return other columns unchanged."""
    if not pa.types.is_string_view(column.type) or _expanded_bytes(column) <= column.nbytes:
        return column
    views, inverse = np.unique(_views(column), axis=0, return_inverse=True)
    size = int(views[:, 0].sum(dtype=np.int64))
    budget.require(name, size, budget.MOST_TEXT_BYTES, "bytes of text in views that overlap")
    buffers = [None, pa.py_buffer(views), *column.buffers()[2:]]
    words = pa.Array.from_buffers(column.type, len(views), buffers).cast(pa.string())
    indices = pa.array(inverse.reshape(-1), _INDEX, mask=column.is_null().to_numpy(False))
    return pa.DictionaryArray.from_arrays(indices, words)


def _trimmed(column: pa.Array) -> pa.Array:
    """Return a slice of a column of lists without the values of other slices, which Arrow would
    cast too."""
    is_plain = not is_list(column.type) or bare_type(column.type) == column.type
    return column if is_plain else pa.concat_arrays([column, column[:0]])


def _without_views(column: pa.Array) -> pa.Array:
    """Return a column with text in place of string views, also in lists."""
    kind = column.type
    while is_list(kind):
        kind = kind.value_type
    return column.cast(bare_type(column.type)) if pa.types.is_string_view(kind) else column


def compact(column: pa.Array) -> pa.Array:
    """Return a bare column of labels as it is stored in memory, with text as a dictionary."""
    kind = compact_type(column.type)
    return column if kind == column.type else column.cast(kind)


def compact_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of a column after `compact`."""
    if is_list(kind):
        inner = compact_type(kind.value_type)
        return pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner)
    return pa.dictionary(_INDEX, _short_text(kind)) if is_text(kind) else kind


def _short_text(kind: pa.DataType) -> pa.DataType:
    """Return a type of text with 32-bit offsets, which readers return for some batches whatever the
    type of the file is. The text of a block is far below 2 GiB."""
    if pa.types.is_large_string(kind):
        return pa.string()
    return pa.binary() if pa.types.is_large_binary(kind) else kind


def text_bytes(table: pa.Table) -> int:
    """Return the bytes of all text in a table. Text that several chunks share counts once."""
    texts = [_text(chunk) for column in table.columns for chunk in column.chunks]
    sizes = {_identity(text): text.nbytes for text in texts if is_text(text.type)}
    return sum(sizes.values())


def _text(column: pa.Array) -> pa.Array:
    """Return the innermost values of a column of lists or dictionaries."""
    while is_list(column.type):
        column = column.values
    return column.dictionary if isinstance(column, pa.DictionaryArray) else column


def _identity(text: pa.Array) -> tuple[int, int, int]:
    """Return a key that identifies a slice of text."""
    data = text.buffers()[2]
    return (data.address if data else 0), text.offset, len(text)


def laid_out(column: pa.Array, name: str) -> pa.Array:
    """Expand a column of labels, so that every row has its own text. Raises DataError if the text
    is too large."""
    if not pa.types.is_dictionary(column.type):
        return column
    budget.require(name, _expanded_bytes(column), budget.MOST_TEXT_BYTES, TEXT_UNIT)
    return column.cast(column.type.value_type)


# The unit of MOST_TEXT_BYTES in messages.
TEXT_UNIT = "bytes of text in the rows of one block"
