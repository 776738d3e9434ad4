"""Quantiles and histograms, compared with the exact order statistics."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from losscli import Wanted, evaluate
from losscli.errors import UsageError
from losscli.statistics.sketch import RELATIVE_ERROR, Sketch


class TestQuantiles:
    """The exact quantile is the smallest loss that the given share of losses does not exceed."""

    SHARES = ("0", "0.001", "0.25", "0.5", "0.9", "0.99", "1")

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize(
        "draw",
        [
            lambda rng: rng.standard_cauchy(20_001),
            lambda rng: np.exp(20 * rng.normal(size=20_000)),
            lambda rng: -rng.exponential(size=5000),
            lambda rng: rng.integers(-3, 4, 1000).astype(float),
            lambda rng: np.full(100, 0.1),
            lambda rng: np.array([math.inf, -math.inf, 0.0, -0.0, 1.0]),
            lambda rng: rng.normal(size=1),
        ],
    )
    def test_within_a_thousandth(self, draw: Any, seed: int) -> None:
        losses = draw(np.random.default_rng(seed))
        sketch = Sketch()
        for part in np.array_split(losses, 7):
            sketch.add(part)
        for share in map(Fraction, self.SHARES):
            rank = max(1, math.ceil(share * len(losses)))
            exact = float(np.sort(losses)[rank - 1])
            [found] = sketch.quantiles([share])
            assert found == pytest.approx(exact, rel=RELATIVE_ERROR, abs=1e-300)
        assert RELATIVE_ERROR <= 0.001

    @settings(deadline=None)
    @given(npst.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e300, 1e300)))
    def test_the_law_of_merge(self, losses: NDArray[np.float64]) -> None:
        whole, left, right = Sketch(), Sketch(), Sketch()
        whole.add(losses)
        left.add(losses[::2])
        right.add(losses[1::2])
        for merged in (left.merge(right), right.merge(left)):
            shares = (0.0, 0.3, 0.5, 1.0)
            assert merged.quantiles(shares) == whole.quantiles(shares)
            assert list(merged.histogram()) == list(whole.histogram())

    def test_by_its_name_in_the_result(self) -> None:
        found = evaluate("l1", [1.0, 2.0, 3.0], [0.0] * 3, wanted=Wanted(quantiles=("0.50",)))
        assert found.quantiles == {"0.50": pytest.approx(2.0, rel=1e-3)}
        with pytest.raises(UsageError, match="--quantiles: expected numbers from 0 to 1"):
            evaluate("l1", [1.0], [0.0], wanted=Wanted(quantiles=("2",)))

    def test_the_rank_of_a_quantile_is_exact(self) -> None:
        """For the losses 1 to 100, the quantile k/100 is the k-th loss. 0.07 · 100 is
        7.000000000000001 in floating point."""
        shares = tuple(f"{k / 100:.2f}" for k in range(1, 101))
        losses = np.arange(1.0, 101.0)
        found = evaluate("l1", losses, np.zeros(100), wanted=Wanted(quantiles=shares)).quantiles
        assert found == {
            share: pytest.approx(k, rel=RELATIVE_ERROR) for k, share in enumerate(shares, start=1)
        }

    @pytest.mark.parametrize("share", ["1e-999999999", "1e-400", "0.0", ".07e-5000000"])
    def test_a_share_of_almost_nothing_is_the_smallest_loss(self, share: str) -> None:
        found = evaluate("l1", [3.0, 1.0, 2.0], [0.0] * 3, wanted=Wanted(quantiles=(share,)))
        assert found.quantiles == {share: 1.0}

    @pytest.mark.parametrize("share", ["1.00000000000000000001", "nan", "inf", "-1e-9", "1/2"])
    def test_no_share_outside_0_to_1(self, share: str) -> None:
        with pytest.raises(UsageError, match="expected numbers from 0 to 1"):
            evaluate("l1", [1.0], [0.0], wanted=Wanted(quantiles=(share,)))

    def test_infinite_losses_have_bars_of_their_own(self) -> None:
        sketch = Sketch()
        sketch.add(np.array([math.inf, 1.0, 2.0, math.inf, -math.inf]))
        first, *bars, last = sketch.histogram()
        assert first == (-math.inf, -math.inf, 1)
        assert last == (math.inf, math.inf, 2)
        assert sum(count for *_, count in bars) == 2
        assert (bars[0][0], bars[-1][1]) == pytest.approx((1.0, 2.0), rel=RELATIVE_ERROR)

    def test_a_histogram_holds_all(self) -> None:
        losses = np.random.default_rng(1).standard_cauchy(1000)
        sketch = Sketch()
        sketch.add(losses)
        bars = list(sketch.histogram())
        assert sum(count for *_, count in bars) == 1000
        assert [high for _, high, _ in bars[:-1]] == [low for low, *_ in bars[1:]]
        assert bars[0][0] == losses.min()
        assert bars[-1][1] == losses.max()
