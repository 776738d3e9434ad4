"""What a loss's arrays tell of themselves: mistakes that a number alone would hide.

A check looks at blocks and never changes a result. What cannot be right is an ArrayError; what is
only suspicious is a Doubt, told once however often it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.reduction import Mask, PerElement

Array = NDArray[Any]


@dataclass(frozen=True)
class Doubt:
    """Something suspicious in a block: in which array, where first, and in how many places.

    Doubts of one `kind` are told as one.
    """

    kind: str
    array: str
    problem: str
    position: tuple[int, ...] | None = None
    count: int = 1


Look = Callable[[Mapping[str, Array], Mapping[str, Any], PerElement], Iterator[Doubt]]


@dataclass(frozen=True)
class Check:
    """A look at blocks, their options and losses: at every block if it costs nothing, else at few.

    Few are the first blocks and then every 64th, and of each the first elements, so that looking
    costs less than a hundredth of computing.
    """

    look: Look
    everywhere: bool = False

    def looks_at(self, block: int) -> bool:
        return self.everywhere or block < 4 or block % 64 == 0


def rounding(array: Array) -> float:
    """How far above 0 rounding may take a logarithm; text and float64 files may hold float32."""
    precision = np.finfo(array.dtype if array.dtype == np.float16 else np.float32).eps
    return float(64 * precision)


def sum_tolerance(array: Array, classes: int) -> float:
    """How far the probabilities of a row may be from summing to 1.

    Probabilities rounded to four decimals are up to 5e-5 off each, and float16 holds about three
    digits; a row that is 0.3 off is not one of probabilities.
    """
    precision = np.finfo(array.dtype if array.dtype == np.float16 else np.float32).eps
    return min(0.3, 0.005 + 4 * float(precision) + 5e-5 * classes)


def first(wrong: Mask) -> tuple[int, ...]:
    """The position of the first element, in C order, that is marked."""
    return tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
