"""How losses are distributed, in buckets whose width is a 512th of a power of two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Floats

# Of a float64, these bits of the significand are left out of a bucket's number: 9 remain, so that
# a bucket's middle is at most 1/1024 from each of its numbers, relatively.
_LEFT_OUT = 43
RELATIVE_ERROR = 2.0**-10

# Bars of a histogram, and the shares of the losses beyond which those of a long tail are put
# into one bar.
_BARS = 16
_TAIL = Fraction(1, 100)

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Buckets:
    """How many numbers are in the buckets from `first` on."""

    first: int = 0
    counts: Counts = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, sizes: Floats) -> Buckets:
        """The counts of numbers of at least 0."""
        if not len(sizes):
            return cls()
        buckets = sizes.view(np.int64) >> _LEFT_OUT
        first = int(buckets.min())
        return cls(first, np.bincount(buckets - first))

    def merge(self, other: Buckets) -> Buckets:
        if not len(self.counts) or not len(other.counts):
            return self if len(self.counts) else other
        first = min(self.first, other.first)
        last = max(self.first + len(self.counts), other.first + len(other.counts))
        counts = np.zeros(last - first, np.int64)
        for one in (self, other):
            counts[one.first - first :][: len(one.counts)] += one.counts
        return Buckets(first, counts)

    def present(self) -> tuple[NDArray[np.intp], Counts]:
        """The buckets that hold something, from the lowest, and their counts."""
        present = np.flatnonzero(self.counts)
        return present + self.first, self.counts[present]


@dataclass
class Sketch:
    """Counts of losses by size, the least and the largest; NaN is left out.

    The number of a bucket is the first 20 bits of the float64 behind its sign, so that buckets are
    in the order of their numbers, and infinity has one. Two sketches merge by adding their counts.
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
        # Of 0 there are two, and one bucket.
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

        The losses are at most RELATIVE_ERROR off; NaN if there are no losses. Shares are exact:
        in floating point, 0.07 of 100 losses is 7.000000000000001 losses, and its rank 8.
        """
        values, counts = self._in_order()
        if not len(values):
            return [math.nan] * len(shares)
        cumulated = np.cumsum(counts)
        total = int(cumulated[-1])
        ranks = [max(1, _rank(share, total)) for share in shares]
        found = np.clip(values[np.searchsorted(cumulated, ranks)], self.least, self.largest)
        ends = {1: self.least, total: self.largest}
        return [ends.get(rank, one) for rank, one in zip(ranks, found.tolist(), strict=True)]

    def histogram(self) -> Iterator[tuple[float, float, int]]:
        """Bars of equal width: from where, to where, and how many.

        Where a few losses lie far out, the first or the last bar reaches to them; infinite ones
        have a bar of their own.
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
        """The middle of each bucket that holds something, from the least, and its count."""
        below, counts_below = self.negative.present()
        above, counts_above = self.positive.present()
        values = np.concatenate([-_middles(below[::-1]), _middles(above)])
        return values, np.concatenate([counts_below[::-1], counts_above])


def _rank(share: Fraction | float, total: int) -> int:
    """How many of the losses make up this share, rounded up."""
    return math.ceil(Fraction(share) * total)


def _core(values: Floats, counts: Counts, least: float, largest: float) -> tuple[float, float]:
    """Where most of the losses lie: all of them unless that is far narrower."""
    cumulated = np.cumsum(counts)
    ranks = [_rank(share, int(cumulated[-1])) for share in (_TAIL, 1 - _TAIL)]
    inner_low, inner_high = values[np.searchsorted(cumulated, ranks)].tolist()
    width = inner_high - inner_low
    low = least if inner_low - least <= width else inner_low
    high = largest if largest - inner_high <= width else inner_high
    return low, high


def _middles(buckets: NDArray[np.intp]) -> Floats:
    """The middle of each bucket; that of infinity holds nothing else, and the first one 0, beside
    numbers below 1e-310, which are taken for it."""
    low = (buckets << _LEFT_OUT).astype(np.int64).view(np.float64)
    middle = (buckets << _LEFT_OUT | 1 << (_LEFT_OUT - 1)).astype(np.int64).view(np.float64)
    return np.where(np.isinf(low) | (buckets == 0), low, middle)
