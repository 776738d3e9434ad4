"""The losses of samples, group by group, from blocks that may cut a sample in two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Elements, Floats, Mask
from losscli.statistics.moments import Integers, Moments, by_group

# Rows that are collected before they are added up: at least so many, and 256 for each group, since
# it is each group's sum that takes time, but never more than 20 MB of them.
_COLLECTED = 1 << 17
_ROWS_A_GROUP = 256
_MOST_COLLECTED = 1 << 19


class Rows(NamedTuple):
    """What elements of one sample and one group add up to, a row each."""

    samples: NDArray[Any]
    groups: NDArray[Any]
    losses: NDArray[Any]
    weights: NDArray[Any]
    elements: NDArray[Any]


@dataclass
class Samples:
    """The moments of each group over the samples.

    `by_weight`: a sample's weight is the sum of its elements' weights, and else 1. `scattered`:
    elements of one sample need not follow each other, so that what is held grows with their number.
    """

    by_weight: bool
    scattered: bool = False
    moments: dict[int, Moments] = field(default_factory=dict)
    _held: list[Rows] = field(default_factory=list)
    _count: int = 0
    _limit: int = _COLLECTED

    def add(self, elements: Elements, samples: Integers, groups: Integers | None = None) -> None:
        """`samples` and `groups` tell of each element, or of each row of elements, to which sample
        and to which group it belongs."""
        rows = _rows_of(elements, samples, groups)
        self._held.append(rows)
        self._count += len(rows.samples)
        if self._count >= self._limit:
            self._settle(last=False)

    def finish(self) -> dict[int, Moments]:
        """The moments, once there are no more elements."""
        self._settle(last=True)
        return self.moments

    def _settle(self, last: bool) -> None:
        """Add up what is collected, but for samples that may go on."""
        if not self._held:
            return
        rows = _combined(Rows(*map(np.concatenate, zip(*self._held, strict=True))))
        goes_on = np.zeros(len(rows.samples), dtype=np.bool_)
        if not last and len(goes_on):
            goes_on = rows.samples == rows.samples[-1]
            if self.scattered:
                goes_on[:] = True
        self._held = [Rows(*(one[goes_on] for one in rows))]
        self._count = len(self._held[0].samples)
        enough = min(_ROWS_A_GROUP * len(self.moments), _MOST_COLLECTED)
        self._limit = max(_COLLECTED, enough, 2 * self._count)
        _, groups, losses, weights, elements = (one[~goes_on] for one in rows)
        if not self.by_weight:
            weights = np.ones(len(groups))
        for group, found in by_group(groups, losses, weights, elements):
            known = self.moments.get(group)
            self.moments[group] = found if known is None else known.merge(found)


def _rows_of(elements: Elements, samples: Integers, groups: Integers | None) -> Rows:
    losses = elements.losses
    shape = losses.values.shape
    values = losses.values if losses.scale is None else losses.values * losses.scale
    kept = losses.counted
    weights = kept if losses.weights is None else np.broadcast_to(losses.weights, shape)
    if groups is None:
        groups = np.zeros((1,) * len(shape), np.int64)
    if _along_rows(samples) and _along_rows(groups):
        return _sums_of_rows(samples, groups, values, weights, kept)
    spread = (np.broadcast_to(one, shape) for one in (samples, groups))
    one_each = np.broadcast_to(np.int64(1), shape)
    fields = Rows(next(spread), next(spread), values, weights, one_each)
    return _combined(Rows(*(one[kept] for one in fields)))


def _along_rows(labels: Integers) -> bool:
    """Whether the labels have one value for each row of elements, or one for all rows."""
    return labels.size == len(labels)


def _sums_of_rows(
    samples: Integers, groups: Integers, values: Floats, weights: NDArray[Any], kept: Mask
) -> Rows:
    rows = (len(values), -1) if values.size else (len(values), 0)
    counts = np.count_nonzero(kept.reshape(rows), axis=1)
    sums = Rows(
        np.broadcast_to(samples.ravel(), rows[:1]),
        np.broadcast_to(groups.ravel(), rows[:1]),
        values.reshape(rows).sum(axis=1),
        weights.reshape(rows).sum(axis=1, dtype=np.float64),
        counts,
    )
    return _combined(Rows(*(one[counts > 0] for one in sums)))


def _combined(rows: Rows) -> Rows:
    """One row for each sample and group that are there, in the order of samples."""
    if np.all(np.diff(rows.samples) > 0):
        return rows
    first, size = int(rows.samples.min()), int(rows.groups.max()) + 1
    keys = (rows.samples - first) * size + rows.groups
    found, inverse = distinct(keys)
    losses, weights, elements = (np.bincount(inverse, one, len(found)) for one in rows[2:])
    return Rows(found // size + first, found % size, losses, weights, elements.astype(np.int64))


def distinct(values: NDArray[np.int64]) -> tuple[Integers, Integers]:
    """The numbers that are there, in order, and which of them each is.

    Where they lie close together they are counted instead of sorted, which takes a tenth.
    """
    if not len(values):
        return values, values
    low, high = int(values.min()), int(values.max())
    if high - low > 4 * len(values):
        found, inverse = np.unique(values, return_inverse=True)
        return found, inverse.reshape(-1)
    present = np.bincount(values - low) > 0
    number = np.cumsum(present) - 1
    return np.flatnonzero(present) + low, number[values - low]
