"""Warnings about the data: one of each kind, with the first position and the count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Self

from losscli.elements import Elements, Suspicion
from losscli.result import Fact
from losscli.statistics.statistic import Setting, Statistic, Whole


class Suspicions(Statistic):
    """The first suspicion of each kind, with the total count."""

    order = 31

    def __init__(self) -> None:
        self.by_kind: dict[str, Suspicion] = {}

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        return cls() if setting.check and not setting.is_difference else None

    def add(self, elements: Elements) -> None:
        for suspicion in elements.suspicions:
            self._take(suspicion)

    def merge(self, later: Self) -> None:
        for suspicion in later.by_kind.values():
            self._take(suspicion)

    def result(self, whole: Whole) -> Iterable[Fact]:
        return ()

    def texts(self) -> tuple[str, ...]:
        """A warning for each kind."""
        return tuple(map(_line, self.by_kind.values()))

    def _take(self, later: Suspicion) -> None:
        earlier = self.by_kind.get(later.kind)
        self.by_kind[later.kind] = (
            later if earlier is None else replace(earlier, count=earlier.count + later.count)
        )


def _line(suspicion: Suspicion) -> str:
    """The text of a warning: the problem, the count of further positions, and the advice."""
    more = suspicion.count - 1
    at_least = "at least " if suspicion.sampled else ""
    text = f"{suspicion.text} (and {at_least}{more} more)" if more else suspicion.text
    return f"{text}. {suspicion.advice}" if suspicion.advice else text
