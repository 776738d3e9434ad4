"""Accumulators after any sequence of additions and merges, compared with lists of exact numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from losscli.elements import Elements, PerElement
from losscli.statistics.exact import LOWEST
from losscli.statistics.ledger import Ledger, Rule
from losscli.statistics.sketch import RELATIVE_ERROR, Sketch
from losscli.statistics.student import t_quantile

# A loss, its weight, whether it is ignored, and its group.
LOSSES = st.floats(-1e9, 1e9) | st.integers(-4, 4).map(float)
ROWS = st.lists(
    st.tuples(LOSSES, st.floats(0.0, 1e3), st.booleans(), st.integers(0, 2)), max_size=8
)

Row = tuple[float, float, bool, int]
GROUPS = 3
BY_WEIGHT = Rule(by_weight=True)


def elements_of(rows: list[Row]) -> Elements:
    """A block with one element per row."""
    losses, weights, ignored = (np.array([row[k] for row in rows]) for k in range(3))
    block = PerElement.without(
        ignored.astype(bool), losses.astype(np.float64), weights.astype(np.float64)
    )
    return Elements((0,), block)


@dataclass
class Part:
    """The accumulated statistics of some rows, and the rows."""

    total: Ledger = field(default_factory=lambda: Ledger(BY_WEIGHT))
    groups: Ledger = field(default_factory=lambda: Ledger(BY_WEIGHT, GROUPS))
    sketch: Sketch = field(default_factory=Sketch)
    rows: list[Row] = field(default_factory=list)

    def merge(self, later: Part) -> None:
        self.total.merge(later.total)
        self.groups.merge(later.groups)
        self.sketch = self.sketch.merge(later.sketch)
        self.rows += later.rows


class Accumulators(RuleBasedStateMachine):
    parts = Bundle("parts")

    @initialize(target=parts)
    def nothing(self) -> Part:
        return Part()

    @rule(target=parts, rows=ROWS)
    def some(self, rows: list[Row]) -> Part:
        part, elements = Part(), elements_of(rows)
        keys = np.array([row[3] for row in rows], np.int64)
        part.total.add(elements)
        part.groups.add(elements, keys)
        part.sketch.add(elements.losses.values[elements.losses.counted])
        part.rows = rows.copy()
        return part

    @rule(target=parts, one=consumes(parts), other=consumes(parts))
    def merged(self, one: Part, other: Part) -> Part:
        one.merge(other)
        return one

    @rule(part=parts)
    def is_what_the_rows_are(self, part: Part) -> None:
        counted = [row for row in part.rows if not row[2]]
        check_sums(part.total, 0, counted)
        for group in range(GROUPS):
            check_sums(part.groups, group, [row for row in counted if row[3] == group])
        assert part.total.ignored == len(part.rows) - len(counted)
        assert part.total.signs == (
            sum(loss < 0 for loss, *_ in counted),
            sum(loss > 0 for loss, *_ in counted),
        )
        units = [part.groups.loss_units(group) for group in range(GROUPS)]
        assert sum(units) == part.total.loss_units()
        check_median(part.sketch, [loss for loss, *_ in counted])


def check_sums(ledger: Ledger, key: int, rows: list[Row]) -> None:
    """The sums of a key, and the interval of their ratio: r ± t · sqrt(n/(n-1) · Σ(s - rw)²)/Σw."""
    s = [Fraction(loss) for loss, *_ in rows]
    w = [Fraction(weight) for _, weight, *_ in rows]
    n, total, weights = len(rows), sum(s, Fraction()), sum(w, Fraction())
    assert ledger.losses(key) == float(total)
    assert ledger.loss_units(key) * Fraction(2) ** LOWEST == total
    assert ledger.weights(key) == float(weights)
    assert ledger.elements[key] == ledger.samples(key) == n
    ci = ledger.interval(key)
    if not weights:
        assert math.isnan(ledger.ratio(key))
        assert ci is None
        return
    assert ledger.ratio(key) == float(total) / float(weights)
    if n < 2 or math.isinf(ledger.ratio(key)):  # for instance if the weight is 5e-324
        assert ci is None
        return
    r = Fraction(ledger.ratio(key))
    spread = sum(((a - r * b) ** 2 for a, b in zip(s, w, strict=True)), Fraction())
    variance = spread * n / (n - 1)
    # Not `math.sqrt`, since the variance may be too small or too large for a float64.
    root = mpmath.sqrt(mpmath.mpf(variance.numerator) / variance.denominator)
    half = t_quantile(n - 1) * float(root) / float(weights)
    if math.isinf(half):
        assert ci is None
        return
    assert ci == pytest.approx((float(r) - half, float(r) + half), rel=1e-14, abs=1e-14 * half)


def check_median(sketch: Sketch, numbers: list[float]) -> None:
    [median] = sketch.quantiles([0.5])
    if not numbers:
        assert math.isnan(median)
        return
    exact = sorted(numbers)[max(0, math.ceil(len(numbers) / 2) - 1)]
    assert abs(median - exact) <= RELATIVE_ERROR * abs(exact) + 1e-310


TestAccumulators: Any = Accumulators.TestCase
TestAccumulators.settings = settings(deadline=None, max_examples=60, stateful_step_count=20)


class TestLedger:
    def test_by_hand(self) -> None:
        """Losses 1 and 5 with weights 0.5 and 1.5. The NaN between them is ignored."""
        block = PerElement.without(
            np.array([False, True, False]),
            np.array([1.0, np.nan, 5.0]),
            np.array([0.5, np.nan, 1.5]),
        )
        ledger = Ledger(BY_WEIGHT)
        ledger.add(Elements((0,), block))
        assert (ledger.elements.tolist(), ledger.ignored, ledger.samples()) == ([2], 1, 2)
        assert (ledger.losses(), ledger.weights(), ledger.ratio()) == (6.0, 2.0, 3.0)

    def test_of_nothing(self) -> None:
        ledger = Ledger(BY_WEIGHT)
        assert math.isnan(ledger.ratio())
        assert (ledger.losses(), ledger.weights(), ledger.samples()) == (0.0, 0.0, 0)

    def test_there_is_no_mean_where_the_weights_add_up_to_nothing(self) -> None:
        ledger = Ledger(BY_WEIGHT)
        block = PerElement(np.array([1.0, 2.0]), np.array([1.0, -1.0]))
        ledger.add(Elements((0,), block))
        assert math.isnan(ledger.ratio())
        assert ledger.losses() == 3.0

    def test_what_is_ignored_adds_up(self) -> None:
        block = PerElement.without(np.array([True, False, True]), np.array([1.0, 2.0, 4.0]))
        one, other = Ledger(BY_WEIGHT), Ledger(BY_WEIGHT)
        for ledger in (one, other):
            ledger.add(Elements((0,), block))
        one.merge(other)
        assert (one.elements.tolist(), one.ignored, one.losses()) == ([2], 4, 4.0)

    @pytest.mark.parametrize("rest", [-(2.0**1023), -math.inf])
    def test_a_part_of_the_sum_may_have_no_float64(self, rest: float) -> None:
        """Losses of weight 1 add up to 2^1024, and losses of weight 0.5 reduce the sum."""
        ledger = Ledger(BY_WEIGHT)
        ledger.add(Elements((0,), PerElement(np.full(2, 2.0**1023))))
        ledger.add(Elements((2,), PerElement(np.array([rest]), np.array([0.5]))))
        assert ledger.losses() == 2.0**1023 + (rest + 2.0**1023)

    def test_new_keys_begin_at_0(self) -> None:
        ledger = Ledger(BY_WEIGHT, 0)
        ledger.resize(2)
        ledger.add(Elements((0,), PerElement(np.array([1.0, 2.0]))), np.array([1, 1]))
        ledger.resize(3)
        assert [ledger.losses(key) for key in range(3)] == [0.0, 3.0, 0.0]

    @pytest.mark.parametrize("cut", range(7))
    @pytest.mark.parametrize(
        "rule", [Rule(by_weight=True), Rule(by_weight=False), Rule(by_weight=False, by_row=True)]
    )
    def test_a_sample_may_be_cut_anywhere(self, rule: Rule, cut: int) -> None:
        """Two rows of three elements, in two blocks. The samples are the rows, with the sums 7 and
        56."""
        losses = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
        parts = []
        for start, stop in ((0, cut), (cut, 6)):
            ledger = Ledger(rule)
            for number in range(start, stop):
                value = PerElement(losses[number : number + 1].reshape(1, 1))
                ledger.add(Elements(divmod(number, 3), value, whole_rows=False))
            parts.append(ledger)
        first, later = parts
        first.merge(later)
        first.finish()
        assert (first.samples(), first.losses()) == (2, 63.0)
        # Residuals: 7 - 3 · 10.5 of weight 3, or 7 - 31.5 of weight 1. t = 12.706 for 1 degree of
        # freedom.
        ratio, weight = (10.5, 6) if rule.by_weight else (31.5, 2)
        half = 12.706204736174698 * math.sqrt(2 * 2 * 24.5**2) / weight
        assert first.interval() == pytest.approx((ratio - half, ratio + half), rel=1e-9)
