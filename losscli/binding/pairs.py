"""Pair the columns of two arrays that both have several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from losscli.binding.ambiguity import flag
from losscli.binding.classes import class_numbers
from losscli.errors import DataError, listed

_SEPARATORS = "_.- "

# The number of common prefixes, and of common suffixes, to try. The longest are tried.
_MOST_CUTS = 4


class How(Enum):
    """How the columns of an array were chosen."""

    LISTED = "listed"
    GLOB = "glob"
    FOUND = "found"


class Side(NamedTuple):
    """The columns of one array. `numbered`: the file has no header, so names are positions."""

    array: str
    file: str
    columns: tuple[str, ...]
    how: How
    numbered: bool = False


def paired(first: Side, second: Side) -> tuple[str, ...]:
    """Return the columns of the second side in the order of the first side.

    Columns are paired by position if both sides were listed, if a side has no header, or if the
    names of one side are only numbers. Otherwise they are paired by name, with or without a prefix
    or suffix that all names of a side share. Raises DataError if the names differ.
    """
    if len(first.columns) == len(second.columns):
        if len(first.columns) == 1 or first.how is second.how is How.LISTED:
            return second.columns
        if first.numbered or second.numbered:
            return second.columns
    names, others = _common_names(first.columns, second.columns)
    if set(names) == set(others):
        column_of = dict(zip(others, second.columns, strict=True))
        return tuple(column_of[name] for name in names)
    if len(names) == len(others) and _by_position(first, second):
        return second.columns
    raise _differ(first, second, names, others)


def have_same_names(columns: Sequence[str], others: Sequence[str]) -> bool:
    """Whether the columns of both sides have the same names and are not just numbered."""
    if not columns or len(columns) != len(others) or class_numbers(columns) is not None:
        return False
    names, other_names = _common_names(columns, others)
    return set(names) == set(other_names)


def _by_position(first: Side, second: Side) -> bool:
    """Whether to pair by position: if only one side has numbers as names, or if both sides count
    from 0 or 1."""
    numbers = class_numbers(first.columns), class_numbers(second.columns)
    if numbers[0] is None or numbers[1] is None:
        return numbers != (None, None)
    return all(
        side in ([*range(len(side))], [*range(1, len(side) + 1)]) for side in numbers if side
    )


def _common_names(
    columns: Sequence[str], others: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of both sides, without common prefixes and suffixes if the rest matches."""
    pairs = [(a, b) for a in _variants(columns) for b in _variants(others)]
    numbers = class_numbers(columns), class_numbers(others)
    if numbers[0] is not None and numbers[1] is not None:
        pairs.append((tuple(map(str, numbers[0])), tuple(map(str, numbers[1]))))
    for test in (_same, _within):
        for names, other_names in pairs:
            if test(set(names), set(other_names)):
                return names, other_names
    return pairs[0]


def _same(names: set[str], others: set[str]) -> bool:
    return names == others


def _within(names: set[str], others: set[str]) -> bool:
    return names < others or others < names


def _variants(columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the names as they are, and without a common prefix or suffix."""
    prefixes = [0, *_cuts(columns)] if len(columns) > 1 else [0]
    suffixes = [0, *_cuts([name[::-1] for name in columns])] if len(columns) > 1 else [0]
    for start in prefixes:
        for end in suffixes:
            names = tuple(name[start : len(name) - end] for name in columns)
            if all(names):
                yield names


def _cuts(columns: Sequence[str]) -> list[int]:
    """Return the lengths of common prefixes that end with a separator, except within a number such
    as 0.5."""
    shortest = min(columns, key=len)
    common = next(
        (k for k, mark in enumerate(shortest) if any(name[k] != mark for name in columns)),
        len(shortest),
    )
    ends = [k + 1 for k in range(common) if shortest[k] in _SEPARATORS]
    whole = [end for end in ends if not any(_within_number(name, end) for name in columns)]
    return whole[-_MOST_CUTS:]


def _within_number(name: str, end: int) -> bool:
    around = name[end - 2 : end + 1] if end >= 2 else ""
    return re.fullmatch(r"\d\.\d", around) is not None


def _differ(first: Side, second: Side, names: Sequence[str], others: Sequence[str]) -> DataError:
    """Return the error for names that differ. If one side only has extra columns, the error
    suggests the columns that match."""
    longer, shorter = (second, first) if len(others) > len(names) else (first, second)
    of_longer, of_shorter = (others, names) if longer is second else (names, others)
    problem = (
        f"{longer.file}: the {longer.array} has the columns {listed(longer.columns)} and the "
        f"{shorter.array} has the columns {listed(shorter.columns)}"
    )
    if set(of_shorter) < set(of_longer):
        column_of = dict(zip(of_longer, longer.columns, strict=True))
        matching = [column_of[name] for name in of_shorter]
        return DataError(
            f"{problem}. Use {flag(longer.array, matching)} to use the columns that match."
        )
    return DataError(
        f"{problem}, and the names differ. List the columns of both in the same order: "
        f"{flag(shorter.array, shorter.columns)} and {flag(longer.array, longer.columns)}."
    )
