"""The loss of guessing: of models that predict the same probabilities for every sample."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Elements, Floats
from losscli.result import Fact
from losscli.statistics.exact import ExactSums, Integers, Keys
from losscli.statistics.groups import class_targets
from losscli.statistics.statistic import Setting, Statistic, Whole


class Reference(NamedTuple):
    """The losses of guessing by the frequencies of the targets (`prior`) and uniformly."""

    prior: float
    uniform: float


class Guessing(Statistic):
    """The exact sum of target weights for each class.

    Labels are collected until there are as many as classes, so that a large vocabulary does not
    cost a pass over all classes for each small block.
    """

    null_facts = ("reference",)
    order = 20

    def __init__(self, classes: int, class_base: int, is_shown: bool) -> None:
        self._classes = classes
        self._base = class_base
        self._is_shown = is_shown
        self._weights: ExactSums | None = None
        self._collected: list[tuple[Integers, Floats | None]] = []
        self._size = 0

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        is_log_loss = setting.is_log_loss and setting.is_mean and not setting.is_difference
        is_needed = setting.check or setting.interval
        if not (is_log_loss and setting.classes and is_needed):
            return None
        return cls(setting.classes, setting.class_base, setting.interval)

    def add(self, elements: Elements) -> None:
        losses = elements.weighted
        targets: NDArray[np.generic] = class_targets(elements)
        weights = losses.weights
        if weights is not None:
            weights = np.broadcast_to(weights, targets.shape)
        if losses.ignored is not None:
            kept = ~losses.ignored
            targets = targets[kept]
            weights = None if weights is None else weights[kept]
        classes = targets.astype(np.int64, copy=False).ravel()
        if self._base:
            classes = classes - self._base
        self._collected.append((classes, None if weights is None else weights.ravel()))
        self._size += len(classes)
        if self._size >= self._classes:
            self._settle()

    def merge(self, later: Self) -> None:
        if later._weights is not None:
            self._sums().merge(later._weights)
        self._collected += later._collected
        self._size += later._size
        if self._size >= self._classes:
            self._settle()

    def result(self, whole: Whole) -> Iterable[Fact]:
        if not self._is_shown:
            return
        reference = Reference(self.prior(), math.log(self._classes))
        remark = (_judged(reference, whole.value),)
        yield Fact("reference", reference, "baseline", (reference.prior,), remark)

    def prior(self) -> float:
        """The loss of guessing by the frequencies f of the targets: Σ_c f[c] · -log f[c]. NaN if
        the weights do not sum to more than 0."""
        self._settle()
        weights = self._sums().floats()
        total = math.fsum(weights)
        if not total > 0.0:
            return math.nan
        shares = weights[weights > 0.0] / total
        return math.fsum(-(share * math.log(share)) for share in shares.tolist())

    def prior_left_out(self, count: int) -> float:
        """The loss of guessing each of `count` labels by the frequencies of the others, smoothed
        by adding 1 to each class.

        This is Σ_c f[c] · -log(n[c] / (n + C - 1)), the prior plus log(1 + (C - 1) / n). The prior
        alone is far too low for few labels of many classes.
        """
        return self.prior() + math.log1p((self._classes - 1) / max(count, 1))

    def _sums(self) -> ExactSums:
        if self._weights is None:
            self._weights = ExactSums(self._classes)
        return self._weights

    def _settle(self) -> None:
        """Add the collected labels to the sums."""
        collected, self._collected, self._size = self._collected, [], 0
        plain = [classes for classes, weights in collected if weights is None]
        if plain:
            counts = np.bincount(np.concatenate(plain), minlength=self._classes)
            self._sums().add_counts(counts)
        weighted = [(classes, weights) for classes, weights in collected if weights is not None]
        if weighted:
            classes, weights = zip(*weighted, strict=True)
            keys = Keys(np.concatenate(classes), self._classes)
            self._sums().add(np.concatenate(weights), keys)


def _judged(reference: Reference, value: float | None) -> str:
    """How much lower or higher than `prior` the loss is, as text."""
    guess = "guessing label frequencies"
    if value is None or math.isnan(value) or not reference.prior > 0.0:
        return guess
    lower = 1.0 - value / reference.prior
    return f"{guess}; loss is {abs(lower):.0%} {'lower' if lower >= 0.0 else 'higher'}"
