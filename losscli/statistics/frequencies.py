"""How often each class is the target, which tells what guessing costs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from losscli.elements import Elements, Floats
from losscli.errors import ArrayError
from losscli.statistics.moments import Integers


class Labels(NamedTuple):
    """The labels that count in a block, from 0, with their weights; None is 1 for each."""

    classes: Integers
    weights: Floats | None


class Frequencies:
    """The sum of the weights of each class's targets.

    A block is counted in the thread that computes it (`of`), and added in C order (`add`). Blocks
    with fewer elements than there are classes are collected first, so that a large vocabulary
    does not cost a pass over all classes for each of them.
    """

    def __init__(self, classes: int, base: int) -> None:
        self._base = base
        self._weights = np.zeros(classes)
        self._collected: list[Labels] = []
        self._size = 0

    def of(self, elements: Elements) -> Labels | Floats:
        """The labels of a block, or their weights by class where these are fewer."""
        losses = elements.losses.weighted()
        targets, weights = elements.targets, losses.weights
        if targets is None:
            raise ArrayError("target", "holds no class of each element")
        if weights is not None:
            weights = np.broadcast_to(weights, targets.shape)
        if losses.ignored is not None:
            kept = ~losses.ignored
            targets = targets[kept]
            weights = None if weights is None else weights[kept]
        classes = targets.astype(np.int64, copy=False).ravel()
        found = Labels(
            classes - self._base if self._base else classes,
            None if weights is None else weights.ravel(),
        )
        many = len(classes) >= len(self._weights)
        return self._by_class(found) if many else found

    def add(self, found: Labels | Floats) -> None:
        """Add what `of` made of the next block."""
        if not isinstance(found, Labels):
            self._weights += found
            return
        self._collected.append(found)
        self._size += len(found.classes)
        if self._size >= len(self._weights):
            self._settle()

    def prior(self) -> float:
        """What always guessing the frequencies of the targets costs: Σ_c f[c] · -log f[c]."""
        self._settle()
        total = self._weights.sum()
        if not total > 0.0:
            return math.nan
        shares = self._weights[self._weights > 0.0] / total
        return float(-(shares * np.log(shares)).sum())

    def prior_left_out(self, count: int) -> float:
        """What it costs to guess each of `count` labels by the frequencies of the others, with 1
        added to each class: Σ_c f[c] · -log(n[c] / (n + C - 1)), which is log(1 + (C - 1) / n)
        more than the prior. The prior is far too low where there are few labels of many classes."""
        return self.prior() + math.log1p((len(self._weights) - 1) / max(count, 1))

    def _settle(self) -> None:
        """Count what was collected."""
        collected, self._collected, self._size = self._collected, [], 0
        if not collected:
            return
        classes, weights = zip(*collected, strict=True)
        # Of one run all blocks have weights, or none has, but for sample weights that are all 1.
        each = [np.ones(len(a)) if b is None else b for a, b in zip(classes, weights, strict=True)]
        self._weights += self._by_class(Labels(np.concatenate(classes), np.concatenate(each)))

    def _by_class(self, found: Labels) -> Floats:
        return np.bincount(found.classes, found.weights, len(self._weights)).astype(np.float64)
