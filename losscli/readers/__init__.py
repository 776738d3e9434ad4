"""Read files as named arrays, block by block.

`formats` has a module for each format, `tables` and `arrays` contain the building blocks of
formats, and `files` reads bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

# The ways to join rows of tables by a key, and to pair rows without a key.
JOINS, PAIRS = ("inner",), ("position",)


@dataclass(frozen=True)
class Reading:
    """Settings for reading files. None means that a setting is detected.

    Args:
        format: the name of the format
        header: whether CSV files have a header
        delimiter: the delimiter of CSV files
        anonymous: whether objects of stores are read without credentials
        as_listed: whether several files are read in the order given, not in that of their names
        labels: the only files that labels may come from; None if they may come from any file
        threads: the number of threads that read, decompress and parse; None means one per core
    """

    format: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    anonymous: bool = False
    as_listed: bool = False
    labels: tuple[str, ...] | None = None
    threads: int | None = None


AS_THEY_ARE = Reading()
