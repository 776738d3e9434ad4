"""The reduced loss, its interval and its counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from losscli.elements import Elements
from losscli.result import Fact
from losscli.statistics.ledger import Interval, Ledger, Rule
from losscli.statistics.statistic import LabelNames, Setting, Statistic, Whole


def rule_of(setting: Setting, interval: bool = True) -> Rule:
    """The rule for adding up the losses of a run; `interval` adds what an interval needs."""
    has_clusters = interval and setting.cluster is not None
    return Rule(
        setting.is_mean,
        interval,
        setting.cluster if has_clusters else setting.samples,
        scattered=has_clusters,
        by_row=setting.reduction == "batchmean",
        row_labels=setting.samples,
    )


class Total(Statistic):
    """The reduced loss of all elements, with its interval and counts."""

    null_facts = ("ci",)
    order = 0

    def __init__(
        self, reduction: str, rule: Rule, shows_interval: bool, batch: int | None = None
    ) -> None:
        self.reduction = reduction
        self._batch = batch
        self.ledger = Ledger(rule)
        self.elements = 0
        self._shows_interval = shows_interval

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        if setting.pool is not None:  # Pooled is used instead
            return None
        interval = setting.interval and setting.reduction != "none"
        return cls(setting.reduction, rule_of(setting, interval), interval, setting.batch)

    def add(self, elements: Elements) -> None:
        self.elements += elements.losses.values.size
        self.ledger.add(elements)

    def merge(self, later: Self) -> None:
        self.elements += later.elements
        self.ledger.merge(later.ledger)

    def name_labels(self, names: LabelNames) -> None:
        self.ledger.name_labels(names)

    @property
    def count(self) -> int:
        """The number of elements that are not ignored."""
        return int(self.ledger.elements[0])

    @property
    def weight_sum(self) -> float:
        """The denominator of the mean."""
        return self.ledger.weights()

    @property
    def samples(self) -> int:
        """The number of samples with at least one element that is not ignored."""
        return self.ledger.samples()

    def value(self) -> float | None:
        """The reduced loss; NaN if the denominator is 0, None for the reduction none."""
        if self.reduction == "none":
            return None
        if self.reduction == "sum":
            return self.ledger.losses()
        return self.batchmean() if self.reduction == "batchmean" else self.ledger.ratio()

    def batchmean(self) -> float:
        """The sum of the losses divided by the number of rows of the input, as in PyTorch; NaN if
        there are no rows. If the input broadcasts over the samples, it has fewer rows than there
        are samples."""
        rows = self.ledger.rows if self._batch is None else self._batch
        return self.ledger.losses() / rows if rows else float("nan")

    def interval(self) -> Interval | None:
        """The 95% confidence interval of the value; None if not requested or undefined."""
        ci = interval_of(self.ledger, 0, self.reduction) if self._shows_interval else None
        if ci is None or self._batch is None or self.reduction != "batchmean":
            return ci
        if not self._batch:
            return None
        scale = self.ledger.rows / self._batch
        return ci[0] * scale, ci[1] * scale

    def result(self, whole: Whole) -> Iterable[Fact]:
        ci = self.interval()
        if ci is not None:
            yield Fact("ci", ci)


def interval_of(ledger: Ledger, key: int, reduction: str) -> Interval | None:
    """The 95% confidence interval of the reduced loss of a key; None if it is undefined."""
    interval = ledger.interval(key)
    if interval is None or reduction != "sum":
        return interval
    samples = ledger.samples(key)
    return interval[0] * samples, interval[1] * samples
