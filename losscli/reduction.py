"""Exact sums, and the totals that reduce a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from losscli.elements import PerElement


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
        if not math.isfinite(number):
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
    scaled: ExactSum = ExactSum()
    weights: ExactSum = ExactSum()
    elements: int = 0
    ignored: int = 0
    samples: int = 0

    @classmethod
    def of(cls, block: PerElement) -> Totals:
        elements = block.values.size
        ignored = 0 if block.ignored is None else int(np.count_nonzero(block.ignored))
        if block.weights is None:
            weights = float(elements - ignored)
        else:
            weights = float(np.broadcast_to(block.weights, block.values.shape).sum())
        values = ExactSum.of(float(block.values.sum()))
        scaled = values
        if block.scale is not None:
            scaled = ExactSum.of(float((block.values * block.scale).sum()))
        return cls(values, scaled, ExactSum.of(weights), elements, ignored)

    def merge(self, other: Totals) -> Totals:
        return Totals(
            self.values + other.values,
            self.scaled + other.scaled,
            self.weights + other.weights,
            self.elements + other.elements,
            self.ignored + other.ignored,
            self.samples + other.samples,
        )

    @property
    def count(self) -> int:
        """The elements that counted."""
        return self.elements - self.ignored

    def reduce(self, reduction: str) -> float:
        """The `sum`, the `mean`, or the `batchmean`: the sum over the number of samples.

        Where the weights add up to 0, or there are no samples, there is no mean: it is NaN.
        """
        match reduction:
            case "sum":
                return float(self.values)
            case "batchmean":
                return _quotient(self.values, self.samples)
            case "mean":
                return _quotient(self.scaled, float(self.weights))
        raise ValueError(f"no reduction is named {reduction!r}")


def _quotient(total: ExactSum, divisor: float) -> float:
    return float(total) / divisor if divisor else math.nan
