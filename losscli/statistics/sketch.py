"""A sketch of the distribution of losses, with 512 buckets for each power of two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Floats

# The number of low bits of a float64 that a bucket's number leaves out. 9 bits of the significand
# remain, so that the relative error of a bucket's middle is at most 1/1024.
_LEFT_OUT = 43
RELATIVE_ERROR = 2.0**-10

# The number of a bucket is below this.
_MOST_BUCKETS = 1 << (63 - _LEFT_OUT)

# The number of bars of a histogram, and the largest share of losses at each end that the first or
# last bar may extend to.
_BARS = 16
_TAIL = Fraction(1, 100)

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Buckets:
    """The counts of numbers in the buckets from `first` on."""

    first: int = 0
    counts: Counts = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, sizes: Floats) -> Buckets:
        """Count numbers, which must be at least 0 and not -0, in buckets."""
        if not len(sizes):
            return cls()
        buckets = sizes.view(np.int64) >> _LEFT_OUT
        first = int(buckets.min())
        return cls(first, np.bincount(buckets - first))

    def require_valid(self) -> None:
        """Raise ValueError for buckets that no number has."""
        if not 0 <= self.first <= self.first + len(self.counts) <= _MOST_BUCKETS:
            raise ValueError("invalid buckets of a sketch")

    def merge(self, other: Buckets) -> Buckets:
        if not len(self.counts) or not len(other.counts):
            return self if len(self.counts) else other
        first = min(self.first, other.first)
        last = max(self.first + len(self.counts), other.first + len(other.counts))
        counts = np.zeros(last - first, np.int64)
        for buckets in (self, other):
            counts[buckets.first - first :][: len(buckets.counts)] += buckets.counts
        return Buckets(first, counts)

    def present(self) -> tuple[NDArray[np.intp], Counts]:
        """The buckets that are not empty, in ascending order, and their counts."""
        present = np.flatnonzero(self.counts)
        return present + self.first, self.counts[present]


@dataclass
class Sketch:
    """Counts of losses in buckets of similar size, and the smallest and largest loss, without NaN.

    The number of a bucket is the first 20 bits of a float64 after its sign bit. Buckets are
    therefore in the order of their values, and infinity has its own bucket. Two sketches merge by
    adding counts.
    """

    positive: Buckets = field(default_factory=Buckets)
    negative: Buckets = field(default_factory=Buckets)
    least: float = math.inf
    largest: float = -math.inf

    def add(self, losses: Floats) -> None:
        losses = losses[~np.isnan(losses)]
        if not len(losses):
            return
        self.least = min(self.least, float(losses.min()))
        self.largest = max(self.largest, float(losses.max()))
        below = losses < 0.0
        if below.any():
            self.negative = self.negative.merge(Buckets.of(-losses[below]))
            losses = losses[~below]
        # 0 and -0 share a bucket.
        self.positive = self.positive.merge(Buckets.of(np.abs(losses)))

    def merge(self, other: Sketch) -> Sketch:
        return Sketch(
            self.positive.merge(other.positive),
            self.negative.merge(other.negative),
            min(self.least, other.least),
            max(self.largest, other.largest),
        )

    def quantiles(self, shares: Sequence[Fraction | float]) -> list[float]:
        """For each share, the smallest loss that at least this share of the losses do not exceed.

        The relative error is at most RELATIVE_ERROR. NaN if there are no losses. Use a Fraction for
        an exact share: 0.07 · 100 is 7.000000000000001 in floating point, which gives rank 8.
        """
        values, counts = self._in_order()
        if not len(values):
            return [math.nan] * len(shares)
        cumulated = np.cumsum(counts)
        total = int(cumulated[-1])
        ranks = [max(1, _rank(share, total)) for share in shares]
        losses = np.clip(values[np.searchsorted(cumulated, ranks)], self.least, self.largest)
        ends = {1: self.least, total: self.largest}
        return [ends.get(rank, loss) for rank, loss in zip(ranks, losses.tolist(), strict=True)]

    def histogram(self) -> Iterator[tuple[float, float, int]]:
        """Yield bars of equal width, each as its two ends and its count.

        If a few losses are far from the others, the first or the last bar is wider and includes
        them. Infinite losses have their own bars.
        """
        values, counts = self._in_order()
        finite = np.isfinite(values)
        infinite = zip(values[~finite].tolist(), counts[~finite].tolist(), strict=True)
        bars = [(value, value, count) for value, count in infinite]
        yield from (bar for bar in bars if bar[0] < 0.0)
        if finite.any():
            yield from self._finite_bars(values[finite], counts[finite])
        yield from (bar for bar in bars if bar[0] > 0.0)

    def _finite_bars(self, values: Floats, counts: Counts) -> Iterator[tuple[float, float, int]]:
        least = self.least if math.isfinite(self.least) else float(values[0])
        largest = self.largest if math.isfinite(self.largest) else float(values[-1])
        low, high = _core(values, counts, least, largest)
        edges = np.linspace(low, high, _BARS + 1) if low < high else np.array([low, high])
        bar = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        bars = np.bincount(bar, counts, len(edges) - 1).astype(np.int64).tolist()
        ends = [least, *edges[1:-1].tolist(), largest]
        yield from zip(ends[:-1], ends[1:], bars, strict=True)

    def _in_order(self) -> tuple[Floats, Counts]:
        """The middles of the buckets that are not empty, in ascending order, and their counts."""
        below, counts_below = self.negative.present()
        above, counts_above = self.positive.present()
        values = np.concatenate([-_middles(below[::-1]), _middles(above)])
        return values, np.concatenate([counts_below[::-1], counts_above])


def _rank(share: Fraction | float, total: int) -> int:
    """The number of losses in this share, rounded up."""
    return math.ceil(Fraction(share) * total)


def _core(values: Floats, counts: Counts, least: float, largest: float) -> tuple[float, float]:
    """The range of losses without _TAIL of them at each end. An end is moved to the smallest or
    largest loss if this loss is within one width of the range."""
    cumulated = np.cumsum(counts)
    ranks = [_rank(share, int(cumulated[-1])) for share in (_TAIL, 1 - _TAIL)]
    inner_low, inner_high = values[np.searchsorted(cumulated, ranks)].tolist()
    width = inner_high - inner_low
    low = least if inner_low - least <= width else inner_low
    high = largest if largest - inner_high <= width else inner_high
    return low, high


def _middles(buckets: NDArray[np.intp]) -> Floats:
    """The middle of each bucket: infinity for the bucket of infinity, and 0 for the first bucket,
    which contains 0 and numbers below 2^-1031."""
    low = (buckets << _LEFT_OUT).astype(np.int64).view(np.float64)
    middle = (buckets << _LEFT_OUT | 1 << (_LEFT_OUT - 1)).astype(np.int64).view(np.float64)
    return np.where(np.isinf(low) | (buckets == 0), low, middle)
