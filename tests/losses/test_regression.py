"""Corner cases of losses of differences, with the results of PyTorch 2.13."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import DataError, UsageError

INF = math.inf
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


class TestRegression:
    @pytest.mark.parametrize("loss", [losscli.l1, losscli.mse])
    def test_weights_divide(self, loss: Any) -> None:
        assert loss([1.0, 1.0], [0.0, 0.0], weight=[1.0, 3.0]) == 1.0
        assert loss([1.0, 1.0], [0.0, 0.0], weight=[1.0, 3.0], reduction="sum") == 4.0

    def test_a_smaller_weight_is_broadcast_and_so_is_its_sum(self) -> None:
        # errors 1 and 3 with the weights 1 and 2: (2 * 1 + 2 * 6) / 6
        x = [[1.0, 3.0], [1.0, 3.0]]
        np.testing.assert_allclose(losscli.l1(x, np.zeros((2, 2)), weight=[1.0, 2.0]), 14 / 6)

    def test_huber_divides_by_the_count(self) -> None:
        assert losscli.huber([1.0, 1.0], [0.0, 0.0], weight=[1.0, 3.0]) == 1.0

    def test_beta_0_is_l1(self) -> None:
        assert losscli.smooth_l1([0.0, 2.0], [0.0, -1.0], beta=0.0) == 1.5

    def test_bounds(self) -> None:
        with pytest.raises(UsageError, match="--beta: expected a number at least 0, found -1.0"):
            losscli.smooth_l1([0.0], [0.0], beta=-1.0)
        with pytest.raises(UsageError, match=r"--delta: expected a number above 0, found 0.0"):
            losscli.huber([0.0], [0.0], delta=0.0)

    def test_broadcasting_is_said(self) -> None:
        with pytest.warns(
            RuntimeWarning, match=r"target has shape \(2,\) and the input \(2, 1\).*\(2, 2\)"
        ):
            loss = losscli.mse([[0.0], [1.0]], [0.0, 1.0], reduction="none")
        np.testing.assert_array_equal(loss, [[0.0, 1.0], [1.0, 0.0]])

    def test_a_weight_beside_shapes_that_differ_is_refused(self) -> None:
        with pytest.raises(DataError, match="with --weight, both must have the same shape"):
            losscli.mse(np.zeros((2, 3)), np.zeros(3), weight=np.ones(3))

    def test_shapes_that_do_not_broadcast(self) -> None:
        with pytest.raises(DataError, match=r"does not broadcast with the input's shape \(3,\)"):
            losscli.mse(np.zeros(3), np.zeros(2))

    def test_a_weight_larger_than_the_input_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"weight has shape \(2, 3\)"):
            losscli.mse(np.zeros(3), np.zeros(3), weight=np.ones((2, 3)))


def test_infinities_that_meet_in_a_sum_are_nan() -> None:
    assert math.isnan(losscli.mse([INF], [INF]))


@pytest.mark.parametrize("bad", [[1j], ["a"], [None], [[1], [1, 2]]])
def test_only_real_numbers_are_taken(bad: Any) -> None:
    with pytest.raises((DataError, ValueError)):
        losscli.mse(bad, [0.0])


def test_float16_is_widened() -> None:
    x = np.array([300.0], dtype=np.float16)  # the square exceeds the range of float16
    assert losscli.mse(x, [0.0]) == 90000.0
