"""Everything that was asked for beside the number, gathered in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Elements, PerElement
from losscli.errors import ArrayError
from losscli.reduction import ExactSum
from losscli.request import SAMPLE, Wanted, label_array
from losscli.statistics.grouping import Grouping, Labels
from losscli.statistics.moments import Integers, Interval, Moments
from losscli.statistics.samples import Samples
from losscli.statistics.sketch import Sketch
from losscli.statistics.top import Top

# Elements that are taken together.
_TOGETHER = 1 << 15


class Collected:
    """Takes blocks of elements in C order, and then tells what was asked for.

    `by_weight`: the loss is a mean, whose denominator is the sum of the weights. `base` is the
    number of the first class.
    """

    def __init__(self, wanted: Wanted, by_weight: bool, base: int) -> None:
        scattered = wanted.cluster is not None
        self._wanted = wanted
        self._base = base
        self._clusters = Labels()
        self._samples = Samples(by_weight, scattered) if wanted.interval else None
        self._grouping = Grouping(len(wanted.by)) if wanted.by else None
        self._groups = Samples(by_weight, scattered)
        self._right = ExactSum()
        self._judged = ExactSum()
        self._held: list[Elements] = []
        self._size = 0
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

    def add(self, elements: Elements) -> None:
        """Blocks of few elements are taken together, which costs a tenth of taking each."""
        if self._held and not _goes_on(self._held[-1], elements):
            self._take_held()
        self._held.append(elements)
        self._size += elements.losses.values.size
        if self._size >= _TOGETHER:
            self._take_held()

    def finish(self) -> None:
        """Take what is left, once there are no more elements."""
        if self._held:
            self._take_held()

    @np.errstate(all="ignore")  # what is not finite is told of
    def _take_held(self) -> None:
        held, self._held, self._size = self._held, [], 0
        self._take(held[0] if len(held) == 1 else _joined(held))

    def _take(self, elements: Elements) -> None:
        losses = elements.losses
        weighted = replace(elements, losses=losses.weighted())
        samples = self._samples_of(elements)
        if self._samples is not None:
            self._samples.add(weighted, samples)
        if self._grouping is not None:
            labels = list(_labels(self._wanted.by, elements))
            self._groups.add(weighted, samples, self._grouping.codes(labels))
        if self._wanted.accuracy and elements.predicted is not None:
            hits = elements.predicted + self._base == _target(elements)
            self._right += ExactSum.of(losses.sample_weight_of(hits & losses.counted))
            self._judged += ExactSum.of(losses.sample_weight_of(losses.counted))
        if self.top is not None:
            self.top.add(elements)
        if self._wanted.quantiles or self._wanted.histogram:
            values = losses.values
            self.sketch.add(
                values.ravel() if losses.ignored is None else values[elements.losses.counted]
            )

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

    def accuracy(self) -> float:
        """How often the class with the largest score is the target, by sample weights."""
        judged = float(self._judged)
        return float(self._right) / judged if judged else math.nan

    def _samples_of(self, elements: Elements) -> Integers:
        cluster = self._wanted.cluster
        if cluster is not None:
            return self._clusters.codes(_padded(elements.labels[label_array(cluster)], elements))
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


def _goes_on(one: Elements, other: Elements) -> bool:
    """Whether rows of the one and of the other lie end to end, and are whole."""
    shapes = (one.losses.values.shape, other.losses.values.shape)
    whole = not any(one.start[1:]) and not any(other.start[1:]) and shapes[0][1:] == shapes[1][1:]
    return whole and other.start[0] == one.start[0] + shapes[0][0]


def _joined(held: Sequence[Elements]) -> Elements:
    """Blocks whose rows lie end to end as one."""
    losses = [one.losses for one in held]
    return Elements(
        held[0].start,
        _end_to_end([one.target for one in held], held),
        PerElement(
            np.concatenate([one.values for one in losses]),
            _end_to_end([one.weights for one in losses], held),
            _end_to_end(_masks(losses), held),
            _end_to_end([one.scale for one in losses], held),
            _end_to_end([one.sample_weights for one in losses], held),
        ),
        {name: _rows_end_to_end(name, held) for name in held[0].labels},
        _end_to_end([one.predicted for one in held], held),
    )


def _masks(losses: Sequence[PerElement]) -> list[Any]:
    if all(one.ignored is None for one in losses):
        return [None]
    return [np.False_ if one.ignored is None else one.ignored for one in losses]


def _end_to_end(parts: Sequence[Any], held: Sequence[Elements]) -> Any:
    """Arrays of which each broadcasts to its block; None where they are of another kind."""
    shapes = [one.losses.values.shape for one in held]
    if parts[0] is None or np.ndim(parts[0]) > len(shapes[0]):
        return None
    pairs = zip(parts, shapes, strict=True)
    return np.concatenate([np.broadcast_to(part, shape) for part, shape in pairs])


def _rows_end_to_end(name: str, held: Sequence[Elements]) -> NDArray[Any]:
    labels = [one.labels[name] for one in held]
    rows = [len(one.losses.values) for one in held]
    pairs = zip(labels, rows, strict=True)
    return np.concatenate([np.broadcast_to(one, (n, *one.shape[1:])) for one, n in pairs])


def _labels(names: Sequence[str], elements: Elements) -> Iterator[NDArray[Any]]:
    for name in names:
        labels = elements.labels.get(label_array(name))
        yield _classes(elements) if labels is None else _padded(labels, elements)


def _classes(elements: Elements) -> NDArray[Any]:
    """The targets as whole numbers, or as the names they have."""
    target = _target(elements)
    if target.dtype.kind != "f":
        return target
    whole = target.astype(np.int64)
    odd = (whole != target) & elements.losses.counted
    if odd.any():
        raise ArrayError("target", f"is {target[odd][0]}; --by class expects classes")
    return whole


def _target(elements: Elements) -> NDArray[Any]:
    targets = elements.targets
    if targets is None:
        raise ArrayError("target", "holds no class of each element")
    return targets


def _padded(labels: NDArray[Any], elements: Elements) -> NDArray[Any]:
    """With an axis of size 1 for each axis of elements that the labels lack."""
    missing = elements.losses.values.ndim - labels.ndim
    return labels.reshape(*labels.shape, *(1,) * missing)
