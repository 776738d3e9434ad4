"""Find the columns that options give by name or glob."""

from __future__ import annotations

import difflib
import fnmatch
import glob
from collections.abc import Collection, Sequence

from losscli.binding.ambiguity import flag, option_of
from losscli.binding.given import Chosen, Given
from losscli.binding.names import is_key
from losscli.binding.pairs import How
from losscli.binding.stems import in_number_order
from losscli.errors import DataError, listed, quoted
from losscli.readers.fields import Offer


def named_columns(given: Given) -> Chosen:
    """Return the columns that options name. Options without globs are resolved first, because a
    glob skips columns that another array uses. Raises DataError for a column that does not exist.
    """
    patterns = {
        array: words
        for array, words in given.request.columns.items()
        if given.files_of(array) is not None
    }
    chosen = Chosen()
    for array in sorted(patterns, key=lambda array: _has_glob(given, array)):
        files = given.files_of(array)
        assert files is not None
        taken = {name for other in given.sharing(files) for name in chosen.columns.get(other, ())}
        taken |= {*given.request.keys, *given.request.label_columns}
        names = _resolved(given.offers[files], patterns[array], array, taken)
        how = How.GLOB if _has_glob(given, array) else How.LISTED
        chosen = chosen.with_columns(array, names, how)
    return chosen


def _resolved(
    offer: Offer, patterns: Sequence[str], array: str, taken: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the columns that names and globs match, in the order of the patterns.

    A pattern is split at commas unless a column has that name. A glob skips taken columns, and also
    keys if it matches other columns. Raises DataError if the matches of a glob are numbered and the
    file has them in another order.
    """
    columns: dict[str, None] = {}
    for pattern in _split(patterns, offer.names):
        columns |= dict.fromkeys(_matches(offer, pattern, array, taken))
    return tuple(columns)


def _split(patterns: Sequence[str], names: Collection[str]) -> list[str]:
    parts = []
    for pattern in patterns:
        parts += [pattern] if pattern in names else [part.strip() for part in pattern.split(",")]
    return parts


def _matches(offer: Offer, pattern: str, array: str, taken: Collection[str]) -> Sequence[str]:
    if pattern in offer.names:
        return [pattern]
    free = [name for name in offer.names if name not in taken]
    matches = [name for name in free if fnmatch.fnmatchcase(name, pattern)]
    matches = [name for name in matches if not is_key(name)] or matches
    if not matches:
        raise _no_column(offer, pattern, array)
    ordered = in_number_order(matches)
    if ordered != matches:
        raise DataError(
            f"{offer.file}: {option_of(array)} {quoted(pattern)} matches {listed(matches)}, whose "
            f"order in the file differs from the order of their numbers. Use "
            f"{flag(array, ordered)} or {flag(array, matches)}."
        )
    return matches


def _no_column(offer: Offer, pattern: str, array: str) -> DataError:
    close = difflib.get_close_matches(pattern, offer.names, 1, 0.6)
    suggestion = f" Did you mean {quoted(close[0])}?" if close else ""
    return DataError(
        f"{offer.file}: no column {quoted(pattern)} for {option_of(array)}; the columns are "
        f"{listed(offer.names)}.{suggestion}"
    )


def _has_glob(given: Given, array: str) -> bool:
    offer = given.offer_of(array)
    words = _split(given.request.columns[array], offer.names)
    return any(glob.has_magic(word) and word not in offer.names for word in words)
