"""To which group each element belongs: by columns, by files of labels, by its class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.statistics.moments import Integers
from losscli.statistics.samples import distinct

# Labels that are whole numbers below this are looked up in a table, all at once.
_TABLE = 1 << 20

# Larger labels do not fit into int64.
_MOST = np.iinfo(np.int64).max


class Labels:
    """The labels met so far; the code of each is its number in the order of appearance."""

    def __init__(self) -> None:
        self.names: list[Any] = []
        self._codes: dict[Any, int] = {}
        self._table = np.full(0, -1)

    def codes(self, values: NDArray[Any]) -> Integers:
        """The code of each value, in the same shape."""
        flat = values.ravel()
        fits = flat.dtype.kind != "u" or not flat.size or flat.max() <= _MOST
        if flat.dtype.kind in "bui" and fits:
            flat = flat.astype(np.int64, copy=False)
            if flat.size and flat.min() >= 0 and flat.max() < _TABLE:
                return self._looked_up(flat).reshape(values.shape)
            found, inverse = distinct(flat)
        else:
            found, inverse = np.unique(flat, return_inverse=True)
        codes = np.array([self._code(value) for value in found.tolist()], dtype=np.int64)
        result: Integers = codes[inverse].reshape(values.shape)
        return result

    def _looked_up(self, values: Integers) -> Integers:
        most = int(values.max()) + 1
        if most > len(self._table):
            self._table = np.append(self._table, np.full(2 * most - len(self._table), -1))
        codes: Integers = self._table[values]
        unknown = codes < 0
        if unknown.any():
            for value in np.unique(values[unknown]).tolist():
                self._table[value] = self._code(value)
            codes = self._table[values]
        return codes

    def _code(self, value: Any) -> int:
        value = value if value == value else math.nan  # noqa: PLR0124 - of NaN there is one
        code = self._codes.setdefault(value, len(self.names))
        if code == len(self.names):
            self.names.append(value)
        return code


class Grouping:
    """Groups by one label of each element, or by each combination of several."""

    def __init__(self, count: int) -> None:
        self._labels = [Labels() for _ in range(count)]
        self._combinations = [Labels() for _ in range(count - 1)]

    def codes(self, labels: Sequence[NDArray[Any]]) -> Integers:
        """The group of each element, of the shape that the labels broadcast to."""
        each = [one.codes(values) for one, values in zip(self._labels, labels, strict=True)]
        codes = each[0]
        for combination, further in zip(self._combinations, each[1:], strict=True):
            codes = combination.codes(codes << 32 | further)
        return codes

    def names(self, group: int) -> tuple[Any, ...]:
        """The labels of a group."""
        further: list[int] = []
        for combination in reversed(self._combinations):
            both = combination.names[group]
            group, last = both >> 32, both & 0xFFFFFFFF
            further.append(last)
        codes = [group, *reversed(further)]
        return tuple(one.names[code] for one, code in zip(self._labels, codes, strict=True))
