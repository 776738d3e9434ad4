"""The loss of scaled logits, as a function of the scale.

A temperature T divides the logits x. With β = 1/T, the loss of a row with costs q is

    L(β) = Σ_c q[c] · (log Σ_k exp(β · x[k]) - β · x[c])

which is convex in β. Its slope is Σq · E[x] - Σ_c q[c] · x[c], and its curvature is Σq · Var[x],
with the mean and the variance under softmax(β · x). The costs q of a class index y are the weight
of y at y, and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Ends, Floats, Mask, Predictions, Slopes, Tempered
from losscli.losses.indices import pick
from losscli.losses.numerics import CLASS_AXIS, softplus_of_both
from losscli.losses.softmax import negative_log_softmax
from losscli.losses.summing import mean, total
from losscli.losses.target_cost import target_cost

# Infinite logits are replaced by this number, whose square is finite. Finite logits are smaller,
# because they were divided by the largest.
_LARGE = 1e150


# Maps the arrays of a block to its losses as functions of β.
Temper = Callable[..., Tempered]


@dataclass(frozen=True)
class Costs:
    """The costs q of the classes of each row.

    Args:
        sums: Σ_c q[c], one for each element
        dense: q for each class; None if only the class `indices` has a cost
        indices: the class indices; None if `dense` has the costs
        target: the class probabilities of the target; None for class indices
    """

    sums: Floats
    dense: Floats | None = None
    indices: NDArray[np.intp] | None = None
    target: Floats | None = None

    @property
    def are_positive(self) -> Mask:
        """The elements without a cost below 0, whose loss is convex."""
        least = self.sums if self.dense is None else self.dense.min(axis=CLASS_AXIS)
        return least >= 0.0


@dataclass(frozen=True)
class ClassLogits:
    """Rows of logits, (n, C, d1, ..., dK), and the costs of their classes. `p` contains the
    probabilities if the logits were computed from them."""

    x: Floats
    costs: Costs
    p: Floats | None = None

    @cached_property
    def _below(self) -> Floats:
        """How far each logit is from the largest of its row, at most 0."""
        return np.maximum(self._differences(), -_LARGE)

    def _differences(self) -> Floats:
        """Each logit minus the largest of its row."""
        differences: Floats = self.x - self.x.max(axis=CLASS_AXIS, keepdims=True)
        return differences

    @cached_property
    def _paid(self) -> Floats:
        """Σ_c q[c] · x[c], with x counted from the largest of its row."""
        costs = self.costs
        if costs.dense is None:
            assert costs.indices is not None
            return costs.sums * pick(self._below, costs.indices)
        return total(costs.dense * self._below, CLASS_AXIS)

    def largest(self) -> float:
        return _largest(self._differences())

    def divided_by(self, scale: float) -> ClassLogits:
        return replace(self, x=self.x / scale, p=None)

    def losses(self, beta: Floats) -> Floats:
        x, costs = np.expand_dims(beta, CLASS_AXIS) * self.x, self.costs
        if costs.dense is None:
            assert costs.indices is not None
            return costs.sums * target_cost(x, costs.indices)
        terms = costs.dense * negative_log_softmax(x)
        return total(np.where(costs.dense == 0.0, 0.0, terms), CLASS_AXIS)

    def slopes(self, beta: float) -> Slopes:
        below = self._below
        terms = np.exp(beta * below)
        sums = total(terms, CLASS_AXIS)
        terms *= below
        average = total(terms, CLASS_AXIS) / sums
        terms *= below
        variance = total(terms, CLASS_AXIS) / sums - average * average
        return Slopes(self.costs.sums * average - self._paid, self.costs.sums * variance)

    def ends(self) -> Ends:
        limits = np.where(self.costs.are_positive, 0.0 - self._paid, np.nan)
        return Ends(self.costs.sums * mean(self._below, CLASS_AXIS) - self._paid, limits)

    def predictions(self) -> Predictions:
        """The event is that the class with the largest logit is the target."""
        likeliest = self.x.argmax(axis=CLASS_AXIS)
        if self.p is None:
            probabilities = 1.0 / total(np.exp(self._below), CLASS_AXIS)
        else:
            probabilities = pick(self.p, likeliest)
        if self.costs.target is not None:
            return Predictions(probabilities, pick(self.costs.target, likeliest))
        return Predictions(probabilities, (likeliest == self.costs.indices).astype(np.float64))


@dataclass(frozen=True)
class BinaryLogits:
    """Logits x of class 1, with the cost of each class and the target y. `p` contains the
    probabilities if the logits were computed from them."""

    x: Floats
    cost_of_no: Floats
    cost_of_yes: Floats
    y: Floats
    p: Floats | None = None

    @cached_property
    def _finite(self) -> Floats:
        return np.clip(self.x, -_LARGE, _LARGE)

    def largest(self) -> float:
        return _largest(self.x)

    def divided_by(self, scale: float) -> BinaryLogits:
        return replace(self, x=self.x / scale, p=None)

    def losses(self, beta: Floats) -> Floats:
        no, yes = softplus_of_both(beta * self.x)
        return self.cost_of_no * no + self.cost_of_yes * yes

    def slopes(self, beta: float) -> Slopes:
        x = self._finite
        p_of_no, p_of_yes = sigmoids(beta * x)
        slopes = x * (self.cost_of_no * p_of_yes - self.cost_of_yes * p_of_no)
        return Slopes(slopes, (self.cost_of_no + self.cost_of_yes) * x * x * (p_of_no * p_of_yes))

    def ends(self) -> Ends:
        x, no, yes = self._finite, self.cost_of_no, self.cost_of_yes
        limits = no * np.maximum(x, 0.0) + yes * np.maximum(-x, 0.0)
        is_convex = (no >= 0.0) & (yes >= 0.0)
        return Ends(x * (no - yes) / 2.0, np.where(is_convex, limits, np.nan))

    def predictions(self) -> Predictions:
        """The event is class 1."""
        return Predictions(sigmoids(self.x)[1] if self.p is None else self.p, self.y)


def _largest(x: Floats) -> float:
    """The largest size of the finite numbers; 0 if there is none."""
    sizes = np.abs(x)
    return float(sizes.max(initial=0.0, where=np.isfinite(sizes)))


def sigmoids(x: Floats) -> tuple[Floats, Floats]:
    """1/(1 + exp(x)) and 1/(1 + exp(-x)), at full precision even if one of them is tiny.

    With e = exp(-|x|), which does not overflow, the larger of them is 1/(1 + e), and the smaller is
    e/(1 + e).
    """
    e = np.exp(-np.abs(x))
    larger, smaller = 1.0 / (1.0 + e), e / (1.0 + e)
    positive = x > 0.0
    return np.where(positive, smaller, larger), np.where(positive, larger, smaller)
