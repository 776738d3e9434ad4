"""The law of merging: any split, any order, the same bits."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.elements import PerElement
from losscli.reduction import ExactSum, Totals

ANY_FLOAT = st.floats(width=64)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def total(numbers: list[float]) -> ExactSum:
    result = ExactSum()
    for number in numbers:
        result += ExactSum.of(number)
    return result


@given(st.lists(FINITE))
def test_a_sum_is_the_exact_sum_rounded_once(numbers: list[float]) -> None:
    exact = sum(map(Fraction, numbers), Fraction())
    try:
        expected = float(exact)
    except OverflowError:
        expected = math.inf if exact > 0 else -math.inf
    assert float(total(numbers)) == expected


@given(st.lists(ANY_FLOAT), st.randoms())
def test_the_order_does_not_matter(numbers: list[float], random: Any) -> None:
    shuffled = numbers.copy()
    random.shuffle(shuffled)
    np.testing.assert_equal(float(total(shuffled)), float(total(numbers)))


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], 0.0),
        ([1e308, 1e308, -1e308], 1e308),  # the sum of the first two has no float64
        ([1e308, 1e308], math.inf),
        ([-1e308, -1e308], -math.inf),
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([5e-324, 5e-324], 1e-323),
        ([1.0] + [1e-16] * 10, 1.000000000000001),  # adding one by one gives 1.0
    ],
)
def test_a_sum_at_the_edges(numbers: list[float], expected: float) -> None:
    np.testing.assert_equal(float(total(numbers)), expected)


def blocks() -> Any:
    return st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e3), st.booleans()),
        max_size=5,
    ).map(
        lambda rows: PerElement.without(
            np.array([row[2] for row in rows], dtype=bool),
            np.array([row[0] for row in rows], dtype=float),
            np.array([row[1] for row in rows], dtype=float),
        )
    )


@given(blocks(), blocks(), blocks())
def test_merging_is_associative_and_commutative_with_an_identity(
    one: PerElement, two: PerElement, three: PerElement
) -> None:
    a, b, c = map(Totals.of, (one, two, three))
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(b) == b.merge(a)
    assert a.merge(Totals()) == a


def test_totals_by_hand() -> None:
    block = PerElement.without(
        np.array([False, True, False]), np.array([1.0, np.nan, 5.0]), np.array([0.5, np.nan, 1.5])
    )
    totals = Totals.of(block)
    assert (totals.count, totals.ignored, totals.elements) == (2, 1, 3)
    assert totals.reduce("sum") == 6.0
    assert totals.reduce("mean") == 3.0  # 6 / (0.5 + 1.5)


def test_the_mean_of_nothing_is_nan() -> None:
    assert math.isnan(Totals().reduce("mean"))
    assert Totals().reduce("sum") == 0.0


def test_there_is_no_mean_where_the_weights_add_up_to_nothing() -> None:
    block = PerElement(np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    assert math.isnan(Totals.of(block).reduce("mean"))


def test_what_is_ignored_adds_up() -> None:
    block = PerElement.without(np.array([True, False, True]), np.array([1.0, 2.0, 4.0]))
    one = replace(Totals.of(block), samples=3)
    both = one.merge(one)
    assert (both.elements, both.ignored, both.count, both.samples) == (6, 4, 2, 6)
    assert (float(both.values), Totals().samples) == (4.0, 0)
