"""Limits on the sizes that a file may declare, contain or expand to.

A file that exceeds a limit raises DataError before memory is allocated for the excess.
"""

from __future__ import annotations

from collections.abc import Iterable

from losscli.errors import DataError, quoted

# The maximum number of columns of a table, arrays of a file, or keys of a JSON line. pyarrow uses
# about 6 kB per column of text. The scores of vocabularies, of up to 262,144 words, are stored in
# lists instead.
MOST_COLUMNS = 1 << 16

# The maximum length of a column's name, in characters.
MOST_NAME = 1 << 18

# The maximum size of the first line of a text table, in bytes.
MOST_FIRST_LINE = 1 << 22

# The maximum size of the header of a `.npy` file, in bytes. NumPy has the same limit.
MOST_NPY_HEADER = 10_000

# The maximum size of a JSON header, in bytes. It uses up to 25 times as many bytes in memory.
MOST_JSON_HEADER = 1 << 24

# The maximum size of the metadata of an Arrow message, in bytes. A schema takes about 200 bytes per
# column.
MOST_MESSAGE_HEADER = 1 << 25

# The maximum depth of nested lists and records.
MOST_DEPTH = 100

# The maximum number of rows of an array without values, such as the shape (N, 0).
MOST_EMPTY_ROWS = 1 << 24

# The maximum size of a decompressed Arrow record batch, in bytes. A batch can only be decompressed
# as a whole.
MOST_BATCH_BYTES = 1 << 28

# The maximum number of bytes that a process may allocate to decode rows of unknown size.
MOST_DECODED_BYTES = 3 << 28

# The maximum number of bytes of text that are cast at once. Larger batches are cast in steps.
MOST_CAST_BYTES = 1 << 26

# The maximum number of bytes of text in the rows that are loaded for a block of elements.
MOST_TEXT_BYTES = 1 << 28

# Limits on keys and labels, which stay in memory for all rows. Each limit is the larger of a fixed
# number, for small files that expand, and a number that grows with the size of the file. A label
# uses up to a kilobyte in groups and clusters.
MOST_KEY_BYTES, MOST_KEY_EXPANSION = 1 << 26, 16
MOST_LABELS, BYTES_OF_LABEL = 1 << 18, 16
MOST_LABEL_BYTES = 1 << 27

# The assumed size of a pipe.
_PIPE_BYTES = 1 << 24

# The maximum number of values of a row that cannot be split, such as the scores of all classes.
MOST_ROW_VALUES = 1 << 25


def require(name: str, count: int, most: int, unit: str) -> None:
    """Raise DataError if `count` exceeds `most`. `unit` is the noun for what is counted."""
    if count > most:
        raise DataError(f"{name}: found {count:,} {unit}; the limit is {most:,}")


def require_keys(name: str, size: int, file_bytes: int) -> None:
    """Raise DataError for a column of keys that uses too much memory."""
    most = max(MOST_KEY_BYTES, MOST_KEY_EXPANSION * (file_bytes or _PIPE_BYTES))
    require(name, size, most, "bytes of keys in a file of this size")


def require_labels(name: str, count: int, text_bytes: int, file_bytes: int) -> None:
    """Raise DataError for labels that use too much memory."""
    most = max(MOST_LABELS, (file_bytes or _PIPE_BYTES) // BYTES_OF_LABEL)
    require(name, count, most, "labels in a file of this size")
    require(name, text_bytes, max(MOST_LABEL_BYTES, file_bytes), "bytes of labels")


def require_names(name: str, columns: Iterable[str]) -> None:
    """Raise DataError for too many columns, or for a column whose name is too long."""
    names = list(columns)
    require(name, len(names), MOST_COLUMNS, "columns")
    long = next((column for column in names if len(column) > MOST_NAME), None)
    if long is not None:
        require(name, len(long), MOST_NAME, f"characters in the name of column {quoted(long)}")
