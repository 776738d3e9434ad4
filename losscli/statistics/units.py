"""The mean loss in other units: perplexity and bits if it is in nats, or the root of a mean squared
error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Self

from losscli.elements import Elements
from losscli.result import Fact
from losscli.statistics.statistic import Setting, Statistic, Whole


class Units(Statistic):
    """The perplexity and bits of a mean in nats, or the root of a mean squared error."""

    null_facts = ("perplexity", "rmse", "bits")
    order = 10

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        has_units = (setting.is_log_loss and setting.classes) or setting.is_squared_error
        is_loss = setting.is_mean and not setting.is_difference
        return cls() if has_units and is_loss else None

    def add(self, elements: Elements) -> None:
        pass

    def merge(self, later: Self) -> None:
        pass

    def result(self, whole: Whole) -> Iterable[Fact]:
        value = whole.value
        if value is None:
            return
        if whole.setting.is_squared_error:
            # Negative weights can make the mean negative.
            root = math.nan if value < 0.0 else math.sqrt(value)
            yield Fact("rmse", root, "rmse", (root,))
        else:
            perplexity, bits = _exponential(value), value / math.log(2.0)
            remark = ("(", bits, " bits)")
            yield Fact("perplexity", perplexity, "perplexity", (perplexity,), remark)
            yield Fact("bits", bits)


def _exponential(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
