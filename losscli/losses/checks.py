"""Checks of a loss's arrays for common mistakes.

A check examines blocks and never changes a result. It raises ArrayError for impossible values, and
yields a Doubt for suspicious ones. Doubts of one kind are reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from losscli.elements import Array, Floats, Mask, PerElement
from losscli.errors import ArrayError
from losscli.losses.summing import total

INFINITE = "infinite"


@dataclass(frozen=True)
class Doubt:
    """Something suspicious in a block.

    Args:
        kind: an identifier; doubts of one kind are reported as one warning, and INFINITE is an
            infinite loss
        array: the name of the array
        problem: a predicate, which the message adds to the name and the position
        position: the index of the first suspicious value in the block; None if unknown
        count: the number of suspicious values
        advice: what to do, as sentences
    """

    kind: str
    array: str
    problem: str
    position: tuple[int, ...] | None = None
    count: int = 1
    advice: str = ""


# Checks the arrays of a block, by name, with the options of the loss and the per-element losses.
Look = Callable[[Mapping[str, Array], Mapping[str, Any], PerElement], Iterator[Doubt]]


class Check(NamedTuple):
    """A check of all blocks (`everywhere`), or of a sample of the blocks.

    The sample consists of the first elements of the first four blocks and of every 64th block.
    """

    look: Look
    everywhere: bool = False

    def looks_at(self, block: int) -> bool:
        return self.everywhere or block < 4 or block % 64 == 0


def rounding(array: Array) -> float:
    """How far above 0 a log-probability may be because of rounding.

    All types but float16 have the tolerance of float32, since text and float64 files may contain
    numbers that were computed in float32.
    """
    precision = np.finfo(array.dtype if array.dtype == np.float16 else np.float32).eps
    return float(64 * precision)


def sum_tolerance(array: Array, classes: int) -> float:
    """How much the sum of a row of probabilities may differ from 1.

    Each probability rounded to d decimals is off by up to half of 10^-d, and float16 has about
    three digits. A row that is off by more than 0.3 does not contain probabilities.
    """
    precision = np.finfo(array.dtype if array.dtype == np.float16 else np.float32).eps
    return min(0.3, 0.005 + 4 * float(precision) + 0.5 * 10.0 ** -_decimals(array) * classes)


def _decimals(array: Array) -> int:
    """The number of decimals, from 1 to 3, to which all numbers are rounded; 4 if there is none."""
    numbers = np.asarray(array, dtype=np.float64)
    for decimals in (1, 2, 3):
        if np.all(np.abs(numbers - numbers.round(decimals)) <= 1e-7):
            return decimals
    return 4


def odd_sums(
    name: str,
    p: Floats,
    axis: int,
    *,
    tolerance: float,
    advice: str = "",
    counted: Mask | None = None,
) -> Iterator[Doubt]:
    """Report rows along an axis of the array `name` whose probabilities `p` do not sum to 1.

    Sums within `tolerance` of 1 are accepted. `counted` is a mask of the rows to check; None for
    all rows. Rows with a NaN are left out, because their losses are reported as NaN.
    """
    sums = total(p, axis)
    odd = ~(np.abs(sums - 1.0) <= tolerance) & ~np.isnan(sums)
    if counted is not None:
        odd &= counted
    if odd.any():
        at = first(odd)
        problem = f"starts a row that sums to {sums[at]:.4g}, not 1"
        start = (*at[:axis], 0, *at[axis:])
        yield Doubt(f"sums of {name}", name, problem, start, _count(odd), advice)


def signs(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report targets that are neither 1 nor -1, such as labels of 0 and 1."""
    target = blocks["target"]
    odd = ~((target == 1) | (target == -1))
    if odd.any():
        at = first(odd)
        yield Doubt("signs", "target", f"is {target[at]}; expected 1 or -1", at, _count(odd))


def yes_or_no_targets(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report targets outside 0..1, such as labels of 1 and 2 or of 1 and -1."""
    target = blocks["target"]
    odd = outside_0_1(target) & ~np.isnan(target)
    if odd.any():
        at = first(odd)
        problem = f"is {target[at]}; expected 0, 1 or a probability"
        yield Doubt("targets", "target", problem, at, _count(odd))


def negative_weights(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report weights below 0, which reward wrong predictions."""
    weight = blocks.get("weight")
    if weight is not None and np.any(weight < 0):
        at = first(weight < 0)
        yield Doubt("weights", "weight", f"is {weight[at]}; expected at least 0", at)


def odd_mask(name: str, mask: Array) -> Iterator[Doubt]:
    """Report values of a mask other than 0 and 1. Raises ArrayError for additive attention masks.

    An additive mask is 0 for an element to keep, and -inf or a large negative number for an element
    to ignore.
    """
    if mask.dtype == np.bool_:
        return
    fractions = ~np.isfinite(mask) | (mask < -1) | (mask != np.floor(mask))
    if fractions.any():
        at = first(fractions)
        raise ArrayError(
            name,
            f"is {mask[at]}; expected 1 to keep an element and 0 to ignore it. Additive attention "
            "masks (0 and -inf) are the other way round. Use --no-check to ignore only zeros.",
            at,
        )
    odd = (mask != 0) & (mask != 1)
    if odd.any():
        at = first(odd)
        problem = f"is {mask[at]}; expected 1 to keep an element and 0 to ignore it"
        advice = "All values but 0 keep the element."
        yield Doubt("mask", name, problem, at, _count(odd), advice)


def outside_0_1(array: Array) -> Mask:
    return ~((array >= 0) & (array <= 1))  # NaN is outside


def _count(wrong: Mask) -> int:
    return int(np.count_nonzero(wrong))


def first(wrong: Mask) -> tuple[int, ...]:
    """The index of the first element, in C order, where `wrong` is true."""
    return tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
