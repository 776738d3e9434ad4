"""Sums over the elements of each sample, from blocks that may split a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from losscli.elements import Array, Elements, Floats, Mask, PerElement, padded
from losscli.errors import DataError
from losscli.statistics.exact import (
    ExactSums,
    Integers,
    Keys,
    largest_size,
    planes_of,
    rounded_sum,
)
from losscli.statistics.labels import Labels, distinct

# The maximum number of values that are added at once; exact.py explains this number.
_AT_ONCE = 1 << 18

# Rows with a larger value or with more values are summed by ExactSums. Otherwise sums of large
# values may overflow, and the planes of long rows may not add up exactly.
_LARGE = 2.0**900
_WIDE = 1 << 20

# The limit on the number of clusters. Each takes 700 bytes of memory.
MOST_CLUSTERS = 1 << 22

# The smallest number of entries at which OpenSamples combines entries of the same sample.
_MANY = 1 << 16


class SampleRows(NamedTuple):
    """Samples, one per row: sums of losses and weights, and which samples count.

    Args:
        losses: the sum of each sample's losses, rounded once
        weights: the sum of each sample's weights; None if all weights are 1
        counted: the samples with at least one element that is not ignored; None for all samples
        keys: the key of each sample; None if all have key 0
        are_elements: whether each sample is one element
    """

    losses: Floats
    weights: Floats | None
    counted: Mask | None = None
    keys: Integers | None = None
    are_elements: bool = False


def sample_ids(elements: Elements, samples: str | None) -> Array | None:
    """The label of each element's sample, along the first axes; None if rows are samples."""
    return None if samples is None else padded(elements.labels[samples], len(elements.shape))


def rows_of(
    values: Floats, elements: Elements, by_weight: bool, keys: Integers | None
) -> SampleRows | None:
    """The rows of a block as samples. None if rows are incomplete, or if the elements of a row may
    have different keys."""
    losses, rows = elements.sampled, len(values)
    along_rows = keys is None or keys.size in (1, keys.shape[0])
    if not (elements.whole_rows and along_rows):
        return None
    keys_of_rows = None if keys is None else np.broadcast_to(keys.reshape(-1), (rows,))
    if values.size == rows:
        weights = None
        if by_weight and losses.weights is not None:
            weights = np.broadcast_to(losses.weights, values.shape).reshape(-1)
        counted = None if losses.ignored is None else ~losses.ignored.reshape(-1)
        return SampleRows(values.reshape(-1), weights, counted, keys_of_rows, are_elements=True)
    counts = _counted_in_rows(losses)
    row_weights = None
    if by_weight and losses.weights is not None:
        row_weights = row_sums(np.broadcast_to(losses.weights, values.shape))
    elif by_weight:
        row_weights = counts.astype(np.float64)
    counted = None if losses.ignored is None else counts > 0
    return SampleRows(row_sums(values), row_weights, counted, keys_of_rows)


def _counted_in_rows(losses: PerElement) -> Integers:
    """The number of elements of each row that are not ignored."""
    rows = len(losses.values)
    size = losses.values.size // max(rows, 1)
    if losses.ignored is None:
        return np.full(rows, size, np.int64)
    counts: Integers = size - np.count_nonzero(losses.ignored.reshape(rows, size), axis=1)
    return counts


def row_sums(values: Floats) -> Floats:
    """The exact sum along all axes but the first, rounded once."""
    rows = len(values)
    width = values.size // max(rows, 1)
    flat = values.reshape(rows, width)
    step = max(1, _AT_ONCE // max(width, 1))
    sums = [_row_sums(flat[start : start + step]) for start in range(0, rows, step)]
    return np.concatenate([np.empty(0), *sums])


def _row_sums(values: Floats) -> Floats:
    top = largest_size(values)
    if not (top < _LARGE and values.shape[1] <= _WIDE):  # also if top is NaN
        sums = ExactSums(len(values))
        codes = np.repeat(np.arange(len(values)), values.shape[1])
        sums.add(values, Keys(codes, len(values)))
        return sums.floats()
    planes = [plane.sum(axis=1) for _, plane in planes_of(values, top, values.shape[1])]
    return rounded_sum(planes) if planes else np.zeros(len(values))


@dataclass
class SampleCount:
    """The number of samples with at least one element that is not ignored.

    `closed` is the number of complete samples. `last` contains samples that may continue in
    another block.
    """

    closed: int = 0
    last: set[Any] = field(default_factory=set)

    def add(self, elements: Elements, ids: Array | None) -> None:
        losses = elements.sampled
        if ids is None and elements.whole_rows:
            everything = losses.ignored is None
            self.closed += (
                len(losses.values)
                if everything
                else int(np.count_nonzero(_counted_in_rows(losses)))
            )
            return
        rows = elements.start[0] + np.arange(len(losses.values)) if ids is None else ids
        present = np.unique(_spread_counted(padded(rows, losses.values.ndim), losses))
        self.last.update(present[[0, -1]].tolist() if len(present) else ())
        self.closed += len(present[1:-1])

    def merge(self, later: SampleCount) -> None:
        self.closed += later.closed
        self.last |= later.last

    @property
    def samples(self) -> int:
        return self.closed + len(self.last)


def _spread_counted(along: Array, losses: PerElement) -> Array:
    """Broadcast values along the first axes to all elements. Returns the values of elements that
    are not ignored, flattened."""
    shape = losses.values.shape
    spread = np.broadcast_to(along, shape)
    return spread.reshape(-1) if losses.ignored is None else spread[~losses.ignored]


class OpenSamples:
    """Sums of samples that may continue in another block.

    An entry is the sum over some elements of one sample and one key. If the elements of a sample
    are `scattered` over the data, all samples stay open. Otherwise only samples at the ends of a
    block may continue.
    """

    def __init__(self, scattered: bool) -> None:
        self.scattered = scattered
        self._labels: Labels | None = None
        self._ids = np.zeros(0, np.int64)
        self._keys = np.zeros(0, np.int64)
        self._losses = ExactSums(0)
        self._weights = ExactSums(0)
        self._combined = 0  # the number of entries after they were last combined

    def add(
        self,
        elements: Elements,
        values: Floats,
        weights: Floats | None,
        ids: Array | None,
        keys: Integers | None,
    ) -> SampleRows | None:
        """Add a block. Returns the samples that no other block continues; None if there are none.

        Args:
            values: the losses to add
            weights: the weights of the losses, in the same shape; None if every sample has weight 1
            ids: the label of each element's sample, along the first axes; None if rows are samples
            keys: the key of each element, along the first axes; None if all have key 0
        """
        losses = elements.sampled
        rank = values.ndim
        has_ids = ids is not None
        if ids is None:
            ids = padded(elements.start[0] + np.arange(len(values)), rank)
        codes = _spread_counted(self._codes(ids), losses)
        key_of_each = np.zeros((1,) * rank, np.int64) if keys is None else keys
        each_key = _spread_counted(key_of_each, losses)
        counted = slice(None) if losses.ignored is None else ~losses.ignored.reshape(-1)
        if not codes.size:
            return None
        samples, keys_of_pairs, inverse = _distinct_pairs(codes, each_key)
        sums, sums_of_weights = ExactSums(len(samples)), ExactSums(len(samples))
        each = Keys(inverse, len(samples))
        sums.add(values.reshape(-1)[counted], each)
        if weights is not None:
            sums_of_weights.add(weights.reshape(-1)[counted], each)
        is_open = self._may_continue(samples, elements.whole_rows and not has_ids)
        self._append(
            samples[is_open],
            keys_of_pairs[is_open],
            sums.take(np.flatnonzero(is_open)),
            sums_of_weights.take(np.flatnonzero(is_open)),
        )
        closed = np.flatnonzero(~is_open)
        if not len(closed):
            return None
        return SampleRows(
            sums.take(closed).floats(),
            None if weights is None else sums_of_weights.take(closed).floats(),
            None,
            None if keys is None else keys_of_pairs[closed],
        )

    def merge(self, later: OpenSamples, keys: Integers | None) -> None:
        """Add the entries of `later`. `keys[k]` is the key here of key k in `later`; None if keys
        are the same."""
        ids = later._ids
        if later._labels is not None:
            self._labels = self._labels or Labels()
            ids = self._labels.merge(later._labels)[ids]
        codes_of_keys = later._keys if keys is None else keys[later._keys]
        self._append(ids, codes_of_keys, later._losses, later._weights)

    def name_labels(self, names: Sequence[Any]) -> None:
        """Replace the codes of samples by labels: `names[code]` is the label of a code."""
        labels = Labels()
        present, inverse = distinct(self._ids)
        codes = labels.codes_of([names[code] for code in present.tolist()])
        self._ids, self._labels = codes[inverse], labels

    def rows(self, weighted: bool) -> SampleRows:
        """Return all samples, with weights if `weighted`. Called after the last block."""
        self._combine()
        weights = self._weights.floats() if weighted else None
        return SampleRows(self._losses.floats(), weights, None, self._keys)

    def _codes(self, ids: Array) -> Integers:
        if self._labels is None and ids.dtype.kind in "bi":
            return ids.astype(np.int64, copy=False)
        self._labels = self._labels or Labels()
        return self._labels.codes(ids)

    def _may_continue(self, samples: Integers, are_whole: bool) -> Mask:
        if self.scattered or are_whole:
            return np.full(len(samples), self.scattered)
        ends: Mask = (samples == samples[0]) | (samples == samples[-1])
        return ends

    def _append(self, ids: Integers, keys: Integers, losses: ExactSums, weights: ExactSums) -> None:
        before, more = len(self._ids), len(ids)
        if not more:
            return
        self._ids = np.append(self._ids, ids)
        self._keys = np.append(self._keys, keys)
        where = np.arange(before, before + more)
        for mine, theirs in ((self._losses, losses), (self._weights, weights)):
            mine.resize(before + more)
            mine.merge(theirs, where)
        if len(self._ids) >= max(_MANY, 2 * self._combined):
            self._combine()

    def _combine(self) -> None:
        """Combine entries of the same sample and key. Raises DataError for too many clusters."""
        if len(self._ids):
            self._ids, self._keys, inverse = _distinct_pairs(self._ids, self._keys)
            self._losses = self._losses.gathered(inverse, len(self._ids))
            self._weights = self._weights.gathered(inverse, len(self._ids))
        self._combined = len(self._ids)
        if self._combined > MOST_CLUSTERS:
            raise DataError(
                f"--cluster: found {self._combined:,} clusters; the limit is {MOST_CLUSTERS:,}"
            )


def _distinct_pairs(ids: Integers, keys: Integers) -> tuple[Integers, Integers, Integers]:
    """The ids and the keys of the sorted distinct pairs, and the index of each given pair among the
    distinct ones."""
    low, width = int(ids.min()), int(keys.max()) + 1
    if (int(ids.max()) - low + 1) * width < 1 << 63:
        pairs, inverse = distinct((ids - low) * width + keys)
        return pairs // width + low, pairs % width, inverse
    names, indices = np.unique(ids, return_inverse=True)  # the ids themselves would overflow
    pairs, inverse = distinct(indices * width + keys)
    return names[pairs // width], pairs % width, inverse
