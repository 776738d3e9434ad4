"""What a loss returns, the sums that merge, and the result: the one place that reduces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

REDUCTIONS = ("none", "mean", "sum")


@dataclass(frozen=True)
class PerElement:
    """The loss of every element of a block.

    none = values, sum = Σ values, mean = Σ values / Σ weights.

    `values` has the block's shape. `weights`, the mean's denominator, broadcasts to it; None is
    one for every element that counts. `ignored` marks the elements that do not count; None is
    none of them. Ignored elements hold 0 in both fields.
    """

    values: Floats
    weights: Floats | None = None
    ignored: Mask | None = None

    @classmethod
    def without(cls, ignored: Mask, values: Floats, weights: Floats | None = None) -> PerElement:
        """The same with the ignored elements set to 0, whatever was computed for them."""
        if not ignored.any():
            return cls(values, weights)
        kept_weights = None if weights is None else np.where(ignored, 0.0, weights)
        return cls(np.where(ignored, 0.0, values), kept_weights, ignored)


@dataclass(frozen=True)
class ExactSum:
    """A sum of float64 numbers that is exact until it is read, so the order cannot matter.

    Every finite float64 is a whole number of 2^-1074 (the smallest subnormal), so a sum of them
    is one Python integer. Infinities and NaN add up beside it: inf + -inf is NaN in any order.

    >>> float(ExactSum.of(1e100) + ExactSum.of(1.0) + ExactSum.of(-1e100))
    1.0
    """

    units: int = 0
    non_finite: float = 0.0

    @classmethod
    def of(cls, number: float) -> ExactSum:
        if not np.isfinite(number):
            return cls(0, float(number))
        numerator, denominator = float(number).as_integer_ratio()
        return cls(numerator << (1075 - denominator.bit_length()))

    def __add__(self, other: ExactSum) -> ExactSum:
        return ExactSum(self.units + other.units, self.non_finite + other.non_finite)

    def __float__(self) -> float:
        """The sum, rounded once; beyond the largest float64 it is infinite."""
        if self.non_finite != 0.0:
            return self.non_finite
        try:
            return self.units / (1 << 1074)
        except OverflowError:
            return float("inf") if self.units > 0 else float("-inf")


@dataclass(frozen=True)
class Totals:
    """Sums and counts of some elements; `Totals()` is of none. `merge` is exact in any order."""

    values: ExactSum = ExactSum()
    weights: ExactSum = ExactSum()
    elements: int = 0
    ignored: int = 0

    @classmethod
    def of(cls, block: PerElement) -> Totals:
        elements = block.values.size
        ignored = 0 if block.ignored is None else int(np.count_nonzero(block.ignored))
        if block.weights is None:
            weights = float(elements - ignored)
        else:
            weights = float(np.broadcast_to(block.weights, block.values.shape).sum())
        return cls(ExactSum.of(float(block.values.sum())), ExactSum.of(weights), elements, ignored)

    def merge(self, other: Totals) -> Totals:
        return Totals(
            self.values + other.values,
            self.weights + other.weights,
            self.elements + other.elements,
            self.ignored + other.ignored,
        )

    @property
    def count(self) -> int:
        """The elements that counted."""
        return self.elements - self.ignored

    def reduce(self, reduction: str) -> float:
        """The `sum`, or the `mean`, which is NaN where the weights add up to 0."""
        total, weights = float(self.values), float(self.weights)
        if reduction == "sum":
            return total
        return total / weights if weights else math.nan


@dataclass(frozen=True)
class Input:
    """One array that a result was computed from."""

    role: str
    path: str | None
    bytes: int
    shape: tuple[int, ...]
    dtype: str
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Result:
    """A loss over everything that was read.

    `value` is the reduced loss, None with reduction `none`; then `values` holds the losses in
    the target's shape, unless they were handed over block by block. `count` is the number of
    elements that counted, `ignored` of those that did not, `weight_sum` the mean's denominator.
    `notes` say what was chosen, `warnings` what may be wrong.
    """

    loss: str
    reduction: str
    value: float | None
    count: int
    ignored: int
    weight_sum: float
    shape: tuple[int, ...]
    options: Mapping[str, Any]
    inputs: tuple[Input, ...]
    version: str
    values: Floats | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
