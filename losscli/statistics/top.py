"""The elements with the largest losses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Elements, Floats, PerElement, spread
from losscli.losses.numerics import CLASS_AXIS
from losscli.request import key_array
from losscli.result import TopElement


@dataclass
class Top:
    """The `most` worst elements so far, of equal ones the first; what is NaN is as bad as inf."""

    most: int
    found: list[TopElement] = field(default_factory=list)

    def add(self, elements: Elements) -> None:
        losses = elements.losses.values
        ranks = _ranks(elements.losses)
        chosen = largest(ranks.ravel(), self.most)
        if len(self.found) == self.most:
            chosen = chosen[ranks.ravel()[chosen] > _rank(self.found[-1])]
        if not len(chosen):
            return
        target, predicted = elements.targets, elements.predicted
        keys = {
            name: spread(values, losses.shape)
            for name, values in elements.labels.items()
            if name.startswith(key_array(""))
        }
        places = zip(*np.unravel_index(chosen, losses.shape), strict=True)
        fresh = [
            TopElement(
                tuple(int(a + b) for a, b in zip(elements.start, at, strict=True)),
                None if target is None else target.item(at),
                None if predicted is None else int(predicted[at]),
                float(losses[at]),
                {name: values[at] for name, values in keys.items()},
            )
            for at in places
        ]
        self.found = sorted([*self.found, *fresh], key=_rank, reverse=True)[: self.most]


def _rank(element: TopElement) -> float:
    return math.inf if math.isnan(element.loss) else element.loss


def predict(scores: NDArray[Any], losses: PerElement) -> NDArray[np.intp]:
    """The class with the largest score of each element, the first of equal ones."""
    predicted: NDArray[np.intp] = scores.argmax(axis=CLASS_AXIS)
    return predicted


def predict_worst(most: int, scores: NDArray[Any], losses: PerElement) -> NDArray[np.intp]:
    """The same for the worst elements alone, and -1 for all others."""
    at = np.unravel_index(largest(_ranks(losses).ravel(), most), losses.values.shape)
    predicted = np.full(losses.values.shape, -1, np.intp)
    predicted[at] = np.moveaxis(scores, CLASS_AXIS, -1)[at].argmax(axis=-1)
    return predicted


def largest(ranks: Floats, most: int) -> NDArray[np.intp]:
    """Where the largest ranks above -inf are, in falling order, of equal ones the first."""
    candidates = np.flatnonzero(ranks > -np.inf)
    if len(candidates) > most:
        least = np.partition(ranks[candidates], -most)[-most]
        candidates = candidates[ranks[candidates] >= least]
    order = np.argsort(-ranks[candidates], kind="stable")
    return candidates[order[:most]]


def _ranks(losses: PerElement) -> Floats:
    """The losses with NaN for inf, and -inf where they do not count."""
    ranks = np.where(np.isnan(losses.values), np.inf, losses.values)
    return ranks if losses.ignored is None else np.where(losses.ignored, -np.inf, ranks)
