"""The value in other units, the loss of guessing, and accuracy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from losscli import Wanted, evaluate
from losscli.errors import DataError


class TestReference:
    def test_what_guessing_costs(self) -> None:
        """Labels 0, 0, 0, 1 of 4 classes: -(3/4 log 3/4 + 1/4 log 1/4), and log 4."""
        x = np.log(np.full((4, 4), 0.25))
        found = evaluate("nll", x, [0, 0, 0, 1])
        assert found.reference is not None
        assert found.reference.uniform == pytest.approx(math.log(4))
        expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
        assert found.reference.prior == pytest.approx(expected)
        assert found.perplexity == pytest.approx(4.0)
        assert found.bits == pytest.approx(2.0)

    def test_with_weights_the_classes_count_by_them(self) -> None:
        """The weights 1 and 3 make three labels 0 as heavy as one label 1."""
        x = np.log(np.full((4, 2), 0.5))
        found = evaluate("nll", x, [0, 0, 0, 1], weight=[1.0, 3.0])
        assert found.reference is not None
        assert found.reference.prior == pytest.approx(math.log(2))

    def test_none_where_it_means_nothing(self) -> None:
        x = np.zeros((2, 2))
        for found in (
            evaluate("ce", x, [0, 1], label_smoothing=0.1),
            evaluate("ce", x, [0, 1], reduction="sum"),
            evaluate("ce", x, [[0.5, 0.5]] * 2),
            evaluate("mse", x, x),
        ):
            assert (found.reference, found.perplexity, found.bits) == (None, None, None)

    def test_accuracy(self) -> None:
        x = [[0.5, 0.25], [0.0, 1.0], [1.0, 0.0], [3.0, 4.0]]
        wanted = Wanted(accuracy=True)
        assert evaluate("ce", x, [0, 0, 1, 1], wanted=wanted).accuracy == 0.5
        assert evaluate("ce", x, [1, 1, 2, 2], class_base=1, wanted=wanted).accuracy == 0.5
        assert evaluate("ce", x, [0, 0, 1, -100], wanted=wanted).accuracy == 1 / 3
        assert evaluate("ce", x, [0, 0, 1, 1], mask=[1, 0, 0, 1], wanted=wanted).accuracy == 1.0
        with pytest.raises(DataError, match="--accuracy needs targets that are class indices"):
            evaluate("ce", x, x, wanted=wanted)


class TestRmse:
    def test_of_the_mean_squared_error(self) -> None:
        """The squared errors are 9 and 16: their mean is 12.5, and the value is its root."""
        found = evaluate("mse", [3.0, 4.0], [0.0, 0.0])
        assert (found.value, found.rmse) == (12.5, math.sqrt(12.5))
        weighted = evaluate("mse", [3.0, 4.0], [0.0, 0.0], weight=[3.0, 1.0])
        assert weighted.rmse == math.sqrt(43 / 4)

    def test_of_nothing_else(self) -> None:
        for reduction in ("sum", "none"):
            assert evaluate("mse", [3.0], [0.0], reduction=reduction).rmse is None
        for loss in ("l1", "smooth-l1", "huber"):
            assert evaluate(loss, [3.0], [0.0]).rmse is None

    def test_where_there_is_no_root(self) -> None:
        assert math.isnan(evaluate("mse", [3.0], [0.0], weight=[0.0]).rmse or 0.0)
        found = evaluate("mse", [3.0, 2.0], [0.0, 0.0], weight=[3.0, -8.0])
        assert found.value == 1.0
        found = evaluate("mse", [3.0, 2.0], [0.0, 0.0], weight=[-1.0, 3.0])
        assert (found.value, found.rmse) == (1.5, math.sqrt(1.5))
        found = evaluate("mse", [3.0, 1.0], [0.0, 0.0], weight=[-1.0, 3.0])
        assert found.value == -3.0
        assert math.isnan(found.rmse or 0.0)
        assert evaluate("mse", [math.inf], [0.0]).rmse == math.inf


@pytest.mark.parametrize("loss", ["mse", "bce", "multi-margin", "poisson-nll"])
def test_what_is_no_likelihood_of_a_class_has_no_perplexity(loss: str) -> None:
    found = evaluate(loss, [[0.5, 0.25]], [0] if loss == "multi-margin" else [[1.0, 0.0]])
    assert (found.perplexity, found.bits, found.reference) == (None, None, None)
