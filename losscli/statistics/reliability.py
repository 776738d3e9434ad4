"""The reliability: how often what the model predicts happens, in bins of its probability."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from losscli.elements import Elements
from losscli.result import Column, Diagonal, Fact, Kind, Table
from losscli.statistics.exact import ExactSums, Keys
from losscli.statistics.statistic import Setting, Statistic, Whole

BINS = 15


@dataclass(frozen=True)
class Bin:
    """The elements whose predicted probability is above `low` and at most `high`. Elements whose
    probability is NaN are in no bin.

    Args:
        low: the lower end
        high: the upper end
        count: the number of elements, or the sum of their sample weights
        probability: the mean of the probabilities
        frequency: how often the predicted class was the target; for binary losses, how often the
            target was 1
    """

    low: float
    high: float
    count: float
    probability: float
    frequency: float


class Reliability(Statistic):
    """The calibration error, and the bins that it is computed from.

    The probability is that of the class with the largest logit, or of class 1 of binary targets.

        error = Σ_b n[b] / n · |frequency[b] - probability[b]|

    Source: Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI
    2015; Guo et al., On Calibration of Modern Neural Networks, ICML 2017
    """

    needs_scores = True
    order = 90

    def __init__(self) -> None:
        self._counts, self._probabilities, self._happened = (ExactSums(BINS) for _ in range(3))

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        return cls() if setting.asked.get("calibration") else None

    def add(self, elements: Elements) -> None:
        assert elements.tempered is not None
        assert elements.scores is not None
        predictions = elements.tempered().predictions()
        all_p = elements.scores.placed(predictions.probabilities)
        counted = elements.losses.counted & ~np.isnan(all_p)
        p, happened = all_p[counted], elements.scores.placed(predictions.happened)[counted]
        keys = Keys(np.clip(np.ceil(p * BINS) - 1.0, 0, BINS - 1).astype(np.int64), BINS)
        weights = elements.losses.sample_weights
        if weights is None:
            self._counts.add_counts(keys.counts)
        else:
            of_each = np.broadcast_to(weights, counted.shape)[counted]
            self._counts.add(of_each, keys)
            p, happened = p * of_each, happened * of_each
        self._probabilities.add(p, keys)
        self._happened.add(happened, keys)

    def merge(self, later: Self) -> None:
        self._counts.merge(later._counts)
        self._probabilities.merge(later._probabilities)
        self._happened.merge(later._happened)

    def result(self, whole: Whole) -> Iterable[Fact | Table]:
        bins = self._bins()
        total = sum(each.count for each in bins)
        gaps = [each.count / total * abs(each.frequency - each.probability) for each in bins]
        error = math.fsum(gaps) if bins else math.nan
        remark = (f"in {BINS} bins",)
        yield Fact("calibration_error", error, "calibration error", (error,), remark, in_rows=True)
        columns = (
            Column("low", Kind.LOSS, heading="from", row_name="from"),
            Column("high", Kind.LOSS, heading="to", row_name="to"),
            Column("count", Kind.COUNT, heading="count"),
            Column("probability", Kind.LOSS, heading="probability"),
            Column("frequency", Kind.LOSS, heading="frequency"),
        )
        chart = Diagonal("probability", "frequency", "count")
        yield Table("reliability", columns, bins, title="Reliability", what="bins", chart=chart)

    def _bins(self) -> tuple[Bin, ...]:
        """The bins with elements."""
        sums = (self._counts.floats(), self._probabilities.floats(), self._happened.floats())
        each = enumerate(zip(*(values.tolist() for values in sums), strict=True))
        return tuple(
            Bin(k / BINS, (k + 1) / BINS, _count(n), p / n, happened / n)
            for k, (n, p, happened) in each
            if n
        )


def _count(count: float) -> float:
    """A whole count as an integer."""
    return int(count) if count.is_integer() else count
