"""The elements with the largest losses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Elements, Floats, PerElement, spread
from losscli.errors import option_error
from losscli.result import Column, Kind, Table, index_names
from losscli.statistics.accuracy import predict
from losscli.statistics.groups import plain_label
from losscli.statistics.statistic import LabelNames, Option, OptionValue, Setting, Statistic, Whole

# The prefix of the names of arrays that are shown with each element.
KEY = "key "


@dataclass(frozen=True)
class TopElement:
    """One of the elements with the largest losses.

    Args:
        keys: the values that identify its row, by column
        index: its position along each axis
        target: its target; None if an element has no single target
        predicted: the class with the largest score; None unless targets are class indices
        loss: its loss
    """

    keys: Mapping[str, Any]
    index: tuple[int, ...]
    target: Any
    predicted: Any
    loss: float


def _count(value: Any) -> OptionValue:
    if value is None:
        return 0
    if value < 0:
        raise option_error("top", value, "at least 1")
    return int(value)


class Top(Statistic):
    """The elements with the largest losses so far. In a tie, the first elements are kept. NaN ranks
    as infinity."""

    options = (
        Option(
            "top",
            int,
            "Show the K elements with the largest losses, with their index.",
            metavar="K",
            parse=_count,
            in_comparison=True,
            on_page=20,
        ),
    )
    order = 70

    def __init__(self, most: int, class_base: int, predicts: bool) -> None:
        self._most = most
        self._predicts = predicts
        self._base = class_base
        self.needs_scores = predicts
        self.worst: list[TopElement] = []

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        most = setting.asked.get("top")
        if not isinstance(most, int) or not most:
            return None
        return cls(most, setting.class_base, predicts=setting.classes is not None)

    def add(self, elements: Elements) -> None:
        losses = elements.losses.values
        ranks = _ranks(elements.losses).ravel()
        chosen = largest(ranks, self._most)
        if len(self.worst) == self._most:
            chosen = chosen[ranks[chosen] > _rank(self.worst[-1])]
        if not len(chosen):
            return
        at = np.unravel_index(chosen, losses.shape)
        target = elements.targets
        targets = [None] * len(chosen) if target is None else target[at].tolist()
        predicted = self._predicted(elements, at)
        keys = {
            name: spread(values, losses.shape)[at]
            for name, values in elements.labels.items()
            if name.startswith(KEY)
        }
        fresh = [
            TopElement(
                {name: values[n] for name, values in keys.items()},
                tuple(int(a[n]) + start for a, start in zip(at, elements.start, strict=True)),
                targets[n],
                predicted[n],
                float(losses.ravel()[number]),
            )
            for n, number in enumerate(chosen)
        ]
        self._take(fresh)

    def merge(self, later: Self) -> None:
        self._take(later.worst)

    def name_labels(self, names: LabelNames) -> None:
        self.worst = [
            replace(
                element,
                keys={
                    name: names[name][value] if name in names else value
                    for name, value in element.keys.items()
                },
            )
            for element in self.worst
        ]

    def result(self, whole: Whole) -> Iterable[Table]:
        rows = tuple(self._shown(element, whole) for element in self.worst)
        keys = tuple(rows[0].keys) if rows else ()
        is_difference = whole.setting.is_difference
        yield Table(
            "top",
            (
                Column("keys", Kind.LABELS, parts=keys, heading="", optional=True),
                Column("index", Kind.INDEX, parts=index_names(whole.rank), heading=""),
                Column("target", Kind.PLAIN, heading="target", optional=True),
                Column("predicted", Kind.PLAIN, heading="predicted", optional=True),
                Column(
                    "loss",
                    Kind.LOSS,
                    heading="difference" if is_difference else "loss",
                    row_name="difference" if is_difference else None,
                ),
            ),
            rows,
            title="Largest B - A" if is_difference else "Largest losses",
            what="elements",
        )

    def _predicted(self, elements: Elements, at: tuple[NDArray[np.intp], ...]) -> list[Any]:
        if not self._predicts:
            return [None] * len(at[0])
        assert elements.scores is not None
        classes: list[Any] = (predict(elements.scores.at(at)) + self._base).tolist()
        return classes

    def _take(self, further: list[TopElement]) -> None:
        self.worst = sorted([*self.worst, *further], key=_rank, reverse=True)[: self._most]

    def _shown(self, element: TopElement, whole: Whole) -> TopElement:
        """The element as reported: classes by name, and keys without their prefix."""
        keys = {name.removeprefix(KEY): plain_label(value) for name, value in element.keys.items()}
        if whole.class_names is None:
            return replace(element, keys=keys)
        return replace(
            element,
            keys=keys,
            target=whole.class_name(element.target),
            predicted=whole.class_name(element.predicted),
        )


def _rank(element: TopElement) -> float:
    return math.inf if math.isnan(element.loss) else element.loss


def largest(ranks: Floats, most: int) -> NDArray[np.intp]:
    """The indices of the `most` largest ranks above -inf, largest first. In a tie, smaller indices
    come first."""
    candidates = np.flatnonzero(ranks > -np.inf)
    if len(candidates) > most:
        least = np.partition(ranks[candidates], -most)[-most]
        candidates = candidates[ranks[candidates] >= least]
    order = np.argsort(-ranks[candidates], kind="stable")
    return candidates[order[:most]]


def _ranks(losses: PerElement) -> Floats:
    """The losses, with inf for NaN and -inf for ignored elements."""
    ranks = np.where(np.isnan(losses.values), np.inf, losses.values)
    return ranks if losses.ignored is None else np.where(losses.ignored, -np.inf, ranks)
