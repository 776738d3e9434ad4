"""All statistics of a run, or of a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from losscli.elements import Elements
from losscli.result import Fact, Table
from losscli.statistics import registered
from losscli.statistics.statistic import LabelNames, Setting, Statistic, Whole
from losscli.statistics.total import Total

Kind = TypeVar("Kind", bound=Statistic)


class Collected:
    """The statistics that a setting asks for, which see the same elements."""

    def __init__(self, setting: Setting, statistics: Sequence[Statistic] | None = None) -> None:
        self.setting = setting
        if statistics is None:
            made = (kind.of(setting) for kind in registered())
            statistics = [one for one in made if one is not None]
        self._statistics = list(statistics)

    @property
    def total(self) -> Total:
        """The sums of all elements."""
        total = self.get(Total)
        assert total is not None
        return total

    @property
    def passes(self) -> int:
        """How often the data is read."""
        return max(one.passes for one in self._statistics)

    @property
    def needs_scores(self) -> bool:
        """Whether one of them needs the input along its classes."""
        return any(one.needs_scores for one in self._statistics)

    def get(self, kind: type[Kind]) -> Kind | None:
        """The statistic of a kind, if it was asked for."""
        return next((one for one in self._statistics if isinstance(one, kind)), None)

    @np.errstate(all="ignore")  # what is not finite is reported
    def add(self, *elements: Elements) -> None:
        for one in elements:
            for statistic in self._statistics:
                statistic.add(one)

    def merge(self, later: Collected) -> None:
        for mine, theirs in zip(self._statistics, later._statistics, strict=True):
            mine.merge(theirs)

    def next_pass(self, number: int) -> Collected:
        """New statistics for a pass after the first `number` ones: those that read the data once
        more, and the total, which counts elements."""
        again = [one.next_pass() for one in self._statistics if one.passes > number]
        total = type(self.total).of(self.setting)
        assert total is not None
        return Collected(self.setting, [total, *again])

    def take_pass(self, later: Collected) -> None:
        """Take over the statistics of a further pass."""
        again = {type(one): one for one in later._statistics if one.passes > 1}
        self._statistics = [again.get(type(one), one) for one in self._statistics]

    def name_labels(self, names: LabelNames) -> None:
        for statistic in self._statistics:
            statistic.name_labels(names)

    def finish(self) -> None:
        """End all samples, once there are no more elements."""
        self.total.ledger.finish()

    def report(
        self, by: Sequence[str], class_names: Sequence[str] | None, rank: int
    ) -> tuple[tuple[Fact, ...], tuple[Table, ...]]:
        """What the statistics report: facts, and tables."""
        whole = Whole(self.setting, self.total, tuple(by), class_names, rank)
        reported = [one for statistic in self._statistics for one in statistic.result(whole)]
        facts = tuple(one for one in reported if isinstance(one, Fact))
        return facts, tuple(one for one in reported if isinstance(one, Table))


def null_facts() -> Iterator[str]:
    """The facts that are null where they are not reported."""
    for kind in registered():
        yield from kind.null_facts
