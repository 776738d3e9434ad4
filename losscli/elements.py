"""The result of a loss on a block: per-element losses, with the data of each element."""

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

    Attributes:
        values: the losses, of the block's shape; 0 for ignored elements
        weights: the mean's denominator, which broadcasts to `values`; 0 for ignored elements. None
            is 1 for every element that is not ignored.
        ignored: the elements that are ignored; None if there are none
        scale: the factor of each loss in a mean; None is 1
        sample_weights: weights that broadcast to `values`; None is 1. `weighted` multiplies by
            them, and all sums are taken of `weighted`.
        terms: (terms, ..., classes), which a loss of the whole data set sums instead of the values
    """

    values: Floats
    weights: Floats | None = None
    ignored: Mask | None = None
    scale: Floats | None = None
    sample_weights: Floats | None = None
    terms: Floats | None = None

    @classmethod
    def without(cls, ignored: Mask, values: Floats, weights: Floats | None = None) -> PerElement:
        """These losses with the ignored elements set to 0."""
        if not ignored.any():
            return cls(values, weights)
        kept_weights = None if weights is None else np.where(ignored, 0.0, weights)
        return cls(np.where(ignored, 0.0, values), kept_weights, ignored)

    @property
    def counted(self) -> Mask:
        """The elements that are not ignored."""
        if self.ignored is None:
            return np.ones(self.values.shape, dtype=np.bool_)
        return ~self.ignored

    def ignoring(self, further: Mask) -> PerElement:
        """These losses with further elements ignored."""
        ignored = further if self.ignored is None else further | self.ignored
        kept = self.without(ignored, self.values, self.weights)
        terms = self.terms
        if terms is not None:
            terms = np.where(ignored[..., np.newaxis], 0.0, terms)
        return replace(kept, scale=self.scale, sample_weights=self.sample_weights, terms=terms)

    def weighted(self) -> PerElement:
        """The losses and weights multiplied by the sample weights. Every sum is taken of these.

        A sample weight of 0 removes a loss even if it is infinite or NaN, and a whole weight n has
        the effect of n copies of the row. Weights of 1 change no bit.
        """
        factors = self.sample_weights
        if factors is None or np.all(factors == 1.0):
            return replace(self, sample_weights=None)
        weights = self.counted.astype(np.float64) if self.weights is None else self.weights
        absent = factors == 0.0
        with np.errstate(all="ignore"):  # 0 times infinity is replaced below, overflow is infinite
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
        """Scatter losses whose first axis are the elements that `kept` marks, in C order. All other
        elements are ignored."""
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
        """These losses with the axes in another order. All fields must have the same shape."""

        def transposed(field: Array | None) -> Any:
            return None if field is None else field.transpose(axes)

        fields = (self.values, self.weights, self.ignored, self.scale)
        return PerElement(*map(transposed, fields))


class ClassScores(NamedTuple):
    """The input of a block, with the scores of all classes for each element.

    Args:
        block: (n, C, d1, ..., dK); with `kept`, n runs over the kept elements
        kept: the elements of the block that the loss was computed for; None is all of them
    """

    block: Array
    kept: Mask | None = None

    def per_element(self, function: Callable[[Array], Array], fill: int) -> Any:
        """Apply a function of (n, C, d1, ..., dK) to all elements, with `fill` for elements that
        were masked out."""
        values = function(self.block)
        if self.kept is None:
            return values
        spread = np.full(self.kept.shape, fill, values.dtype)
        spread[self.kept] = values
        return spread

    def at(self, positions: tuple[NDArray[np.intp], ...]) -> Array:
        """The scores, (k, C), of k elements that are not ignored."""
        if self.kept is not None:
            number = np.cumsum(self.kept).reshape(self.kept.shape) - 1
            positions = (number[positions],)
        rows: Array = np.moveaxis(self.block, 1, -1)[positions]
        return rows


@dataclass(frozen=True)
class Elements:
    """A computed box of elements: its start, the losses, and the data of each element.

    Args:
        start: the index of the first element
        losses: the losses, as the loss returned them
        target: the block of targets, in the order of the elements; None if the loss has none
        labels: arrays of labels, keys and sample numbers, along the first axes of the elements
        scores: the class scores of the input, if a statistic needs them
        arrays: the blocks of all arrays but the first
        nan: the elements that are ignored because their loss is NaN; None if there are none
        suspicions: the warnings of checks on the block
        keys: values to show with each element, such as the key of its row; set with label names
        whole_rows: whether the box contains complete rows
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
        """The losses and weights multiplied by the sample weights. Every sum is taken of these."""
        return self.losses.weighted()

    @cached_property
    def sampled(self) -> PerElement:
        """The weighted losses for statistics of samples. A sample weight of 0 ignores elements, so
        that a sample without weight is not counted: it would narrow the interval."""
        losses, factors = self.weighted, self.losses.sample_weights
        if factors is None or np.all(factors != 0.0):
            return losses
        absent = np.broadcast_to(factors == 0.0, self.shape)
        return replace(
            losses, ignored=absent if losses.ignored is None else losses.ignored | absent
        )

    @property
    def targets(self) -> Array | None:
        """The target of each element; None if elements do not have one number each."""
        if self.target is None or self.target.ndim != len(self.shape):
            return None
        return np.broadcast_to(self.target, self.shape)

    def continues_with(self, later: Elements) -> bool:
        """Whether `later` continues these elements, and both contain complete rows."""
        return (
            self.whole_rows
            and later.whole_rows
            and self.shape[1:] == later.shape[1:]
            and later.start[0] == self.start[0] + self.shape[0]
        )


@dataclass(frozen=True)
class Suspicion:
    """A warning about a block.

    Args:
        kind: suspicions of one kind are reported as one
        text: the problem, with the file and the first place
        count: the number of places
        sampled: whether only a part of the data was checked
        advice: what to do, as sentences
    """

    kind: str
    text: str
    count: int = 1
    sampled: bool = False
    advice: str = ""


def joined(parts: Sequence[Elements]) -> Elements:
    """Join consecutive blocks. Data that is only needed for a single block is dropped."""
    if len(parts) == 1:
        return parts[0]
    shapes = [part.shape for part in parts]
    losses = [part.losses for part in parts]
    return Elements(
        parts[0].start,
        PerElement(
            np.concatenate([part.values for part in losses]),
            _concatenated([part.weights for part in losses], shapes, 1.0),
            _concatenated([part.ignored for part in losses], shapes, False),
            _concatenated([part.scale for part in losses], shapes, 1.0),
            _concatenated([part.sample_weights for part in losses], shapes, 1.0),
            _concatenated_terms([part.terms for part in losses]),
        ),
        _concatenated([part.targets for part in parts], shapes, 0),
        {
            name: _concatenated_rows([part.labels[name] for part in parts], shapes)
            for name in parts[0].labels
        },
        nan=_concatenated([part.nan for part in parts], shapes, False),
        suspicions=tuple(suspicion for part in parts for suspicion in part.suspicions),
    )


def _concatenated(
    parts: Sequence[Array | None], shapes: Sequence[tuple[int, ...]], absent: float
) -> Any:
    """Concatenate arrays, each broadcast to its block; None if no block has one."""
    if all(part is None for part in parts):
        return None
    return np.concatenate(
        [
            np.broadcast_to(absent if part is None else part, shape)
            for part, shape in zip(parts, shapes, strict=True)
        ]
    )


def _concatenated_terms(parts: Sequence[Floats | None]) -> Floats | None:
    terms = [part for part in parts if part is not None]
    return np.concatenate(terms, axis=1) if terms else None


def _concatenated_rows(parts: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> Array:
    return np.concatenate(
        [
            np.broadcast_to(part, (shape[0], *part.shape[1:]))
            for part, shape in zip(parts, shapes, strict=True)
        ]
    )


def spread(labels: Array, shape: tuple[int, ...]) -> Array:
    """Broadcast labels along the first axes to all elements of a shape."""
    return np.broadcast_to(padded(labels, len(shape)), shape)


def padded(labels: Array, rank: int) -> Array:
    """The labels with axes of size 1 appended, up to `rank` axes."""
    return labels.reshape(*labels.shape, *(1,) * (rank - labels.ndim))
