"""The result of a loss on a block: per-element losses, with the data of each element."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

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

    The reductions are none = values, sum = Σ values and mean = Σ values · scale / Σ weights.

    Attributes:
        values: the losses, of the block's shape; 0 for ignored elements
        weights: the weights that sum to the mean's denominator, which broadcast to `values`; 0 for
            ignored elements. None is 1 for every element that is not ignored.
        ignored: the elements that are ignored; None if there are none
        scale: the factor of each loss in a mean; None is 1
        sample_weights: weights that broadcast to `values`; None is 1. `weighted` multiplies the
            losses by these weights, and all sums are taken of `weighted`.
        terms: the terms that a pooled loss sums instead of the values, (terms, ..., classes); None
            for other losses
    """

    values: Floats
    weights: Floats | None = None
    ignored: Mask | None = None
    scale: Floats | None = None
    sample_weights: Floats | None = None
    terms: Floats | None = None

    @classmethod
    def without(cls, ignored: Mask, values: Floats, weights: Floats | None = None) -> PerElement:
        """Losses with these values and weights, both set to 0 for ignored elements."""
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

        A sample weight of 0 removes a loss, even if the loss is infinite or NaN. A sample weight
        that is a whole number n has the effect of n copies of the row. Weights of 1 change no bit.
        """
        factors = self.sample_weights
        if factors is None or np.all(factors == 1.0):
            return replace(self, sample_weights=None)
        weights = self.counted.astype(np.float64) if self.weights is None else self.weights
        absent = factors == 0.0
        with np.errstate(all="ignore"):  # 0 times infinity is replaced below; overflow gives inf
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
        """Scatter losses to the elements that `kept` marks. The first axis of these losses runs
        over the marked elements in C order. All other elements are ignored."""
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
        block: the scores, (n, C, d1, ..., dK); with `kept`, n is the number of kept elements
        kept: a mask of the elements that the loss was computed for; None for all elements
    """

    block: Array
    kept: Mask | None = None

    def per_element(self, function: Callable[[Array], Array], fill: int) -> Any:
        """Apply a function that maps (n, C, d1, ..., dK) to one value per element. The value of
        elements that were not kept is `fill`."""
        return self.placed(function(self.block), fill)

    def placed(self, values: Array, fill: float = 0.0) -> Array:
        """The values of the kept elements at their positions, and `fill` at the other elements."""
        if self.kept is None:
            return values
        spread = np.full(self.kept.shape, fill, values.dtype)
        spread[self.kept] = values
        return spread

    def at(self, positions: tuple[NDArray[np.intp], ...]) -> Array:
        """The scores of k kept elements, (k, C), given their positions along each axis."""
        if self.kept is not None:
            number = np.cumsum(self.kept).reshape(self.kept.shape) - 1
            positions = (number[positions],)
        rows: Array = np.moveaxis(self.block, 1, -1)[positions]
        return rows


class Slopes(NamedTuple):
    """The first and the second derivative of each loss by β."""

    slopes: Floats
    curvatures: Floats


class Ends(NamedTuple):
    """The slope of each loss at β = 0, and its limit as β grows. A sum of losses has a minimum at a
    positive β if the sum of `at_zero` is below 0 and the sum of `at_infinity` is above 0. The limit
    is NaN if a cost is below 0."""

    at_zero: Floats
    at_infinity: Floats


class Predictions(NamedTuple):
    """The probability of the event that each element predicts, and how far the event happened: 0, 1
    or, for targets that are probabilities, a number between."""

    probabilities: Floats
    happened: Floats


class Tempered(Protocol):
    """The losses of a block of elements as functions of β = 1/T, which multiplies the logits."""

    def largest(self) -> float:
        """The largest finite difference of the logits of an element; 0 if there is none."""

    def divided_by(self, scale: float) -> Tempered:
        """The losses of logits divided by `scale`."""

    def losses(self, beta: Floats) -> Floats:
        """The loss of each element at its own β."""

    def slopes(self, beta: float) -> Slopes:
        """The derivatives at β."""

    def ends(self) -> Ends:
        """The slopes at β = 0 and in the limit."""

    def predictions(self) -> Predictions:
        """What the logits predict at β = 1."""


@dataclass(frozen=True)
class Elements:
    """A computed block of elements: its start, the losses, and the data of each element.

    Args:
        start: the index of the first element along each axis
        losses: the losses, as the loss returned them
        target: the block of targets, in the order of the elements; None if the loss has none
        labels: the codes of labels, keys and samples by name, along the first axes of the elements
        scores: the class scores of the input; None unless a statistic needs them
        arrays: the blocks of all arrays but the first
        nan: the elements that are ignored because their loss is NaN; None if there are none
        suspicions: the warnings of checks on the block
        whole_rows: whether the block contains complete rows
        keys: the keys of the rows, by column, along the first axes; empty until the codes of labels
            are replaced by labels
        tempered: creates the losses of the kept elements as functions of a temperature; None unless
            `scores` are present and the loss has a temperature
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
    tempered: Callable[[], Tempered] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.losses.values.shape

    @cached_property
    def weighted(self) -> PerElement:
        """The losses and weights multiplied by the sample weights. Every sum is taken of these."""
        return self.losses.weighted()

    @cached_property
    def sampled(self) -> PerElement:
        """The weighted losses for statistics of samples. Elements with a sample weight of 0 are
        ignored, because counting a sample without weight would narrow the interval."""
        losses, factors = self.weighted, self.losses.sample_weights
        if factors is None or np.all(factors != 0.0):
            return losses
        absent = np.broadcast_to(factors == 0.0, self.shape)
        return replace(
            losses, ignored=absent if losses.ignored is None else losses.ignored | absent
        )

    @property
    def targets(self) -> Array | None:
        """The target of each element; None unless each element has one target."""
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
        kind: an identifier; suspicions of one kind are reported as one warning
        text: the problem, with the file and the first position
        count: the number of positions with the problem
        sampled: whether only a sample of the data was checked
        advice: what to do, as sentences
    """

    kind: str
    text: str
    count: int = 1
    sampled: bool = False
    advice: str = ""


def joined(blocks: Sequence[Elements]) -> Elements:
    """Join consecutive blocks of complete rows. Class scores, arrays and keys are dropped."""
    if len(blocks) == 1:
        return blocks[0]
    shapes = [block.shape for block in blocks]
    losses = [block.losses for block in blocks]
    return Elements(
        blocks[0].start,
        PerElement(
            np.concatenate([block.values for block in losses]),
            _concatenated([block.weights for block in losses], shapes, 1.0),
            _concatenated([block.ignored for block in losses], shapes, False),
            _concatenated([block.scale for block in losses], shapes, 1.0),
            _concatenated([block.sample_weights for block in losses], shapes, 1.0),
            _concatenated_terms([block.terms for block in losses]),
        ),
        _concatenated([block.targets for block in blocks], shapes, 0),
        {
            name: _concatenated_rows([block.labels[name] for block in blocks], shapes)
            for name in blocks[0].labels
        },
        nan=_concatenated([block.nan for block in blocks], shapes, False),
        suspicions=tuple(suspicion for block in blocks for suspicion in block.suspicions),
    )


def _concatenated(
    arrays: Sequence[Array | None], shapes: Sequence[tuple[int, ...]], absent: float
) -> Any:
    """Concatenate the arrays of blocks, each broadcast to the shape of its block.

    A block without an array contributes `absent`. None if no block has an array.
    """
    if all(array is None for array in arrays):
        return None
    return np.concatenate(
        [
            np.broadcast_to(absent if array is None else array, shape)
            for array, shape in zip(arrays, shapes, strict=True)
        ]
    )


def _concatenated_terms(arrays: Sequence[Floats | None]) -> Floats | None:
    terms = [array for array in arrays if array is not None]
    return np.concatenate(terms, axis=1) if terms else None


def _concatenated_rows(arrays: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> Array:
    return np.concatenate(
        [
            np.broadcast_to(array, (shape[0], *array.shape[1:]))
            for array, shape in zip(arrays, shapes, strict=True)
        ]
    )


def spread(labels: Array, shape: tuple[int, ...]) -> Array:
    """Broadcast labels, given along the first axes, to all elements of a shape."""
    return np.broadcast_to(padded(labels, len(shape)), shape)


def padded(labels: Array, rank: int) -> Array:
    """The labels with axes of size 1 appended, up to `rank` axes."""
    return labels.reshape(*labels.shape, *(1,) * (rank - labels.ndim))
