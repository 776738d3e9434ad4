"""What a loss returns, the sums that merge, and the result: the one place that reduces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

REDUCTIONS = ("none", "mean", "sum")

# The array of sample weights, which every loss takes.
SAMPLE_WEIGHT = "sample_weight"


@dataclass(frozen=True)
class PerElement:
    """The loss of every element of a block.

    none = values, sum = Σ values, mean = Σ values · scale / Σ weights.

    `values` has the block's shape. `weights`, the mean's denominator, broadcasts to it; None is
    one for every element that counts. `ignored` marks the elements that do not count; None is
    none of them. Ignored elements hold 0 in both fields. `scale` is what a mean multiplies each
    loss by first; None is 1. `sample_weights` broadcasts to the values. All sums are taken of
    `weighted`, which multiplies by it; None is 1.
    """

    values: Floats
    weights: Floats | None = None
    ignored: Mask | None = None
    scale: Floats | None = None
    sample_weights: Floats | None = None

    @classmethod
    def without(cls, ignored: Mask, values: Floats, weights: Floats | None = None) -> PerElement:
        """The same with the ignored elements set to 0, whatever was computed for them."""
        if not ignored.any():
            return cls(values, weights)
        kept_weights = None if weights is None else np.where(ignored, 0.0, weights)
        return cls(np.where(ignored, 0.0, values), kept_weights, ignored)

    @property
    def counted(self) -> Mask:
        """Which elements count."""
        if self.ignored is None:
            return np.ones(self.values.shape, dtype=np.bool_)
        return ~self.ignored

    def ignoring(self, further: Mask) -> PerElement:
        """The same with further elements ignored."""
        ignored = further if self.ignored is None else further | self.ignored
        kept = self.without(ignored, self.values, self.weights)
        return replace(kept, scale=self.scale, sample_weights=self.sample_weights)

    def weighted(self) -> PerElement:
        """The losses and weights multiplied by the sample weights: what every sum is taken of.

        A sample weight of 0 leaves nothing of a loss, also where the loss is infinite or NaN: a
        whole number of n has the effect of n copies of the row. Weights of 1 change no bit.
        """
        factors = self.sample_weights
        if factors is None or np.all(factors == 1.0):
            return replace(self, sample_weights=None)
        weights = self.counted.astype(np.float64) if self.weights is None else self.weights
        absent = factors == 0.0
        with np.errstate(all="ignore"):  # 0 times infinity is replaced, and overflow is infinite
            values, weights = self.values * factors, weights * factors
        return PerElement(
            np.where(absent, 0.0, values), np.where(absent, 0.0, weights), self.ignored, self.scale
        )

    def sample_weight_of(self, chosen: Mask) -> float:
        """The sum of the sample weights of chosen elements; without weights, their number."""
        if self.sample_weights is None:
            return float(np.count_nonzero(chosen))
        return float(np.broadcast_to(self.sample_weights, chosen.shape)[chosen].sum())

    def spread(self, kept: Mask) -> PerElement:
        """Losses whose first axis is what `kept` marks, in C order, in its place; all else is
        ignored."""
        ignored = np.ones(kept.shape + self.values.shape[1:], dtype=np.bool_)
        ignored[kept] = False if self.ignored is None else self.ignored

        def spread(field: Floats | None) -> Floats | None:
            if field is None:
                return None
            spread = np.zeros(ignored.shape)
            spread[kept] = field
            return spread

        values = spread(self.values)
        assert values is not None
        return PerElement(values, spread(self.weights), ignored, spread(self.scale))

    def transposed(self, axes: tuple[int, ...]) -> PerElement:
        """With the axes in another order; the fields are of one shape."""

        def transposed(field: NDArray[Any] | None) -> Any:
            return None if field is None else field.transpose(axes)

        fields = (self.values, self.weights, self.ignored, self.scale)
        return PerElement(*map(transposed, fields))


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


@dataclass(frozen=True)
class Input:
    """One array that a result was computed from."""

    role: str
    path: str | None
    bytes: int
    shape: tuple[int, ...]
    dtype: str
    columns: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()
    sha256: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Group:
    """The loss of the elements that have some labels; `share` is their part of the sum."""

    labels: tuple[Any, ...]
    value: float
    ci: tuple[float, float] | None
    count: int
    samples: int
    share: float


@dataclass(frozen=True)
class TopElement:
    """One of the worst elements: its index along all axes, the classes where there are any, and
    what is shown with its row: the key, and columns that were asked for."""

    index: tuple[int, ...]
    target: Any
    predicted: Any
    loss: float
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """What guessing costs: always the frequencies of the targets, or each class alike."""

    prior: float
    uniform: float


@dataclass(frozen=True)
class Selected:
    """How many rows some conditions kept, and how many they left out."""

    where: tuple[str, ...]
    kept: int
    dropped: int


@dataclass(frozen=True)
class Bar:
    """How many losses lie from `low` to `high`."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Result:
    """A loss over everything that was read.

    `value` is the reduced loss, None with reduction `none`; then `values` holds the losses in
    the target's shape, unless they were handed over block by block. `count` is the number of
    elements that counted, `ignored` of those that did not, `samples` of the rows along the first
    axis (of a table, or clusters) of which something counted, `weight_sum` the mean's denominator.
    `skipped` are the ignored elements that were left out since their loss is NaN.
    `changed` are the options that are not the default.
    `ci` is the 95 % confidence interval of the value, `perplexity` and `bits` the same value of a
    negative log-likelihood in other units, `rmse` the root of a mean squared error, `reference`
    what guessing would cost. `signature` tells
    in one line what was computed. `by` names the labels of the `groups`.
    `pairing` is how rows of several files were paired, by "position" or "id COLUMN"; `classes` are
    the names of the classes where the target gives them.
    `selected` tells which rows conditions kept.
    `notes` say what was chosen, `warnings` what the number's reader may trip over; those of them
    that are `suspicious` tell that something may be wrong.
    """

    loss: str
    reduction: str
    value: float | None
    count: int
    ignored: int
    samples: int
    weight_sum: float
    shape: tuple[int, ...]
    options: Mapping[str, Any]
    changed: Mapping[str, Any]
    inputs: tuple[Input, ...]
    version: str
    values: Floats | None = field(default=None, repr=False)
    pairing: str | None = None
    classes: tuple[str, ...] | None = None
    ci: tuple[float, float] | None = None
    perplexity: float | None = None
    rmse: float | None = None
    bits: float | None = None
    reference: Reference | None = None
    accuracy: float | None = None
    by: tuple[str, ...] = ()
    groups: tuple[Group, ...] | None = None
    top: tuple[TopElement, ...] | None = None
    skipped: int = 0
    quantiles: Mapping[str, float] | None = None
    histogram: tuple[Bar, ...] | None = None
    selected: Selected | None = None
    signature: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()

    @property
    def has_sample_weights(self) -> bool:
        """Whether the sums are weighted by sample weights."""
        return any(one.role == SAMPLE_WEIGHT for one in self.inputs)
