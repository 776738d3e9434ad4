"""Number labels, and combinations of labels, with integer codes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from losscli.elements import Array
from losscli.statistics.exact import Integers

# Integer labels from 0 to below this are looked up in a table.
_TABLE = 1 << 20

# Larger labels do not fit into int64.
_MOST = np.iinfo(np.int64).max

# Replaces NaN as a key of a dictionary, because NaN does not equal itself. An empty tuple equals
# itself, also after it was sent to another process.
_NAN = ()


class Labels:
    """The labels so far. Codes count from 0, and new labels get the next codes."""

    def __init__(self) -> None:
        self._codes: dict[Hashable, int] = {}
        # The code of each integer from 0 on; -1 if it has none.
        self._table = np.full(0, -1)
        # As long as all labels are in the table, this array lists them instead of the dictionary,
        # which is ten times slower.
        self._in_table = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._codes) or len(self._in_table)

    @property
    def names(self) -> list[Any]:
        """The labels, in the order of their codes."""
        if not self._codes:
            return self._in_table.tolist()
        return [math.nan if name is _NAN else name for name in self._codes]

    def codes(self, values: Array) -> Integers:
        """The code of each value, in the same shape. New labels get the next codes."""
        flat = values.ravel()
        fits = flat.dtype.kind != "u" or not flat.size or flat.max() <= _MOST
        if flat.dtype.kind in "bui" and fits:
            flat = flat.astype(np.int64, copy=False)
            if flat.size and flat.min() >= 0 and flat.max() < _TABLE:
                return self._looked_up(flat).reshape(values.shape)
            present, inverse = distinct(flat)
        else:
            present, inverse = np.unique(flat, return_inverse=True)
        result: Integers = self.codes_of(present.tolist())[inverse].reshape(values.shape)
        return result

    def codes_of(self, labels: Sequence[Any]) -> Integers:
        """The code of each label. New labels are numbered in this order."""
        if not self._codes:
            self._codes = {label: code for code, label in enumerate(self._in_table.tolist())}
        codes = self._codes
        keys = (label if label == label else _NAN for label in labels)  # noqa: PLR0124 - NaN
        return np.array([codes.setdefault(key, len(codes)) for key in keys], np.int64)

    def merge(self, later: Labels) -> Integers:
        """Add the labels of `later`. Returns, for each code in `later`, the code here."""
        return self.codes_of(later.names) if later._codes else self.codes(later._in_table)

    def _looked_up(self, values: Integers) -> Integers:
        most = int(values.max()) + 1
        if most > len(self._table):
            self._table = np.append(self._table, np.full(2 * most - len(self._table), -1))
        codes: Integers = self._table[values]
        if codes.min() < 0:
            is_present = np.zeros(most, np.bool_)
            is_present[values[codes < 0]] = True
            self._tabulate(np.flatnonzero(is_present))
            codes = self._table[values]
        return codes

    def _tabulate(self, labels: Integers) -> None:
        if self._codes:
            self._table[labels] = self.codes_of(labels.tolist())
        else:
            self._table[labels] = len(self._in_table) + np.arange(len(labels))
            self._in_table = np.append(self._in_table, labels)


class Grouping:
    """Groups of elements by one label, or by a combination of labels."""

    def __init__(self, count: int) -> None:
        self._labels = [Labels() for _ in range(count)]
        self._combinations = [Labels() for _ in range(count - 1)]

    def __len__(self) -> int:
        return len(self._combinations[-1] if self._combinations else self._labels[0])

    def codes(self, labels: Sequence[Array]) -> Integers:
        """The number of each element's group, in the shape that the labels broadcast to."""
        each = [own.codes(values) for own, values in zip(self._labels, labels, strict=True)]
        codes = each[0]
        for combination, further in zip(self._combinations, each[1:], strict=True):
            codes = combination.codes(codes << 32 | further)
        return codes

    def codes_of(self, groups: Sequence[Sequence[Any]]) -> Integers:
        """The number of the group of each combination of labels. New groups are numbered in this
        order."""
        columns = zip(*groups, strict=True) if groups else [()] * len(self._labels)
        each = [own.codes_of(labels) for own, labels in zip(self._labels, columns, strict=True)]
        codes = each[0]
        for combination, further in zip(self._combinations, each[1:], strict=True):
            codes = combination.codes_of((codes << 32 | further).tolist())
        return codes

    def merge(self, later: Grouping) -> Integers:
        """Add the groups of `later`. Returns, for each group of `later`, its number here."""
        each = [mine.merge(other) for mine, other in zip(self._labels, later._labels, strict=True)]
        codes = each[0]
        pairs = zip(self._combinations, later._combinations, each[1:], strict=True)
        for mine, other, further in pairs:
            both = np.array(other.names, np.int64)
            codes = mine.codes(codes[both >> 32] << 32 | further[both & 0xFFFFFFFF])
        return codes

    def names(self) -> list[tuple[Any, ...]]:
        """The labels of each group, in the order of the group numbers."""
        codes, further = np.arange(len(self)), []
        for combination in reversed(self._combinations):
            both = np.array(combination.names, np.int64)[codes]
            codes = both >> 32
            further.append(both & 0xFFFFFFFF)
        each = zip(self._labels, [codes, *reversed(further)], strict=True)
        columns = [_picked(own.names, chosen) for own, chosen in each]
        return list(zip(*columns, strict=True))


def _picked(names: Sequence[Any], codes: Integers) -> list[Any]:
    return [names[code] for code in codes.tolist()]


def distinct(values: Integers) -> tuple[Integers, Integers]:
    """The sorted distinct numbers, and the index of each value among them.

    Numbers in a small range are counted instead of sorted, which is ten times faster.
    """
    if not len(values):
        return values, values
    low, high = int(values.min()), int(values.max())
    if high - low > 4 * len(values):
        present, inverse = np.unique(values, return_inverse=True)
        return present, inverse.reshape(-1)
    is_present = np.bincount(values - low) > 0
    number = np.cumsum(is_present) - 1
    return np.flatnonzero(is_present) + low, number[values - low]
