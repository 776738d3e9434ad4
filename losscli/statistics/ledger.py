"""The ledger: exact sums of losses, of weights, and of the terms of an interval, for each key.

A key is the number of a group, from 0 on. A ledger of all elements has only key 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from losscli.elements import Elements, Floats, Mask, PerElement, padded
from losscli.statistics.exact import (
    LOWEST,
    ExactSums,
    Integers,
    Keys,
    root_of_ratio,
    to_float,
)
from losscli.statistics.products import add_products
from losscli.statistics.samples import (
    OpenSamples,
    SampleCount,
    SampleRows,
    rows_of,
    sample_ids,
)
from losscli.statistics.student import t_quantile

Interval = tuple[float, float]


class Rule(NamedTuple):
    """The rule for adding up losses.

    Args:
        by_weight: whether the loss is a mean, whose denominator is the sum of the weights;
            otherwise every sample has weight 1
        interval: whether to add up the squares for an interval
        samples: the name of the array of labels that identifies the sample of each element; None if
            each row is a sample
        scattered: whether the elements of a sample may be in blocks that are not adjacent
        by_row: whether the loss is divided by the number of rows (batchmean)
        row_labels: the name of the array of labels that identifies the sequence of each element, if
            rows of the file are sequences; None if each row of elements is a row of the file
    """

    by_weight: bool
    interval: bool = True
    samples: str | None = None
    scattered: bool = False
    by_row: bool = False
    row_labels: str | None = None

    @property
    def has_weights(self) -> bool:
        """Whether a sample's weight is a sum over its elements or rows. Otherwise it is 1."""
        return self.by_weight or (self.by_row and self.scattered)


@dataclass
class Moments:
    """Sums over samples for the keys 0 to size - 1.

    A sample is an independent draw: an entry of the first axis, a row of a table, or a cluster. Its
    loss s is the exact sum of its elements' losses, rounded once. Its weight w is the exact sum of
    their weights, rounded once.

    Attributes:
        samples: the number of samples of each key
        below: the number of samples with s < 0, counted only without keys
        above: the number of samples with s > 0, counted only without keys
        squares: Σ s²
        products: Σ s·w, without samples that are one element of weight 1
        weight_squares: Σ w²
    """

    size: int = 1
    samples: Integers = field(init=False)
    below: int = 0
    above: int = 0
    squares: ExactSums = field(init=False)
    products: ExactSums = field(init=False)
    weight_squares: ExactSums = field(init=False)

    def __post_init__(self) -> None:
        self.samples = np.zeros(self.size, np.int64)
        self.squares, self.products, self.weight_squares = (ExactSums(self.size) for _ in range(3))

    def add(self, rows: SampleRows, keys: Keys | None) -> None:
        """Add samples to the sums of their keys. Without `keys`, add all to the first key."""
        counts = _counts_of(keys, rows.counted, len(rows.losses), self.size)
        self.samples += counts
        if keys is None:
            self.below += int(np.count_nonzero(rows.losses < 0.0))
            self.above += int(np.count_nonzero(rows.losses > 0.0))
        add_products(self.squares, rows.losses, rows.losses, keys)
        if rows.weights is None:
            if not rows.are_elements:
                self.products.add(rows.losses, keys)
            self.weight_squares.add_counts(counts)
        else:
            add_products(self.products, rows.losses, rows.weights, keys)
            add_products(self.weight_squares, rows.weights, rows.weights, keys)

    def merge(self, later: Moments, keys: Integers | None = None) -> None:
        where = slice(0, later.size) if keys is None else keys
        self.samples[where] += later.samples
        self.below += later.below
        self.above += later.above
        self.squares.merge(later.squares, keys)
        self.products.merge(later.products, keys)
        self.weight_squares.merge(later.weight_squares, keys)

    def resize(self, size: int) -> None:
        self.samples = np.append(self.samples, np.zeros(size - self.size, np.int64))
        for sums in (self.squares, self.products, self.weight_squares):
            sums.resize(size)
        self.size = size


class Ledger:
    """Sums over elements and over samples, for the keys 0 to size - 1."""

    def __init__(self, rule: Rule, size: int = 1) -> None:
        self.rule = rule
        self.size = size
        self._is_keyed = False
        self.elements = np.zeros(size, np.int64)
        self.ignored = 0
        self._weights = ExactSums(size)
        # Losses of samples that are one element of weight 1. For these samples, Σ s is also Σ s·w.
        self._plain = ExactSums(size)
        self._other = ExactSums(size)
        self._moments = Moments(size)
        self._open = OpenSamples(rule.scattered)
        self._rows = SampleCount()

    @np.errstate(all="ignore")  # NaN and infinity are reported
    def add(self, elements: Elements, keys: Integers | None = None) -> None:
        """Add elements to the sums of their keys. Without `keys`, add all to the first key.

        Args:
            keys: the key of each element, along the first axes of the elements
        """
        losses, rule = elements.weighted, self.rule
        values = losses.values
        if rule.by_weight and losses.scale is not None:
            values = values * losses.scale
        self._is_keyed = keys is not None
        each = None
        if keys is not None:
            keys = padded(keys, values.ndim)
            each = Keys(np.broadcast_to(keys, values.shape).reshape(-1), self.size)
        self._add_weights(losses, each)
        if rule.by_row or not rule.interval:
            self._rows.add(elements, sample_ids(elements, rule.row_labels))
        rows = None
        if rule.interval:
            rows = self._add_samples(elements, values, keys, each)
        is_plain = rows is not None and rows.are_elements and rows.weights is None
        (self._plain if is_plain else self._other).add(values, each)

    def merge(self, later: Ledger, keys: Integers | None = None) -> None:
        """Add the sums of `later`. `keys[k]` is the key here of key k in `later`; None if keys are
        the same."""
        where = slice(0, later.size) if keys is None else keys
        self._is_keyed = self._is_keyed or later._is_keyed
        self.elements[where] += later.elements
        self.ignored += later.ignored
        self._weights.merge(later._weights, keys)
        self._plain.merge(later._plain, keys)
        self._other.merge(later._other, keys)
        self._moments.merge(later._moments, keys)
        self._open.merge(later._open, keys)
        self._rows.merge(later._rows)

    def resize(self, size: int) -> None:
        """Append sums of 0 for further keys."""
        if size == self.size:
            return
        self.elements = np.append(self.elements, np.zeros(size - self.size, np.int64))
        for sums in (self._weights, self._plain, self._other, self._moments):
            sums.resize(size)
        self.size = size

    def name_labels(self, names: Mapping[str, Sequence[Any]]) -> None:
        """Replace the codes of samples by labels, if their elements may be in other parts. `names`
        has the labels in the order of their codes, for each array of labels."""
        samples = self.rule.samples
        if self.rule.scattered and samples is not None and samples in names:
            self._open.name_labels(names[samples])

    def finish(self) -> None:
        """Add the samples that are still open. Called after the last element."""
        if self.rule.interval:
            rows = self._open.rows(self.rule.has_weights)
            self._moments.add(rows, self._keys_of(rows) if self._is_keyed else None)
            self._open = OpenSamples(self.rule.scattered)

    def losses(self, key: int = 0) -> float:
        """The sum of the losses, rounded once."""
        both = (self._plain, self._other)
        non_finite = [sums.float(key) for sums in both if not sums.is_finite(key)]
        return sum(non_finite) if non_finite else to_float(self.loss_units(key))

    def loss_units(self, key: int = 0) -> int:
        """The sum of the finite losses as a multiple of 2^LOWEST."""
        return self._plain.units(key) + self._other.units(key)

    def weight_units(self, key: int = 0) -> int:
        """The sum of the finite weights as a multiple of 2^LOWEST."""
        return self._weights.units(key)

    def weights(self, key: int = 0) -> float:
        """The sum of the weights of the elements, rounded once."""
        return self._weights.float(key)

    def samples(self, key: int = 0) -> int:
        """The number of samples with at least one element that is not ignored."""
        return int(self._moments.samples[key]) if self.rule.interval else self._rows.samples

    @property
    def rows(self) -> int:
        """The number of rows, or sequences, with at least one element that is not ignored."""
        counts_rows = self.rule.by_row or not self.rule.interval
        return self._rows.samples if counts_rows else self.samples()

    @property
    def signs(self) -> tuple[int, int]:
        """The numbers of samples whose loss is below 0 and above 0."""
        return self._moments.below, self._moments.above

    def ratio(self, key: int = 0) -> float:
        """The sum of the losses divided by the sum of the sample weights; NaN if the weights sum
        to 0."""
        divisor = self._divisor(key)
        return self.losses(key) / divisor if divisor else math.nan

    def interval(self, key: int = 0) -> Interval | None:
        """A 95% confidence interval for the ratio, from Student's t over samples.

            r ± t · sqrt(n/(n-1) · Σ (s - r·w)²) / Σ w

        with r = Σ s / Σ w and Student's t with n-1 degrees of freedom. If all weights are 1, this
        is the interval of a mean. None for fewer than 2 samples, if Σ w is 0, and if the interval
        is not finite.

        Source: the ratio estimator of Cochran, Sampling Techniques, 3rd edition, 6.3
        """
        r, n, moments = self.ratio(key), self.samples(key), self._moments
        is_finite = moments.squares.is_finite(key) and moments.weight_squares.is_finite(key)
        if n < 2 or not (is_finite and math.isfinite(r)):
            return None
        numerator, denominator = r.as_integer_ratio()
        squares = moments.squares.units(key)
        products = moments.products.units(key) + self._plain.units(key)
        weight_squares = moments.weight_squares.units(key)
        # Σ (s - r·w)² = Σ s² - 2r Σ s·w + r² Σ w² in multiples of 2^LOWEST / denominator².
        spread = (
            squares * denominator**2
            - 2 * numerator * denominator * products
            + numerator**2 * weight_squares
        )
        root = root_of_ratio(max(0, spread) * n, (denominator**2 << -LOWEST) * (n - 1))
        reach = t_quantile(n - 1) * root / abs(self._divisor(key))
        return (r - reach, r + reach) if math.isfinite(reach) else None

    def _divisor(self, key: int) -> float:
        if self.rule.by_weight:
            return self.weights(key)
        if self.rule.by_row and self.rule.scattered:
            return float(self.rows)
        return float(self.samples(key))

    def _keys_of(self, rows: SampleRows) -> Keys | None:
        return None if rows.keys is None else Keys(rows.keys, self.size)

    def _add_weights(self, losses: PerElement, keys: Keys | None) -> None:
        counted = None if losses.ignored is None else ~losses.ignored.reshape(-1)
        counts = _counts_of(keys, counted, losses.values.size, self.size)
        self.elements += counts
        self.ignored += 0 if counted is None else counted.size - int(np.count_nonzero(counted))
        if losses.weights is None:
            self._weights.add_counts(counts)
        else:
            self._weights.add(np.broadcast_to(losses.weights, losses.values.shape), keys)

    def _add_samples(
        self, elements: Elements, values: Floats, keys: Integers | None, each: Keys | None
    ) -> SampleRows | None:
        """Add the samples of a block. Returns the samples if each row of the block is a sample with
        one key; otherwise None.

        Args:
            keys: the key of each element, along the first axes
            each: the keys of all elements, flattened
        """
        losses, rule = elements.sampled, self.rule
        ids = sample_ids(elements, rule.samples)
        rows = None
        if ids is None:
            rows = rows_of(values, elements, rule.by_weight, keys)
        closed = rows
        if rows is None:
            weights = _weights_in_samples(elements, losses, rule)
            closed = self._open.add(elements, values, weights, ids, keys)
        if closed is not None:
            self._moments.add(closed, each if closed.are_elements else self._keys_of(closed))
        return rows


def _weights_in_samples(elements: Elements, losses: PerElement, rule: Rule) -> Floats | None:
    """How much each element adds to the weight of its sample; None if every sample has weight 1."""
    shape = losses.values.shape
    if rule.by_weight:
        return np.ones(shape) if losses.weights is None else np.broadcast_to(losses.weights, shape)
    if not rule.has_weights:
        return None
    # Each row adds 1 to the weight of its sample, at its first element that is not ignored. In a
    # block of incomplete rows, this is possible only if no element is ignored.
    weights = np.zeros((shape[0], math.prod(shape[1:])))
    if elements.whole_rows and losses.ignored is not None:
        counted = ~losses.ignored.reshape(weights.shape)
        weights[np.arange(shape[0]), counted.argmax(axis=1)] = counted.any(axis=1)
    elif losses.ignored is not None:  # the first counted element may be in another block
        weights[:] = math.nan
    elif not any(elements.start[1:]):
        weights[:, :1] = 1.0
    return weights.reshape(shape)


def _counts_of(keys: Keys | None, counted: Mask | None, elements: int, size: int) -> Integers:
    """The number of elements of each key that are not ignored."""
    if keys is None:
        count = elements if counted is None else int(np.count_nonzero(counted))
        return np.array([count, *[0] * (size - 1)], np.int64)
    return keys.counts if counted is None else keys.of(counted).counts
