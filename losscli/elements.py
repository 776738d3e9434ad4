"""What a loss gives for a block: the loss of every element, and what is known of each."""

from __future__ import annotations

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
class Elements:
    """A box of elements as computed: where it starts, its targets if it has any, its losses.

    `labels` are the arrays that say of elements to what they belong, `predicted` the classes.
    `keys` are the values that are shown with each element, such as the key of its row. `arrays` are
    the blocks of all arrays but the first.
    """

    start: tuple[int, ...]
    target: NDArray[Any] | None
    losses: PerElement
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    predicted: NDArray[np.intp] | None = None
    keys: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def targets(self) -> NDArray[Any] | None:
        """The target of each element; None where it is not one number an element."""
        shape = self.losses.values.shape
        if self.target is None or self.target.ndim != len(shape):
            return None
        return np.broadcast_to(self.target, shape)


def spread(labels: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """What is known of elements along their first axes, for each element of that shape."""
    padded = labels.reshape(*labels.shape, *(1,) * (len(shape) - labels.ndim))
    return np.broadcast_to(padded, shape)
