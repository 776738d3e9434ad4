"""What a loss gives for a block: the loss of every element, and what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Booleans, numbers or labels of any type.
Array = NDArray[Any]
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
    `weighted`, which multiplies by it; None is 1. `terms`, (terms, ..., classes), are what a loss
    of the whole data set adds up instead of the values.
    """

    values: Floats
    weights: Floats | None = None
    ignored: Mask | None = None
    scale: Floats | None = None
    sample_weights: Floats | None = None
    terms: Floats | None = None

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
        terms = self.terms
        if terms is not None:
            terms = np.where(ignored[..., np.newaxis], 0.0, terms)
        return replace(kept, scale=self.scale, sample_weights=self.sample_weights, terms=terms)

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
        terms = self.terms
        if terms is not None:
            terms = np.broadcast_to(factors, self.values.shape)[..., np.newaxis] * terms
        return PerElement(
            np.where(absent, 0.0, values),
            np.where(absent, 0.0, weights),
            self.ignored,
            self.scale,
            terms=terms,
        )

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
        terms = None
        if self.terms is not None:
            each = len(self.terms), self.terms.shape[-1]
            terms = np.zeros((each[0], *ignored.shape, each[1]))
            terms[:, kept] = self.terms
        return PerElement(values, spread(self.weights), ignored, spread(self.scale), terms=terms)

    def transposed(self, axes: tuple[int, ...]) -> PerElement:
        """With the axes in another order; the fields are of one shape."""

        def transposed(field: Array | None) -> Any:
            return None if field is None else field.transpose(axes)

        fields = (self.values, self.weights, self.ignored, self.scale)
        return PerElement(*map(transposed, fields))


class ClassScores(NamedTuple):
    """The input of a block as its loss sees it: a row of classes for each element.

    Args:
        block: (n, C, d1, ..., dK), of the elements that `kept` marks, end to end, if it is given
        kept: which elements of the block the loss was computed of; None is all of them
    """

    block: Array
    kept: Mask | None = None

    def per_element(self, function: Callable[[Array], Array], fill: int) -> Any:
        """What a function of (n, C, d1, ..., dK) gives for each element, and `fill` for elements
        that were left out."""
        values = function(self.block)
        if self.kept is None:
            return values
        spread = np.full(self.kept.shape, fill, values.dtype)
        spread[self.kept] = values
        return spread

    def at(self, positions: tuple[NDArray[np.intp], ...]) -> Array:
        """The rows of classes, (k, C), of k elements that count."""
        if self.kept is not None:
            number = np.cumsum(self.kept).reshape(self.kept.shape) - 1
            positions = (number[positions],)
        rows: Array = np.moveaxis(self.block, 1, -1)[positions]
        return rows


@dataclass(frozen=True)
class Elements:
    """A box of elements as computed: where it starts, the losses, and what is known of each.

    Args:
        start: the index of the first element
        losses: the losses, as the loss returned them
        target: the block of targets, in the order of the elements; None if the loss has none
        labels: arrays of labels, keys and sample numbers, along the first axes of the elements
        scores: the input along its classes, where a statistic needs it
        arrays: the blocks of all arrays but the first
        nan: the elements whose loss was NaN and is ignored; None if there are none
        suspicions: what looks wrong in the block
        keys: with the names of labels, what is shown with each element, such as the key of its row
        whole_rows: whether the entries of the first axis are here from end to end
    """

    start: tuple[int, ...]
    losses: PerElement
    target: Array | None = None
    labels: Mapping[str, Array] = field(default_factory=dict)
    scores: ClassScores | None = None
    arrays: Mapping[str, Array] = field(default_factory=dict)
    nan: Mask | None = None
    suspicions: tuple[Suspicion, ...] = ()
    whole_rows: bool = True
    keys: Mapping[str, Array] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.losses.values.shape

    @cached_property
    def weighted(self) -> PerElement:
        """The losses and weights that every sum is taken of."""
        return self.losses.weighted()

    @property
    def targets(self) -> Array | None:
        """The target of each element; None where it is not one number an element."""
        if self.target is None or self.target.ndim != len(self.shape):
            return None
        return np.broadcast_to(self.target, self.shape)

    def goes_on(self, later: Elements) -> bool:
        """Whether the rows of both lie end to end and are whole."""
        return (
            self.whole_rows
            and later.whole_rows
            and self.shape[1:] == later.shape[1:]
            and later.start[0] == self.start[0] + self.shape[0]
        )


@dataclass(frozen=True)
class Suspicion:
    """Something that looks wrong in a block.

    Args:
        kind: suspicions of one kind are reported as one
        text: the problem, with the file and the first place
        count: in how many places
        sampled: whether only a part of the data was checked
    """

    kind: str
    text: str
    count: int = 1
    sampled: bool = False


def joined(parts: Sequence[Elements]) -> Elements:
    """Elements whose rows lie end to end as one; what is needed for one block alone is dropped."""
    if len(parts) == 1:
        return parts[0]
    shapes = [part.shape for part in parts]
    losses = [part.losses for part in parts]
    return Elements(
        parts[0].start,
        PerElement(
            np.concatenate([part.values for part in losses]),
            _end_to_end([part.weights for part in losses], shapes, 1.0),
            _end_to_end([part.ignored for part in losses], shapes, False),
            _end_to_end([part.scale for part in losses], shapes, 1.0),
            _end_to_end([part.sample_weights for part in losses], shapes, 1.0),
            _terms_end_to_end([part.terms for part in losses]),
        ),
        _end_to_end([part.targets for part in parts], shapes, 0),
        {
            name: _rows_end_to_end([part.labels[name] for part in parts], shapes)
            for name in parts[0].labels
        },
        nan=_end_to_end([part.nan for part in parts], shapes, False),
        suspicions=tuple(one for part in parts for one in part.suspicions),
    )


def _end_to_end(
    parts: Sequence[Array | None], shapes: Sequence[tuple[int, ...]], absent: float
) -> Any:
    """Arrays of which each broadcasts to its block; None if no block has one."""
    if all(part is None for part in parts):
        return None
    return np.concatenate(
        [
            np.broadcast_to(absent if part is None else part, shape)
            for part, shape in zip(parts, shapes, strict=True)
        ]
    )


def _terms_end_to_end(parts: Sequence[Floats | None]) -> Floats | None:
    terms = [part for part in parts if part is not None]
    return np.concatenate(terms, axis=1) if terms else None


def _rows_end_to_end(parts: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> Array:
    return np.concatenate(
        [
            np.broadcast_to(part, (shape[0], *part.shape[1:]))
            for part, shape in zip(parts, shapes, strict=True)
        ]
    )


def spread(labels: Array, shape: tuple[int, ...]) -> Array:
    """What is known of elements along their first axes, for each element of that shape."""
    return np.broadcast_to(padded(labels, len(shape)), shape)


def padded(labels: Array, rank: int) -> Array:
    """Labels with an axis of size 1 for each axis of elements that they lack."""
    return labels.reshape(*labels.shape, *(1,) * (rank - labels.ndim))
