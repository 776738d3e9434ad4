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

# Lists and records within each other.
MOST_DEPTH = 100

# Rows of an array that holds no values.
MOST_EMPTY_ROWS = 1 << 24

# Bytes of a record batch of Arrow's once it is expanded: a compressed one is whole or nothing.
MOST_BATCH_BYTES = 1 << 28

# Bytes of text that rows may have which are cast at once; more rows are cast in several steps.
MOST_CAST_BYTES = 1 << 26

# Bytes of text and lists in the rows of a table that are held for a block of elements.
MOST_HELD_BYTES = 1 << 28

# Bytes of a column of keys, all of which are held: from a pipe, and from a file of any size; of a
# large file so many times its own, which no file of real keys and predictions reaches.
MOST_KEY_BYTES_OF_PIPE, MOST_KEY_BYTES, MOST_KEY_EXPANSION = 1 << 28, 1 << 26, 16

# Values of a row that is not cut, such as the scores of all classes.
MOST_ROW_VALUES = 1 << 25


def require(name: str, found: int, most: int, what: str) -> None:
    """Raise DataError if a file has more of something than is read."""
    if found > most:
        raise DataError(f"{name}: found {found:,} {what}; at most {most:,} are read")


def most_key_bytes(file_bytes: int) -> int:
    """How large a column of keys may be, of a file of so many bytes or a pipe of 0."""
    if not file_bytes:
        return MOST_KEY_BYTES_OF_PIPE
    return max(MOST_KEY_BYTES, MOST_KEY_EXPANSION * file_bytes)


def require_names(name: str, found: Iterable[str]) -> None:
    """Raise DataError for too many columns, or for one whose name is too long."""
    names = list(found)
    require(name, len(names), MOST_COLUMNS, "columns")
    long = next((one for one in names if len(one) > MOST_NAME), None)
    if long is not None:
        require(name, len(long), MOST_NAME, f"characters in the name of the column {quoted(long)}")
