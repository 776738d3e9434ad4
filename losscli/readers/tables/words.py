"""Parse columns of text as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from losscli.errors import DataError, quoted
from losscli.readers.tables.types import is_text, plain, plain_type

# Regular expressions for the text of a number and of a boolean.
_NUMBER = r"^\s*[+-]?(?i:(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)\s*$"
_BOOLEAN = r"^\s*(?i:true|false|0|1)\s*$"


def as_numbers(
    column: pa.Array,
    kind: pa.DataType,
    missing: Sequence[str],
    place: Callable[[int], str],
) -> pa.Array:
    """Convert a column to the type of an array's numbers.

    In text, the words in `missing` are missing values. `place` returns the file and the line or row
    of a cell, as text for messages. Raises DataError for a word that is not a number.
    """
    if is_text(plain_type(column.type)) and not is_text(kind):
        return _parsed(column, kind, missing, place)
    column = plain(column)
    return column if column.type == kind else column.cast(kind, safe=False)


def _parsed(
    column: pa.Array,
    kind: pa.DataType,
    missing: Sequence[str],
    place: Callable[[int], str],
) -> pa.Array:
    """Parse text as numbers or booleans. Each word of a dictionary is parsed once."""
    import pyarrow.compute as pc  # noqa: PLC0415 - takes 20 ms, seldom needed

    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    is_dictionary = isinstance(stored, pa.DictionaryArray)
    words = plain(stored.dictionary if is_dictionary else stored)
    no_word = pa.scalar(None, words.type)
    if missing:
        words = pc.if_else(pc.is_in(words, pa.array(missing, words.type)), no_word, words)
    is_number = pa.types.is_floating(kind)
    pattern, expected = (_NUMBER, "a number") if is_number else (_BOOLEAN, "true or false")
    is_odd = pc.fill_null(pc.invert(pc.match_substring_regex(words, pattern)), False)
    odd = (is_odd.take(stored.indices) if is_dictionary else is_odd).index(True).as_py()
    if odd >= 0:
        word = quoted(plain(column[odd : odd + 1])[0].as_py())
        raise DataError(f"{place(odd)}: expected {expected}, found {word}")
    if is_dictionary:  # the dictionary may contain words that no row uses
        words = pc.if_else(is_odd, no_word, words)
    values = pc.ascii_trim_whitespace(words).cast(kind)
    return values.take(stored.indices) if is_dictionary else values


def numbers_if_all_are(words: pa.Array, missing: Sequence[str]) -> pa.Array:
    """Return the words that are not missing values as numbers. Returns all words unchanged if one
    of them is not a number, or if all are missing values."""
    known = [word for word in words.to_pylist() if word and word not in missing]
    try:
        return pa.array([float(word) for word in known]) if known else words
    except ValueError:
        return words
