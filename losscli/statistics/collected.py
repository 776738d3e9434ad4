"""Everything that was asked for beside the number, gathered in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.engine import Elements
from losscli.errors import ArrayError
from losscli.reduction import Floats
from losscli.request import CLASS, SAMPLE, Wanted
from losscli.statistics.grouping import Grouping, Labels
from losscli.statistics.moments import Integers, Interval, Moments
from losscli.statistics.samples import Samples
from losscli.statistics.sketch import Sketch
from losscli.statistics.top import Top


class Collected:
    """Takes blocks of elements in C order, and then tells what was asked for.

    `by_weight`: the loss is a mean, whose denominator is the sum of the weights. `classes` is how
    many there are where guessing them has a cost, and `base` the number of the first one.
    """

    def __init__(self, wanted: Wanted, by_weight: bool, classes: int | None, base: int) -> None:
        scattered = wanted.cluster is not None
        self._wanted = wanted
        self._base = base
        self._clusters = Labels()
        self._samples = Samples(by_weight, scattered) if wanted.interval else None
        self._grouping = Grouping(len(wanted.by)) if wanted.by else None
        self._groups = Samples(by_weight, scattered)
        self._weights = np.zeros(classes) if wanted.interval and classes else None
        self._right = 0
        self.top = Top(wanted.top) if wanted.top else None
        self.sketch = Sketch()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to gather."""
        wanted = self._wanted
        return bool(
            wanted.interval
            or wanted.by
            or wanted.accuracy
            or wanted.top
            or wanted.quantiles
            or wanted.histogram
        )

    @np.errstate(all="ignore")  # what is not finite is told of
    def add(self, elements: Elements) -> None:
        losses = elements.losses
        samples = self._samples_of(elements)
        if self._samples is not None:
            self._samples.add(elements, samples)
        if self._grouping is not None:
            labels = list(_labels(self._wanted.by, elements))
            self._groups.add(elements, samples, self._grouping.codes(labels))
        if self._weights is not None:
            _add_weights(self._weights, elements, self._base)
        if self._wanted.accuracy and elements.predicted is not None:
            hits = elements.predicted + self._base == _target(elements)
            self._right += int(np.count_nonzero(hits & _kept(elements)))
        if self.top is not None:
            self.top.add(elements)
        if self._wanted.quantiles or self._wanted.histogram:
            values = losses.values
            self.sketch.add(values.ravel() if losses.ignored is None else values[_kept(elements)])

    def total(self) -> Moments | None:
        """The moments of all samples."""
        if self._samples is None:
            return None
        return self._samples.finish().get(0, Moments())

    def groups(self) -> Iterator[tuple[tuple[Any, ...], Moments]]:
        """The labels of each group with its moments."""
        if self._grouping is not None:
            for group, moments in self._groups.finish().items():
                yield self._grouping.names(group), moments

    def right(self) -> int:
        """How many elements have their target as the class with the largest score."""
        return self._right

    def prior(self) -> float:
        """What always guessing the frequencies of the targets costs: Σ_c f[c] · -log f[c]."""
        assert self._weights is not None
        total = self._weights.sum()
        if not total > 0.0:
            return math.nan
        shares = self._weights[self._weights > 0.0] / total
        return float(-(shares * np.log(shares)).sum())

    def _samples_of(self, elements: Elements) -> Integers:
        cluster = self._wanted.cluster
        if cluster is not None:
            return self._clusters.codes(_padded(elements.labels[cluster], elements))
        if SAMPLE in elements.labels:
            return _padded(elements.labels[SAMPLE], elements)
        rows = elements.start[0] + np.arange(len(elements.losses.values))
        return _padded(rows, elements)


def interval_of(moments: Moments, reduction: str) -> Interval | None:
    """The interval of a reduced loss."""
    found = moments.interval()
    if found is None or reduction != "sum":
        return found
    return found[0] * moments.samples, found[1] * moments.samples


def _labels(names: Sequence[str], elements: Elements) -> Iterator[NDArray[Any]]:
    for name in names:
        yield _classes(elements) if name == CLASS else _padded(elements.labels[name], elements)


def _classes(elements: Elements) -> NDArray[Any]:
    """The targets as whole numbers, or as the names they have."""
    target = _target(elements)
    if target.dtype.kind != "f":
        return target
    whole = target.astype(np.int64)
    odd = (whole != target) & _kept(elements)
    if odd.any():
        raise ArrayError("target", f"is {target[odd][0]}; --by class expects classes")
    return whole


def _target(elements: Elements) -> NDArray[Any]:
    target, shape = elements.target, elements.losses.values.shape
    if target is None or target.ndim != len(shape):
        raise ArrayError("target", "holds no class of each element")
    return np.broadcast_to(target, shape)


def _kept(elements: Elements) -> NDArray[np.bool_]:
    losses = elements.losses
    if losses.ignored is None:
        return np.ones(losses.values.shape, np.bool_)
    return ~losses.ignored


def _padded(labels: NDArray[Any], elements: Elements) -> NDArray[Any]:
    """With an axis of size 1 for each axis of elements that the labels lack."""
    missing = elements.losses.values.ndim - labels.ndim
    return labels.reshape(*labels.shape, *(1,) * missing)


def _add_weights(weights: Floats, elements: Elements, base: int) -> None:
    kept = _kept(elements)
    classes = _target(elements)[kept].astype(np.int64) - base
    of_each = elements.losses.weights
    each = None if of_each is None else np.broadcast_to(of_each, kept.shape)[kept]
    weights += np.bincount(classes, each, len(weights))
