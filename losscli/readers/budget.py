"""How much a file may claim, expand to or nest. More is refused in one line that says so, before
memory is given for it."""

from __future__ import annotations

from collections.abc import Iterable

from losscli.errors import DataError, quoted

# Columns of a table, arrays of a file, keys of a JSON line. pyarrow takes about 6 kB for each
# column of text; vocabularies have up to 262,144 words, whose scores lists hold.
MOST_COLUMNS = 1 << 16

# Characters of a column's name.
MOST_NAME = 1 << 18

# Bytes of the first line of a table as text.
MOST_FIRST_LINE = 1 << 22

# Bytes of the header of a `.npy`: NumPy reads no longer one.
MOST_NPY_HEADER = 10_000

# Bytes of a header in JSON, which takes up to 25 times as many in memory.
MOST_JSON_HEADER = 1 << 24

# Bytes of what an Arrow message says before its body; a schema takes about 200 for each column.
MOST_MESSAGE_HEADER = 1 << 25

# Lists and records within each other.
MOST_DEPTH = 100

# Rows of an array that holds no values.
MOST_EMPTY_ROWS = 1 << 24

# Bytes of a record batch of Arrow's once it is expanded: a compressed one is whole or nothing.
MOST_BATCH_BYTES = 1 << 28

# Bytes that a process may take to decode rows of which no file says how large they are.
MOST_DECODED_BYTES = 3 << 28

# Bytes of text that rows may have which are cast at once; more rows are cast in several steps.
MOST_CAST_BYTES = 1 << 26

# Bytes of text and lists in the rows of a table that are held for a block of elements.
MOST_HELD_BYTES = 1 << 28

# What is held of all rows grows with the file. A small file that expands may hold so much of it: in
# bytes of keys, and in labels with their text, of which each takes up to a kilobyte in groups and
# clusters. A large one may hold more, but no more than real keys and labels are in a file.
MOST_KEY_BYTES, MOST_KEY_EXPANSION = 1 << 26, 16
MOST_LABELS, BYTES_OF_LABEL = 1 << 18, 16
MOST_LABEL_BYTES = 1 << 27

# How large a pipe is taken to be.
_PIPE_BYTES = 1 << 24

# Values of a row that is not cut, such as the scores of all classes.
MOST_ROW_VALUES = 1 << 25


def require(name: str, found: int, most: int, what: str) -> None:
    """Raise DataError if a file has more of something than is read."""
    if found > most:
        raise DataError(f"{name}: found {found:,} {what}; at most {most:,} are read")


def require_keys(name: str, found: int, file_bytes: int) -> None:
    """Raise DataError for a column of keys that takes too much memory."""
    most = max(MOST_KEY_BYTES, MOST_KEY_EXPANSION * (file_bytes or _PIPE_BYTES))
    require(name, found, most, "bytes of keys in a file of its size")


def require_labels(name: str, count: int, text_bytes: int, file_bytes: int) -> None:
    """Raise DataError for labels that take too much memory."""
    most = max(MOST_LABELS, (file_bytes or _PIPE_BYTES) // BYTES_OF_LABEL)
    require(name, count, most, "labels in a file of its size")
    require(name, text_bytes, max(MOST_LABEL_BYTES, file_bytes), "bytes of labels")


def require_names(name: str, found: Iterable[str]) -> None:
    """Raise DataError for too many columns, or for one whose name is too long."""
    names = list(found)
    require(name, len(names), MOST_COLUMNS, "columns")
    long = next((one for one in names if len(one) > MOST_NAME), None)
    if long is not None:
        require(name, len(long), MOST_NAME, f"characters in the name of the column {quoted(long)}")
