"""Corner cases of losses of distributions, with the results of PyTorch 2.13."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import DataError, UsageError

INF, NAN = math.inf, math.nan
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


def none_of(loss: Any, *arrays: Any, **options: Any) -> Any:
    return loss(*arrays, **options, reduction="none")


class TestDistributions:
    def test_kl_div_of_no_classes(self) -> None:
        x = np.zeros((2, 0))
        found = none_of(losscli.kl_div, x, x, from_="logits", target_from="logits")
        assert found.shape == (2, 0)

    def test_kl_div_at_its_edges(self) -> None:
        x = [-INF, -1.0, -INF, -1.0, NAN, 0.0]
        p = [0.0, 0.0, 0.5, -0.5, 0.0, NAN]
        np.testing.assert_equal(none_of(losscli.kl_div, x, p), [NAN, 0.0, INF, NAN, NAN, NAN])

    def test_kl_div_of_logarithms_at_its_edges(self) -> None:
        x, p = [-INF, -1.0, -INF, -1.0], [-INF, -INF, -1.0, -1.0]
        found = none_of(losscli.kl_div, x, p, log_target=True)
        np.testing.assert_equal(found, [NAN, NAN, INF, 0.0])

    def test_batchmean_divides_by_the_first_axis(self) -> None:
        x, p = np.log(np.full((2, 4), 0.25)), np.eye(4)[:2]
        found = losscli.kl_div(x, p, reduction="batchmean")
        assert found == pytest.approx(math.log(4), rel=1e-15)
        assert losscli.kl_div(x[0], p[0], reduction="batchmean") == pytest.approx(math.log(4) / 4)
        assert losscli.kl_div(-2.0, 1.0, reduction="batchmean") == 2.0  # all of a single number
        assert math.isnan(losscli.kl_div(np.zeros((0, 4)), np.zeros((0, 4)), reduction="batchmean"))

    def test_no_other_loss_has_batchmean(self) -> None:
        with pytest.raises(
            UsageError, match="--reduction: expected one of none, mean, sum, found 'batchmean'"
        ):
            losscli.mse([1.0], [1.0], reduction="batchmean")

    def test_poisson_nll(self) -> None:
        found = none_of(losscli.poisson_nll, [0.0, 1.0, -INF, INF], [0.0, 3.0, 0.0, 0.0])
        np.testing.assert_allclose(found, [1.0, math.e - 3.0, NAN, NAN], rtol=1e-15)
        # The additional term is 3 log 3 - 3 + log(6 pi)/2 for y = 3, and 0 for y = 1 and y = 0.
        full = none_of(losscli.poisson_nll, [0.0, 1.0, 2.0], [0.0, 3.0, 1.0], full=True)
        stirling = 3 * math.log(3) - 3 + math.log(6 * math.pi) / 2
        expected = [1.0, math.e - 3 + stirling, math.exp(2) - 2]
        np.testing.assert_allclose(full, expected, rtol=1e-14)

    def test_poisson_nll_of_counts(self) -> None:
        found = none_of(losscli.poisson_nll, [0.0, 2.0], [0.0, 1.0], log_input=False, eps=0.5)
        np.testing.assert_allclose(found, [0.0, 2 - math.log(2.5)], rtol=1e-15, atol=1e-300)
        # The default eps is 1e-8.
        found = losscli.poisson_nll([0.0], [1.0], log_input=False)
        assert found == pytest.approx(8 * math.log(10), rel=1e-15)

    def test_gaussian_nll(self) -> None:
        found = none_of(losscli.gaussian_nll, [0.0, 1.0], [1.0, 1.0], [0.0, 4.0])
        # A variance of 0 is raised to 1e-6: (log 1e-6 + 1e6) / 2
        np.testing.assert_allclose(found, [(math.log(1e-6) + 1e6) / 2, math.log(2)], rtol=1e-14)
        full = losscli.gaussian_nll([1.0], [1.0], [4.0], full=True)
        assert full == pytest.approx(math.log(2) + math.log(2 * math.pi) / 2, rel=1e-15)

    @pytest.mark.parametrize("shape", [(), (1,), (4, 3), (4,), (4, 1), (1, 3)])
    def test_shapes_of_the_variance(self, shape: tuple[int, ...]) -> None:
        found = none_of(losscli.gaussian_nll, np.zeros((4, 3)), np.zeros((4, 3)), np.full(shape, 4))
        np.testing.assert_allclose(found, np.full((4, 3), math.log(2)), rtol=1e-15)

    def test_no_other_variance(self) -> None:
        with pytest.raises(DataError, match=r"var has shape \(3,\); expected a number"):
            losscli.gaussian_nll(np.zeros((4, 3)), np.zeros((4, 3)), np.ones(3))
        with pytest.raises(DataError, match=r"var has shape \(1, 1\); expected a number"):
            losscli.gaussian_nll(np.zeros((4, 3)), np.zeros((4, 3)), np.ones((1, 1)))
        with pytest.raises(DataError, match="var in row 1 is -1.0; expected a variance, at least"):
            losscli.gaussian_nll([0.0, 0.0], [0.0, 0.0], [1.0, -1.0])
