"""What a loss's arrays tell of themselves: mistakes that a number alone would hide.

A check looks at blocks and never changes a result. What cannot be right is an ArrayError; what is
only suspicious is a Doubt, told once however often it is met.
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
    """Something suspicious in a block: in which array, where first, and in how many places.

    Doubts of one `kind` are told as one. A loss that is infinite is of the kind INFINITE.
    """

    kind: str
    array: str
    problem: str
    position: tuple[int, ...] | None = None
    count: int = 1


Look = Callable[[Mapping[str, Array], Mapping[str, Any], PerElement], Iterator[Doubt]]


class Check(NamedTuple):
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

    Probabilities rounded to d decimals are up to half of 10^-d off each, and float16 holds about
    three digits; a row that is 0.3 off is not one of probabilities.
    """
    precision = np.finfo(array.dtype if array.dtype == np.float16 else np.float32).eps
    return min(0.3, 0.005 + 4 * float(precision) + 0.5 * 10.0 ** -_decimals(array) * classes)


def _decimals(array: Array) -> int:
    """The fewest decimals that all numbers were rounded to, or 4, the fewest people expect."""
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
    expected: str,
    counted: Mask | None = None,
) -> Iterator[Doubt]:
    """Rows of an array along an axis whose probabilities do not sum to 1. `p`: these as float64.

    Rows with a NaN are told of as losses that are NaN.
    """
    sums = total(p, axis)
    odd = ~(np.abs(sums - 1.0) <= tolerance) & ~np.isnan(sums)
    if counted is not None:
        odd &= counted
    if odd.any():
        at = first(odd)
        problem = f"begins a row whose probabilities sum to {sums[at]:.4g}; expected {expected}"
        yield Doubt(f"sums of {name}", name, problem, (*at[:axis], 0, *at[axis:]), _count(odd))


def signs(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Targets that are neither 1 nor -1, as 0/1 labels are."""
    target = blocks["target"]
    odd = ~((target == 1) | (target == -1))
    if odd.any():
        at = first(odd)
        yield Doubt("signs", "target", f"is {target[at]}; expected 1 or -1", at, _count(odd))


def yes_or_no_targets(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Targets outside 0..1, as labels of 1 and 2 or of 1 and -1 are."""
    target = blocks["target"]
    odd = outside_0_1(target) & ~np.isnan(target)
    if odd.any():
        at = first(odd)
        problem = f"is {target[at]}; expected 0, 1 or a probability"
        yield Doubt("targets", "target", problem, at, _count(odd))


def negative_weights(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Weights below 0, which make a loss of what is right and a gain of what is wrong."""
    weight = blocks.get("weight")
    if weight is not None and np.any(weight < 0):
        at = first(weight < 0)
        yield Doubt("weights", "weight", f"is {weight[at]}; expected at least 0", at)


def odd_mask(name: str, mask: Array) -> Iterator[Doubt]:
    """What a mask holds beside 0 and 1. Raises ArrayError for what is no mask of that kind.

    Masks that are added to scores hold 0 where an element counts and -inf or a large negative
    number where it does not, the reverse of what is meant here.
    """
    if mask.dtype == np.bool_:
        return
    fractions = ~np.isfinite(mask) | (mask < -1) | (mask != np.floor(mask))
    if fractions.any():
        at = first(fractions)
        raise ArrayError(
            name,
            f"is {mask[at]}; expected 0 for what does not count and 1 for what does; a mask that "
            "is added to scores is the reverse; --no-check takes all but 0 for 1",
            at,
        )
    odd = (mask != 0) & (mask != 1)
    if odd.any():
        at = first(odd)
        problem = f"is {mask[at]}, which counts, as all but 0 does; expected 0 or 1"
        yield Doubt("mask", name, problem, at, _count(odd))


def outside_0_1(array: Array) -> Mask:
    return ~((array >= 0) & (array <= 1))  # NaN is outside


def _count(wrong: Mask) -> int:
    return int(np.count_nonzero(wrong))


def first(wrong: Mask) -> tuple[int, ...]:
    """The position of the first element, in C order, that is marked."""
    return tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
