"""What an interval needs of the samples: sums of their losses, weights, squares and products.

A sample is what was drawn from the world by itself: an element of the first axis, a row of a table,
a cluster. Its loss s is the sum of its elements' losses, its weight w that of their weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Floats
from losscli.reduction import ExactSum
from losscli.statistics.student import t_quantile

Interval = tuple[float, float]
Integers = NDArray[np.int64]

_NO_SUM = ExactSum()

_BITS = 1074  # U = 2^-1074
_U_CUBED = 1 << 3 * _BITS  # as the divisor that it is

# Numbers that are added up one after the other, so that rounding stays far below 1e-12.
_RUN = 4096


@dataclass(frozen=True)
class Moments:
    """Sums over samples; `Moments()` is of none. `merge` is exact in any order.

    `below` and `above` are the samples whose loss is below and above 0. `squares`, `products` and
    `weight_squares` are Σ s², Σ s·w and Σ w², as whole numbers of U³, U² and U, where every float64
    is a whole number of U = 2^-1074; they mean nothing unless all of it is `finite`.
    """

    samples: int = 0
    elements: int = 0
    below: int = 0
    above: int = 0
    losses: ExactSum = _NO_SUM
    weights: ExactSum = _NO_SUM
    squares: int = 0
    products: int = 0
    weight_squares: int = 0
    finite: bool = True

    def merge(self, other: Moments) -> Moments:
        return Moments(
            self.samples + other.samples,
            self.elements + other.elements,
            self.below + other.below,
            self.above + other.above,
            self.losses + other.losses,
            self.weights + other.weights,
            self.squares + other.squares,
            self.products + other.products,
            self.weight_squares + other.weight_squares,
            self.finite and other.finite,
        )

    @property
    def ratio(self) -> float:
        """Σ s / Σ w, and NaN where there is none."""
        weights = float(self.weights)
        return float(self.losses) / weights if weights else math.nan

    def interval(self) -> Interval | None:
        """A 95% confidence interval for the ratio, from Student's t over samples.

            r ± t · sqrt(n/(n-1) · Σ (s - r·w)²) / Σ w

        with r = Σ s / Σ w and Student's t of n-1 degrees of freedom; where all weights are 1 it is
        the interval of a mean. None for fewer than 2 samples, and where losses are not finite.

        Source: the ratio estimator of Cochran, Sampling Techniques, 3rd edition, 6.3
        """
        r, n = self.ratio, self.samples
        if n < 2 or not (self.finite and math.isfinite(r)):
            return None
        exact = _Binary.of(r)
        numerator, missing = exact.whole, _BITS - exact.power
        units = (
            self.squares
            - (2 * numerator * self.products << missing)
            + (numerator**2 * self.weight_squares << 2 * missing)
        )
        error = math.sqrt(max(0, units) / _U_CUBED * n / (n - 1)) / abs(float(self.weights))
        reach = t_quantile(n - 1) * error
        return r - reach, r + reach


@np.errstate(all="ignore")  # what is not finite is told of
def by_group(
    groups: Integers, losses: Floats, weights: Floats, elements: Integers
) -> list[tuple[int, Moments]]:
    """The moments of each group that is there, of one row a sample."""
    size = int(groups.max(initial=-1)) + 1
    samples = np.bincount(groups, minlength=size)
    s, w = _sums(groups, losses, size), _sums(groups, weights, size)
    # Squares of what is left of s once r·w is taken off, with r that of the rows at hand: the
    # rounding is then that of the spread, and not of the squares of s.
    pivot = np.nan_to_num(s / w, nan=0.0, posinf=0.0, neginf=0.0)
    rest = losses - pivot[groups] * weights
    squares = (_sums(groups, one, size) for one in (rest * rest, rest * weights, weights * weights))
    present = np.flatnonzero(samples)
    counts = (
        samples,
        np.bincount(groups, elements, size).astype(np.int64),
        np.bincount(groups[losses < 0.0], minlength=size),
        np.bincount(groups[losses > 0.0], minlength=size),
    )
    counted = np.stack([one[present] for one in counts], axis=1).tolist()
    sums = np.stack([one[present] for one in (s, w, pivot, *squares)], axis=1)
    rows = zip(present.tolist(), counted, sums.tolist(), strict=True)
    return [(group, _moments(of_counts, of_sums)) for group, of_counts, of_sums in rows]


def _moments(counts: list[int], sums: list[float]) -> Moments:
    """With d = s - r·w: Σ s² = Σ d² + 2r Σ d·w + r² Σ w², exactly."""
    s, w, *rest = sums
    samples, elements, below, above = counts
    moments = (samples, elements, below, above, ExactSum.of(s), ExactSum.of(w))
    if not all(map(math.isfinite, sums)):
        return Moments(*moments, finite=False)
    r, dd, dw, ww = map(_Binary.of, rest)
    return Moments(
        *moments,
        dd.units(3) + (r * dw).units(3) * 2 + (r * r * ww).units(3),
        dw.units(2) + (r * ww).units(2),
        ww.units(1),
    )


class _Binary(NamedTuple):
    """A whole number over a power of two, so that products stay short until they are added."""

    whole: int
    power: int

    @classmethod
    def of(cls, number: float) -> _Binary:
        numerator, denominator = number.as_integer_ratio()
        return cls(numerator, denominator.bit_length() - 1)

    def __mul__(self, other: Any) -> _Binary:
        return _Binary(self.whole * other.whole, self.power + other.power)

    def units(self, degree: int) -> int:
        """How many of U to that degree it is."""
        return self.whole << degree * _BITS - self.power


def _sums(groups: Integers, values: Floats, size: int) -> Floats:
    """The sum of each group, in runs whose sums are added up pairwise."""
    if size == 1:
        return np.array([values.sum()])
    runs = -(-len(values) // _RUN)
    which = np.arange(len(values)) // _RUN * size + groups
    partial = np.bincount(which, values, runs * size).reshape(runs, size)
    result: Floats = partial.sum(axis=0)
    return result
