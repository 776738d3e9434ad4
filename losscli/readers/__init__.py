"""Files as named arrays in blocks.

`formats` has a file for each format, `tables` and `arrays` what formats consist of, and `files`
where bytes come from.
"""

from __future__ import annotations

from dataclasses import dataclass

# How rows of tables with a key may be joined, and how rows may be paired without one.
JOINS, PAIRS = ("inner",), ("position",)


@dataclass(frozen=True)
class Reading:
    """How files are read, where the files do not say it.

    `threads` is how many may read, decompress and parse at the same time; None is one for each
    core.
    """

    format: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    threads: int | None = None


AS_THEY_ARE = Reading()
