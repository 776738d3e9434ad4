"""Which column is which class: by what columns and labels are called, or by their order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from losscli.binding.stems import numbered

# Words for two classes, in the order of the alphabet, and those that mean 1.
_NO_AND_YES = (["false", "true"], ["neg", "pos"], ["negative", "positive"], ["no", "yes"])
_YES = ("true", "pos", "positive", "yes")


class Labels(NamedTuple):
    """The labels that a target has, each once, without those that are ignored: numbers, or text."""

    numbers: frozenset[float] = frozenset()
    texts: frozenset[str] = frozenset()


def namings(columns: Sequence[str]) -> list[list[str]]:
    """What columns may say of their classes: their names, and the same without what all of them
    begin with, as in `prob_cat`, `prob_dog`, or end with."""
    found = [list(columns)]
    prefix = os.path.commonprefix(list(columns))  # noqa: RUF071 - of characters
    start = max(prefix.rfind(mark) for mark in "_.- /") + 1
    if start:
        found.append([name[start:] for name in columns])
    reverse = os.path.commonprefix([name[::-1] for name in columns])  # noqa: RUF071
    end = max(reverse.rfind(mark) for mark in "_.- /") + 1
    if end:
        found.append([name[:-end] for name in columns])
    return found


def called_as(labels: Labels, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that are called as the labels are; none unless every label has its column."""
    if labels.numbers:
        numbers = class_numbers(columns)
        return tuple(columns) if numbers and labels.numbers <= set(numbers) else ()
    named = tuple(name for name in columns if name in labels.texts)
    if len(named) == len(labels.texts) > 1:
        return named
    without_stem = namings(columns)[1:]
    return tuple(columns) if any(labels.texts <= set(names) for names in without_stem) else ()


def cover(labels: Labels, classes: int, base: int) -> bool:
    """Whether the labels are the indices of so many classes, from the first to the last."""
    numbers = labels.numbers
    return bool(numbers) and min(numbers) == base and max(numbers) == base + classes - 1


def class_numbers(columns: Sequence[str]) -> list[int] | None:
    """The numbers that columns of one stem are called by, each once; None if they are not. Of two
    columns that say no and yes in a common way, these are 0 and 1."""
    for names in namings(columns):
        words = [name.lower() for name in names]
        if sorted(words) in _NO_AND_YES:
            return [int(word in _YES) for word in words]
    found = [numbered(name) for name in columns]
    known = [one for one in found if one is not None]
    if len(known) < len(columns) or len({stem.lower() for stem, _ in known}) > 1:
        return None
    numbers = [number for _, number in known]
    return numbers if len(set(numbers)) == len(numbers) else None
