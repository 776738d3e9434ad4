"""The accuracy: how often the class with the largest score is the target."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Elements, Mask
from losscli.result import Fact
from losscli.statistics.exact import ExactSums
from losscli.statistics.groups import class_targets
from losscli.statistics.statistic import Option, Setting, Statistic, Whole


class Accuracy(Statistic):
    """The share of elements whose predicted class is the target, weighted by sample weights."""

    options = (
        Option(
            "accuracy",
            bool,
            "Report how often the class with the largest score is the target.",
            for_losses="classes",
            of_elements=False,
        ),
    )
    needs_scores = True
    order = 40

    def __init__(self, class_base: int) -> None:
        self._base = class_base
        self._right = ExactSums()
        self._all = ExactSums()

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        return cls(setting.class_base) if setting.asked.get("accuracy") else None

    def add(self, elements: Elements) -> None:
        assert elements.scores is not None
        predicted = elements.scores.per_element(predict, fill=-1)
        counted = elements.losses.counted
        right = (predicted + self._base == class_targets(elements)) & counted
        add_weights_of(self._right, elements, right)
        add_weights_of(self._all, elements, counted)

    def merge(self, later: Self) -> None:
        self._right.merge(later._right)
        self._all.merge(later._all)

    def result(self, whole: Whole) -> Iterable[Fact]:
        total = self._all.float()
        accuracy = self._right.float() / total if total else math.nan
        yield Fact("accuracy", accuracy, "accuracy", (f"{accuracy:.2%}",), in_rows=True)


def predict(scores: NDArray[np.generic]) -> NDArray[np.intp]:
    """The class with the largest score of each element; in a tie, the first of these classes. The
    scores are (n, C, d1, ..., dK) and the classes (n, d1, ..., dK)."""
    predicted: NDArray[np.intp] = scores.argmax(axis=1)
    return predicted


def add_weights_of(sums: ExactSums, elements: Elements, chosen: Mask) -> None:
    """Add the sample weights of the chosen elements, or 1 for each if there are no weights."""
    weights = elements.losses.sample_weights
    if weights is None:
        sums.add_counts([int(np.count_nonzero(chosen))])
    else:
        sums.add(np.broadcast_to(weights, chosen.shape)[chosen])
