"""Labels as numbers: which values there are, and which of them each element has."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from losscli.elements import Array
from losscli.statistics.exact import Integers

# Labels that are whole numbers below this are looked up in a table, all at once.
_TABLE = 1 << 20

# Larger labels do not fit into int64.
_MOST = np.iinfo(np.int64).max

# The key of NaN, which equals itself in other processes as well.
_NAN = ()


class Labels:
    """The labels that have appeared; the code of each is its number in the order of appearance."""

    def __init__(self) -> None:
        self.names: list[Any] = []
        self._codes: dict[Hashable, int] = {}
        self._table = np.full(0, -1)

    def codes(self, values: Array) -> Integers:
        """The code of each value, in the same shape."""
        flat = values.ravel()
        fits = flat.dtype.kind != "u" or not flat.size or flat.max() <= _MOST
        if flat.dtype.kind in "bui" and fits:
            flat = flat.astype(np.int64, copy=False)
            if flat.size and flat.min() >= 0 and flat.max() < _TABLE:
                return self._looked_up(flat).reshape(values.shape)
            present, inverse = distinct(flat)
        else:
            present, inverse = np.unique(flat, return_inverse=True)
        codes = np.array([self.code(value) for value in present.tolist()], dtype=np.int64)
        result: Integers = codes[inverse].reshape(values.shape)
        return result

    def code(self, value: Any) -> int:
        """The code of one value."""
        key = value if value == value else _NAN  # noqa: PLR0124 - of NaN there is one
        code = self._codes.setdefault(key, len(self.names))
        if code == len(self.names):
            self.names.append(value)
        return code

    def _looked_up(self, values: Integers) -> Integers:
        most = int(values.max()) + 1
        if most > len(self._table):
            self._table = np.append(self._table, np.full(2 * most - len(self._table), -1))
        codes: Integers = self._table[values]
        unknown = codes < 0
        if unknown.any():
            for value in np.unique(values[unknown]).tolist():
                self._table[value] = self.code(value)
            codes = self._table[values]
        return codes


class Grouping:
    """Groups by one label of each element, or by each combination of several."""

    def __init__(self, count: int) -> None:
        self._labels = [Labels() for _ in range(count)]
        self._combinations = [Labels() for _ in range(count - 1)]

    def __len__(self) -> int:
        last = self._combinations[-1] if self._combinations else self._labels[0]
        return len(last.names)

    def codes(self, labels: Sequence[Array]) -> Integers:
        """The group of each element, of the shape that the labels broadcast to."""
        each = [one.codes(values) for one, values in zip(self._labels, labels, strict=True)]
        codes = each[0]
        for combination, further in zip(self._combinations, each[1:], strict=True):
            codes = combination.codes(codes << 32 | further)
        return codes

    def merge(self, later: Grouping) -> Integers:
        """Take in the groups of another one. Returns the code here of each of them."""
        each = [
            np.array([mine.code(name) for name in theirs.names], np.int64)
            for mine, theirs in zip(self._labels, later._labels, strict=True)
        ]
        codes = each[0]
        pairs = zip(self._combinations, later._combinations, each[1:], strict=True)
        for mine, theirs, further in pairs:
            both = np.array(theirs.names, np.int64)
            codes = mine.codes(codes[both >> 32] << 32 | further[both & 0xFFFFFFFF])
        return codes

    def code(self, labels: Sequence[Any]) -> int:
        """The group of one combination of labels."""
        each = [one.code(label) for one, label in zip(self._labels, labels, strict=True)]
        code = each[0]
        for combination, further in zip(self._combinations, each[1:], strict=True):
            code = combination.code(code << 32 | further)
        return code

    def names(self) -> list[tuple[Any, ...]]:
        """The labels of each group."""
        return [self._names_of(group) for group in range(len(self))]

    def _names_of(self, group: int) -> tuple[Any, ...]:
        further: list[int] = []
        for combination in reversed(self._combinations):
            both = combination.names[group]
            group, last = both >> 32, both & 0xFFFFFFFF
            further.append(last)
        codes = [group, *reversed(further)]
        return tuple(one.names[code] for one, code in zip(self._labels, codes, strict=True))


def distinct(values: Integers) -> tuple[Integers, Integers]:
    """The numbers that there are, in order, and which of them each is.

    Where they lie close together they are counted instead of sorted, which takes a tenth.
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
