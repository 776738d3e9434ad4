"""Intervals: Student's t over samples, by hand and against mpmath."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from losscli import Wanted, evaluate
from losscli.elements import Elements, PerElement
from losscli.errors import UsageError
from losscli.evaluation import blocks
from losscli.statistics.ledger import Ledger, Rule
from losscli.statistics.student import t_quantile

# The 97.5% quantiles of Student's t, from a printed table.
T_OF_1, T_OF_2, T_OF_3 = 12.706204736175, 4.302652729749, 3.182446305284


def student(freedom: int) -> float:
    """From the incomplete beta function at 50 digits."""
    with mpmath.workdps(50):

        def beyond(t: Any) -> Any:
            v = mpmath.mpf(freedom)
            return mpmath.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True) - 0.05

        return float(mpmath.findroot(beyond, 2.0 if freedom > 2 else 5.0 * (3 - freedom)))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 29, 63, 64, 65, 100, 1000, 10**6])
def test_student(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(student(freedom), rel=1e-9)


class TestInterval:
    def test_of_a_mean_by_hand(self) -> None:
        """Losses 1, 2, 6: mean 3 and standard deviation sqrt(7), so 3 ± t · sqrt(7/3)."""
        found = evaluate("l1", [1.0, 2.0, 6.0], [0.0, 0.0, 0.0])
        half = T_OF_2 * math.sqrt(7 / 3)
        assert found.ci == pytest.approx((3 - half, 3 + half), rel=1e-9)

    def test_of_a_sum_it_is_that_of_the_mean_times_their_number(self) -> None:
        mean = evaluate("l1", [1.0, 2.0, 6.0], [0.0, 0.0, 0.0])
        total = evaluate("l1", [1.0, 2.0, 6.0], [0.0, 0.0, 0.0], reduction="sum")
        assert total.ci == pytest.approx([3 * end for end in mean.ci or ()], rel=1e-12)

    def test_of_a_weighted_mean_it_is_the_estimator_of_a_ratio(self) -> None:
        """Losses 1, 2, 4 with weights 1, 2, 1: r = (1 + 4 + 4)/4, and the residuals are w(x -
        r)."""
        found = evaluate("l1", [1.0, 2.0, 4.0], [0.0, 0.0, 0.0], weight=[1.0, 2.0, 1.0])
        r = 9 / 4
        squares = (1 - r) ** 2 + (4 - 2 * r) ** 2 + (4 - r) ** 2
        half = T_OF_2 * math.sqrt(3 / 2 * squares) / 4
        assert found.ci == pytest.approx((r - half, r + half), rel=1e-9)

    def test_the_pixels_of_one_sample_count_as_one(self) -> None:
        """Rows with means 1, 2, 3, 6, for any elements: 3 ± t · sqrt(14/3/4)."""
        x = np.array([[0.0, 2.0], [2.0, 2.0], [5.0, 1.0], [6.0, 6.0]])
        found = evaluate("l1", x, np.zeros((4, 2)))
        half = T_OF_3 * math.sqrt(14 / 3 / 4)
        assert found.ci == pytest.approx((3 - half, 3 + half), rel=1e-9)

    def test_clusters(self, tmp_path: Path) -> None:
        """The same rows, with their elements in different rows of a table."""
        table = tmp_path / "t.csv"
        table.write_text("doc,x\na,0\nb,2\nc,5\nd,6\nb,2\na,2\nd,6\nc,1\n")
        wanted = Wanted(cluster="doc")
        found = evaluate("l1", str(table), np.zeros(8), input_column="x", wanted=wanted)
        half = T_OF_3 * math.sqrt(14 / 3 / 4)
        assert found.value == 3.0
        assert found.samples == 4
        assert found.ci == pytest.approx((3 - half, 3 + half), rel=1e-9)

    def test_none_of_one_sample_or_of_infinities(self) -> None:
        assert evaluate("l1", [1.0], [0.0]).ci is None
        assert evaluate("l1", [1.0, math.inf], [0.0, 0.0]).ci is None

    def test_of_losses_whose_squares_have_no_float64(self) -> None:
        """Losses 1e200 and 3e200: 2e200 ± t · 1e200."""
        found = evaluate("l1", [1e200, 3e200], [0.0, 0.0])
        assert found.ci == pytest.approx((2e200 - T_OF_1 * 1e200, 2e200 + T_OF_1 * 1e200), rel=1e-9)

    def test_of_equal_losses_it_has_no_width(self) -> None:
        low, high = evaluate("l1", np.full(1000, 0.1), np.zeros(1000)).ci or (0.0, 1.0)
        assert high - low < 1e-16

    def test_digits_where_the_spread_is_far_below_the_mean(self) -> None:
        """1e9 ± 1e-3: the squares of the losses alone contain no digit of the variance."""
        x = 1e9 + np.array([-1e-3, 0.0, 1e-3])
        exact = [Fraction(value) for value in x.tolist()]
        mean = sum(exact) / 3
        variance = sum((value - mean) ** 2 for value in exact) / 2
        half = T_OF_2 * math.sqrt(variance / 3)
        low, high = evaluate("l1", x, np.zeros(3)).ci or (0.0, 0.0)
        assert (high - low) / 2 == pytest.approx(half, rel=1e-3)  # the ends are rounded to 1e-7

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("size", [20, 100])
    def test_it_covers_the_truth_as_often_as_it_says(self, weighted: bool, size: int) -> None:
        """2,000 data sets of losses whose mean is known: exponential losses with mean 1, and
        weights that depend on the losses or not."""
        rng = np.random.default_rng(6)
        shape = (2000, size)
        weight = rng.uniform(0.5, 1.5, shape) if weighted else np.ones(shape)
        x = rng.gamma(4.0, 0.25, shape)  # with mean 1, and asymmetric
        ledger = Ledger(Rule(by_weight=True), 2000)
        losses = PerElement((weight * x).ravel(), weight.ravel())
        ledger.add(Elements((0,), losses), np.repeat(np.arange(2000), size))
        intervals = [ledger.interval(key) or (0.0, 0.0) for key in range(2000)]
        covered = sum(low <= 1.0 <= high for low, high in intervals)
        assert 0.93 <= covered / 2000 <= 0.97


@pytest.mark.parametrize("block", [1, 2, 4, 100])
def test_a_batchmean_of_rows_in_several_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The losses of the rows are 2, 4 and 6: their mean has a standard error of 2 / sqrt(3)."""
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", block)
    x = np.array([[-1.0, -0.5, -0.5], [-2.0, -1.0, -1.0], [-3.0, -2.0, -1.0]])
    found = evaluate("kl-div", x, np.ones((3, 3)), reduction="batchmean", check=False)
    reach = t_quantile(2) * 2 / math.sqrt(3)
    assert (found.value, found.samples) == (4.0, 3)
    assert found.ci == pytest.approx((4 - reach, 4 + reach), rel=1e-14)


def test_no_interval_of_clusters_whose_rows_are_cut_and_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of a row does not show which element of the row counts first."""
    labels = tmp_path / "doc.csv"
    labels.write_text("doc\na\na\nb\n")
    x = np.array([[-1.0, -0.5, -0.5], [-2.0, -1.0, -1.0], [-3.0, -2.0, -1.0]])
    mask = np.array([[0, 1, 1], [1, 1, 1], [1, 1, 1]])
    wanted = Wanted(cluster=str(labels))

    def found() -> Any:
        ones = np.ones((3, 3))
        return evaluate(
            "kl-div", x, ones, reduction="batchmean", check=False, mask=mask, wanted=wanted
        )

    whole = found()
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 2)
    assert (whole.value, found().value) == (11 / 3, 11 / 3)
    assert whole.ci is not None
    assert found().ci is None


def test_groups_of_clusters_have_no_batchmean() -> None:
    with pytest.raises(UsageError, match="--by with --cluster cannot be combined"):
        evaluate(
            "kl-div",
            np.zeros((2, 2)),
            np.ones((2, 2)),
            reduction="batchmean",
            wanted=Wanted(by="g.npy", cluster="c.npy"),
        )


def test_a_batchmean_of_an_input_without_rows() -> None:
    """An input of shape (0) with targets of shape (2, 0). PyTorch divides by the input's first
    axis, which is 0."""
    found = evaluate("kl-div", np.zeros(0), np.zeros((2, 0)), reduction="batchmean", broadcast=True)
    assert math.isnan(found.value)
    assert found.ci is None
