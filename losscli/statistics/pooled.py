"""Losses of a whole data set that are not a mean of per-element losses, such as soft Dice."""

from __future__ import annotations

from typing import Self

import numpy as np

from losscli.elements import Elements, Floats
from losscli.statistics.exact import ExactSums, Keys
from losscli.statistics.statistic import Pool, Setting
from losscli.statistics.total import Total, rule_of


class Pooled(Total):
    """The exact sums of a loss's terms for each class. A `Pool` computes the loss from the sums."""

    def __init__(self, setting: Setting, pool: Pool) -> None:
        super().__init__(setting.reduction, rule_of(setting, interval=False), shows_interval=False)
        self._pool = pool
        self._terms: list[ExactSums] = []

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        return None if setting.pool is None else cls(setting, setting.pool)

    def add(self, elements: Elements) -> None:
        super().add(elements)
        terms = elements.weighted.terms
        assert terms is not None
        self._ensure_sums(len(terms), terms.shape[-1])
        classes = np.broadcast_to(np.arange(terms.shape[-1]), terms.shape[1:])
        keys = Keys(classes.reshape(-1), terms.shape[-1])
        for sums, term in zip(self._terms, terms, strict=True):
            sums.add(np.ascontiguousarray(term), keys)

    def merge(self, later: Self) -> None:
        super().merge(later)
        if later._terms:
            self._ensure_sums(len(later._terms), later._terms[0].size)
            for sums, further in zip(self._terms, later._terms, strict=True):
                sums.merge(further)

    def value(self) -> float:
        """The loss; NaN if all elements are ignored."""
        if not self.count:
            return float("nan")
        return self._pool(self.sums())

    def sums(self) -> Floats:
        """The sum of each term for each class, (terms, classes)."""
        return np.stack([sums.floats() for sums in self._terms])

    def _ensure_sums(self, terms: int, classes: int) -> None:
        if not self._terms:
            self._terms = [ExactSums(classes) for _ in range(terms)]
