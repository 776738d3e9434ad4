"""Measure the nesting of JSON Lines, and find text between rows.

Arrow's parser recurses for each level of nesting, and ends the process if a row is not an object.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from losscli.readers import budget

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)

# Bytes that do not affect the structure of a line without backslashes. Without these bytes, a line
# has about a tenth of its length.
_REST = bytes(set(range(256)) - set(b'[]{}:"'))

# Bytes that may follow a closing bracket; a line with any other byte is parsed.
_BEHIND = b",}]\r\n"

_LEVELS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_BLANKS = b" \t\r\n"

_OPEN, _CLOSE, _BREAK, _RETURN = b"{"[0], b"}"[0], b"\n"[0], b"\r"[0]

_LEVEL_OF = np.zeros(256, np.int8)
for _byte, _level in _LEVELS.items():
    _LEVEL_OF[_byte] = _level
_IS_BEHIND = np.isin(np.arange(256), np.frombuffer(_BEHIND, np.uint8))
_IS_BLANK = np.isin(np.arange(256), np.frombuffer(_BLANKS, np.uint8))


class Structure(NamedTuple):
    """The structure of rows of JSON.

    Args:
        depth: the deepest level of nesting
        keys: the most keys of a row
        odd_line: the first line, from 0, with text between rows; None if there is none
    """

    depth: int
    keys: int
    odd_line: int | None


def structure_of_line(line: bytes) -> Structure:
    """Return the structure of a row of JSON that is one line."""
    return structure_of(line if b"\\" in line else line.translate(None, _REST))


def structure_of(text: bytes) -> Structure:
    """Return the structure of rows of JSON."""
    bare = np.frombuffer(_STRING.sub(b'"', text), np.uint8)
    levels = _LEVEL_OF[bare]
    depth = np.cumsum(levels, dtype=np.int64)
    odd = (depth == 0) & (levels == 0) & ~_IS_BLANK[bare]
    lines_before_odd = np.count_nonzero(bare[: odd.argmax()] == _BREAK)
    ends_of_rows = np.flatnonzero((depth == 0) & (levels < 0))
    row_of_key = np.searchsorted(ends_of_rows, np.flatnonzero(bare == ord(":")))
    return Structure(
        int(depth.max(initial=0)),
        int(np.bincount(row_of_key).max(initial=0)),
        int(lines_before_odd) if odd.any() else None,
    )


def long_lines(text: bytes, size: int) -> list[bytes] | None:
    """Return the lines of the first `size` bytes that are long enough to be nested too deeply.

    None unless every line starts and ends like an object, so that each line can be checked alone.
    """
    rows = np.frombuffer(text, np.uint8, size)
    ends = np.flatnonzero(rows == _BREAK)
    starts = np.append(0, ends[:-1] + 1)
    last = np.where(rows[np.maximum(ends - 1, 0)] == _RETURN, ends - 2, ends - 1)
    is_blank = last < starts
    is_object = (rows[starts] == _OPEN) & (rows[np.maximum(last, 0)] == _CLOSE)
    closed = np.flatnonzero(rows == _CLOSE)
    if not ((is_blank | is_object).all() and _IS_BEHIND[rows[closed + 1]].all()):
        return None
    long = np.flatnonzero(ends - starts > 2 * budget.MOST_DEPTH)
    return [text[starts[n] : ends[n]] for n in long.tolist()]


def may_be_deep(line: bytes) -> bool:
    """Whether a line has so many brackets or colons that its structure has to be checked."""
    brackets = line.count(b"[") + line.count(b"{")
    return brackets > budget.MOST_DEPTH or line.count(b":") > budget.MOST_COLUMNS
