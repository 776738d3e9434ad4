"""Match columns with classes by name, by number, or by order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from losscli.binding.stems import numbered

# Pairs of words for two classes, in alphabetical order, and the words that mean 1.
_NO_AND_YES = (["false", "true"], ["neg", "pos"], ["negative", "positive"], ["no", "yes"])
_YES = ("true", "pos", "positive", "yes")


class Labels(NamedTuple):
    """The distinct labels of a target without ignored ones: numbers, or text."""

    numbers: frozenset[float] = frozenset()
    texts: frozenset[str] = frozenset()


def namings(columns: Sequence[str]) -> list[list[str]]:
    """Return lists of names that the classes of columns may have: the names of the columns, these
    names without a common prefix (`cat`, `dog` of `prob_cat`, `prob_dog`), and without a common
    suffix."""
    result = [list(columns)]
    prefix = os.path.commonprefix(list(columns))  # noqa: RUF071 - of characters
    start = max(prefix.rfind(mark) for mark in "_.- /") + 1
    if start:
        result.append([name[start:] for name in columns])
    reverse = os.path.commonprefix([name[::-1] for name in columns])  # noqa: RUF071
    end = max(reverse.rfind(mark) for mark in "_.- /") + 1
    if end:
        result.append([name[:-end] for name in columns])
    return result


def columns_named_after(labels: Labels, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns named after the labels; none unless every label has a column."""
    if labels.numbers:
        numbers = class_numbers(columns)
        return tuple(columns) if numbers and labels.numbers <= set(numbers) else ()
    named = tuple(name for name in columns if name in labels.texts)
    if len(named) == len(labels.texts) > 1:
        return named
    without_stem = namings(columns)[1:]
    return tuple(columns) if any(labels.texts <= set(names) for names in without_stem) else ()


def cover(labels: Labels, classes: int, base: int) -> bool:
    """Whether the labels include the first and the last index of this many classes."""
    numbers = labels.numbers
    return bool(numbers) and min(numbers) == base and max(numbers) == base + classes - 1


def class_numbers(columns: Sequence[str]) -> list[int] | None:
    """Return the numbers in the names of columns that share a stem. None if a name has no number or
    a number repeats. Two columns with names such as no and yes have the numbers 0 and 1."""
    for names in namings(columns):
        words = [name.lower() for name in names]
        if sorted(words) in _NO_AND_YES:
            return [int(word in _YES) for word in words]
    parts = [part for name in columns if (part := numbered(name)) is not None]
    if len(parts) < len(columns) or len({stem.lower() for stem, _ in parts}) > 1:
        return None
    numbers = [number for _, number in parts]
    return numbers if len(set(numbers)) == len(numbers) else None
