"""All statistics of a run, or of a part of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from losscli.elements import Elements
from losscli.losses import kebab
from losscli.result import Fact, Table
from losscli.statistics import registered
from losscli.statistics.statistic import LabelNames, Setting, Statistic, Whole
from losscli.statistics.total import Total

Kind = TypeVar("Kind", bound=Statistic)


class Collected:
    """The statistics that a setting requests. All of them are computed of the same elements."""

    def __init__(self, setting: Setting, statistics: Sequence[Statistic] | None = None) -> None:
        self.setting = setting
        if statistics is None:
            created = (kind.of(setting) for kind in registered())
            statistics = [statistic for statistic in created if statistic is not None]
        self._statistics = list(statistics)

    @property
    def total(self) -> Total:
        """The sums of all elements."""
        total = self.get(Total)
        assert total is not None
        return total

    @property
    def statistics(self) -> Sequence[Statistic]:
        """The statistics, in the order of the report."""
        return self._statistics

    @property
    def rereading(self) -> str | None:
        """The option of a statistic that reads the data several times; None if there is none."""
        options = (option for each in self._statistics if each.rereads for option in each.options)
        return next((f"--{kebab(option.name)}" for option in options), None)

    @property
    def needs_scores(self) -> bool:
        """Whether a statistic needs the class scores of the input."""
        return any(statistic.needs_scores for statistic in self._statistics)

    def get(self, kind: type[Kind]) -> Kind | None:
        """The statistic of this type; None if it was not requested."""
        matches = (statistic for statistic in self._statistics if isinstance(statistic, kind))
        return next(matches, None)

    @np.errstate(all="ignore")  # NaN and infinity are reported
    def add(self, *elements: Elements) -> None:
        for block in elements:
            for statistic in self._statistics:
                statistic.add(block)

    def merge(self, later: Collected) -> None:
        for mine, theirs in zip(self._statistics, later._statistics, strict=True):
            mine.merge(theirs)

    def next_pass(self) -> Collected | None:
        """New statistics for another pass over the data: the statistics that need this pass, and
        the total, which counts elements. None if no statistic needs another pass."""
        further = [each.next_pass() for each in self._statistics]
        again = [statistic for statistic in further if statistic is not None]
        if not again:
            return None
        total = type(self.total).of(replace(self.setting, interval=False))
        assert total is not None
        return Collected(self.setting, [total, *again])

    def take_pass(self, later: Collected) -> None:
        """Replace the statistics that need several passes by the statistics of `later`, a later
        pass."""
        again = {type(statistic): statistic for statistic in later._statistics if statistic.rereads}
        self._statistics = [again.get(type(statistic), statistic) for statistic in self._statistics]

    def restore(self, states: Sequence[Statistic]) -> None:
        """Set the attributes of all statistics to those of saved statistics of the same setting.
        Raises ValueError for other statistics."""
        if list(map(type, states)) != list(map(type, self._statistics)):
            raise ValueError("the statistics are not those of the request")
        for statistic, state in zip(self._statistics, states, strict=True):
            vars(statistic).update(vars(state))

    def name_labels(self, names: LabelNames) -> None:
        for statistic in self._statistics:
            statistic.name_labels(names)

    def finish(self) -> None:
        """Complete all samples. Called after the last element."""
        self.total.ledger.finish()

    def report(
        self, by: Sequence[str], class_names: Sequence[str] | None, rank: int
    ) -> tuple[tuple[Fact, ...], tuple[Table, ...]]:
        """The facts and tables of all statistics."""
        whole = Whole(self.setting, self.total, tuple(by), class_names, rank)
        reported = [item for statistic in self._statistics for item in statistic.result(whole)]
        facts = tuple(item for item in reported if isinstance(item, Fact))
        return facts, tuple(item for item in reported if isinstance(item, Table))


def null_facts() -> Iterator[str]:
    """Yield the names of the facts that are null in JSON if they are not reported."""
    for kind in registered():
        yield from kind.null_facts
