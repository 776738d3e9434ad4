"""Corner cases of losses with 0/1 targets, with the results of PyTorch 2.13."""

from __future__ import annotations

import math

import numpy as np
import pytest

import losscli
from losscli.errors import DataError

INF, NAN = math.inf, math.nan
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


class TestBinary:
    def test_bce_holds_each_logarithm_at_minus_100(self) -> None:
        assert losscli.bce([0.0, 1.0, 1.0], [1.0, 0.0, 1.0], reduction="sum") == 200.0

    @pytest.mark.parametrize("bad", [-0.1, 1.1, NAN, INF])
    def test_bce_takes_probabilities_only(self, bad: float) -> None:
        with pytest.raises(
            DataError, match="input in row 1 is .*1. For logits, use losscli bce-with"
        ):
            losscli.bce([0.5, bad], [0.0, 1.0])
        with pytest.raises(DataError, match="target in row 1 is .*from 0 to 1"):
            losscli.bce([0.5, 0.5], [0.0, bad])

    def test_bce_wants_equal_shapes(self) -> None:
        with pytest.raises(DataError, match=r"target has shape \(2,\); expected the shape of inp"):
            losscli.bce(np.full((2, 1), 0.5), [0.0, 1.0])

    @pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
    def test_bce_with_infinite_logits(self, target: float) -> None:
        below_1 = INF if target < 1 else NAN
        np.testing.assert_equal(losscli.bce_with_logits([INF], [target]), below_1)
        assert math.isnan(losscli.bce_with_logits([-INF], [target]))

    def test_weights_do_not_divide(self) -> None:
        loss = losscli.bce_with_logits([0.0, 0.0], [0.0, 1.0], weight=4.0, pos_weight=3.0)
        np.testing.assert_allclose(loss, (4 + 12) * math.log(2) / 2, rtol=1e-15)
