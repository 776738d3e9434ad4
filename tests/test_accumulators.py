"""Accumulators through any history of adding and merging, against lists of exact numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from losscli.elements import PerElement
from losscli.reduction import Totals
from losscli.statistics.moments import Moments, by_group
from losscli.statistics.sketch import RELATIVE_ERROR, Sketch

# Of which a few add up in float64 without rounding.
NUMBERS = st.lists(st.integers(-(10**9), 10**9).map(lambda whole: whole / 1024), max_size=8)

Part = tuple[Totals, Moments, Sketch, list[float]]


class Accumulators(RuleBasedStateMachine):
    """Each part is what was accumulated of some numbers, beside the numbers themselves."""

    parts = Bundle("parts")

    @initialize(target=parts)
    def nothing(self) -> Part:
        return Totals(), Moments(), Sketch(), []

    @rule(target=parts, numbers=NUMBERS)
    def some(self, numbers: list[float]) -> Part:
        losses = np.array(numbers, dtype=np.float64)
        ones = np.ones(len(losses))
        groups = np.zeros(len(losses), np.int64)
        found = dict(by_group(groups, losses, ones, groups + 1))
        sketch = Sketch()
        sketch.add(losses)
        return Totals.of(PerElement(losses)), found.get(0, Moments()), sketch, numbers

    @rule(target=parts, one=consumes(parts), other=consumes(parts))
    def merged(self, one: Part, other: Part) -> Part:
        return (
            one[0].merge(other[0]),
            one[1].merge(other[1]),
            one[2].merge(other[2]),
            [*one[3], *other[3]],
        )

    @rule(part=parts)
    def is_what_the_numbers_are(self, part: Part) -> None:
        totals, moments, sketch, numbers = part
        exact = [Fraction(number) for number in numbers]
        assert totals.reduce("sum") == float(sum(exact))
        assert totals.count == moments.samples == len(numbers)
        assert float(moments.losses) == float(sum(exact))
        assert moments.below == sum(number < 0 for number in numbers)
        self.check_interval(moments, exact)
        self.check_median(sketch, numbers)

    def check_interval(self, moments: Moments, exact: list[Fraction]) -> None:
        n = len(exact)
        found = moments.interval()
        if n < 2:
            assert found is None
            return
        mean = sum(exact) / n
        variance = float(sum((x - mean) ** 2 for x in exact) / (n - 1))
        assert found is not None
        half = (found[1] - found[0]) / 2
        # t at n - 1 degrees of freedom lies between that of infinitely many and of one.
        assert half <= 12.7063 * math.sqrt(variance / n) * (1 + 1e-6) + 1e-9 * abs(float(mean))
        assert half >= 1.9599 * math.sqrt(variance / n) * (1 - 1e-6) - 1e-9 * abs(float(mean))

    def check_median(self, sketch: Sketch, numbers: list[float]) -> None:
        [median] = sketch.quantiles([0.5])
        if not numbers:
            assert math.isnan(median)
            return
        exact = sorted(numbers)[max(0, math.ceil(len(numbers) / 2) - 1)]
        assert abs(median - exact) <= RELATIVE_ERROR * abs(exact)


TestAccumulators: Any = Accumulators.TestCase
TestAccumulators.settings = settings(deadline=None, max_examples=60, stateful_step_count=20)
