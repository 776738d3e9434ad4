"""How many losses are NaN or infinite, and where the first of them is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from losscli.elements import Elements, Mask
from losscli.result import Fact
from losscli.statistics.statistic import Setting, Statistic, Whole


@dataclass(frozen=True)
class Places:
    """A number of elements, and the index of the first of them along each axis."""

    count: int
    index: tuple[int, ...]

    def __str__(self) -> str:
        return "1 element" if self.count == 1 else f"{self.count} elements"


class NonFinite(Statistic):
    """The losses that are NaN or infinite, including elements that were ignored for being NaN."""

    order = 30

    def __init__(self) -> None:
        self.nan: Places | None = None
        self.infinite: Places | None = None

    @classmethod
    def of(cls, setting: Setting) -> Self:
        return cls()

    def add(self, elements: Elements) -> None:
        values = elements.losses.values
        if elements.nan is not None:
            self.nan = _both(self.nan, _places(elements.nan, elements))
        # A finite sum shows that all values are finite, without a test of each value.
        with np.errstate(all="ignore"):
            is_finite = math.isfinite(values.sum())
        if not is_finite:
            if elements.nan is None:
                self.nan = _both(self.nan, _places(np.isnan(values), elements))
            self.infinite = _both(self.infinite, _places(np.isinf(values), elements))

    def merge(self, later: Self) -> None:
        self.nan = _both(self.nan, later.nan)
        self.infinite = _both(self.infinite, later.infinite)

    def result(self, whole: Whole) -> Iterable[Fact]:
        return ()


def _places(marked: Mask, elements: Elements) -> Places | None:
    count = int(np.count_nonzero(marked))
    if not count:
        return None
    first = np.unravel_index(int(marked.argmax()), marked.shape)
    index = tuple(int(a) + b for a, b in zip(first, elements.start, strict=True))
    return Places(count, index)


def _both(earlier: Places | None, later: Places | None) -> Places | None:
    if earlier is None or later is None:
        return earlier or later
    return replace(earlier, count=earlier.count + later.count)
