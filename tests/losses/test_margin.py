"""Corner cases of losses with margins, with the results of PyTorch 2.13."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import DataError, UsageError

NAN = math.nan
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


def none_of(loss: Any, *arrays: Any, **options: Any) -> Any:
    return loss(*arrays, **options, reduction="none")


class TestMargins:
    def test_soft_margin_does_not_overflow(self) -> None:
        """log(1 + exp(1000)) is 1000. PyTorch's exp(1000) is infinite."""
        found = none_of(losscli.soft_margin, [1000.0, -1000.0], [1, 1])
        np.testing.assert_array_equal(found, [0.0, 1000.0])

    @pytest.mark.filterwarnings("ignore:target has shape")
    def test_the_target_of_soft_margin_broadcasts_to_the_input(self) -> None:
        """torch.nn.functional.soft_margin_loss broadcasts the target to the input, but not the
        input to the target."""
        x = np.random.default_rng(0).normal(size=(3, 2))
        for target in ([[1], [-1], [1]], [-1, 1], 1, [[-1]]):
            found = none_of(losscli.soft_margin, x, target)
            np.testing.assert_allclose(found, np.log1p(np.exp(-np.array(target) * x)), rtol=1e-14)
        for shape, target_shape in [((3, 1), (3, 2)), ((2,), (3, 2)), ((2, 1), (2,)), ((), (1,))]:
            with pytest.raises(DataError, match="target has shape .* that broadcasts to the input"):
                losscli.soft_margin(np.zeros(shape), np.ones(target_shape))

    def test_soft_margin_says_what_was_broadcast(self) -> None:
        warnings = losscli.evaluate("soft-margin", np.zeros((3, 2)), [1, -1]).warnings
        assert warnings == (
            "target has shape (2,) and the input (3, 2); the target is broadcast to the input's "
            "shape",
        )

    @pytest.mark.parametrize(
        "shapes",
        [
            ((5, 2), (5, 1), (5, 2)),
            ((5, 2), (5, 1), (5, 1)),
            ((5, 2), (5, 2), (1, 2)),
            ((1, 2), (5, 2), (1, 1)),
            ((3,), (1,), (1,)),
            ((), (), ()),
            ((0, 2), (1, 2), (1, 1)),
        ],
    )
    @pytest.mark.filterwarnings("ignore:input1 has shape")
    def test_margin_ranking_broadcasts(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        """torch.nn.functional.margin_ranking_loss broadcasts arrays with the same number of
        axes."""
        rng = np.random.default_rng(0)
        a, b, y = (rng.normal(size=shape) for shape in shapes)
        y = np.sign(y)
        found = none_of(losscli.margin_ranking, a, b, y, margin=0.5)
        np.testing.assert_allclose(found, np.maximum(-y * (a - b) + 0.5, 0.0), rtol=1e-14)

    def test_margin_ranking_wants_as_many_axes(self) -> None:
        for shapes in [((5, 2), (5, 2), (2,)), ((5, 2), (), (5, 2)), ((5, 2), (4, 2), (5, 2))]:
            with pytest.raises(DataError, match="or one with as many axes that broadcasts with it"):
                losscli.margin_ranking(*map(np.ones, shapes))

    def test_margin_ranking_says_what_was_broadcast(self) -> None:
        arrays = [np.ones(shape) for shape in [(5, 2), (5, 1), (5, 2)]]
        assert losscli.evaluate("margin-ranking", *arrays).warnings == (
            "input1 has shape (5, 2), input2 has shape (5, 1) and target has shape (5, 2); they "
            "are broadcast to (5, 2)",
        )
        arrays = [np.ones(shape) for shape in [(5, 1), (1, 2), (1, 1)]]
        with pytest.raises(DataError, match="to \\(5, 2\\), more than either has. Use --broadcast"):
            losscli.evaluate("margin-ranking", *arrays)
        assert losscli.evaluate("margin-ranking", *arrays, broadcast=True).count == 10

    @pytest.mark.parametrize("shape", [(), (1,)])
    @pytest.mark.parametrize("target_shape", [(), (1,)])
    def test_margins_of_a_single_number(
        self, shape: tuple[int, ...], target_shape: tuple[int, ...]
    ) -> None:
        """A single class has no other class to exceed. torch.nn.functional gives 0 for these
        shapes."""
        x, y = np.full(shape, 3.5), np.zeros(target_shape, int)
        found = none_of(losscli.multi_margin, x, y, weight=[2.0])
        assert (np.shape(found), np.sum(found)) == (target_shape, 0.0)
        for label in (y, y - 1):
            found = none_of(losscli.multilabel_margin, x, label)
            assert (np.shape(found), float(found)) == ((), 0.0)
        with pytest.raises(DataError, match="target.* is 1; expected a class from 0 to 0"):
            losscli.multi_margin(x, y + 1)
        with pytest.raises(DataError, match="target.* is 1; expected a class from 0 to 0"):
            losscli.multilabel_margin(x, y + 1)

    def test_hinge_embedding_adds_both_terms_for_other_targets(self) -> None:
        found = none_of(losscli.hinge_embedding, [0.5, 0.5, 0.5, 2.0], [1.0, -1.0, 0.0, 0.3])
        np.testing.assert_array_equal(found, [0.5, 0.5, 1.0, 2.0])

    def test_margin_ranking(self) -> None:
        found = none_of(losscli.margin_ranking, [1.0, 0.0], [0.0, 1.0], [1, 1], margin=0.5)
        np.testing.assert_array_equal(found, [0.0, 1.5])

    @pytest.mark.parametrize(("p", "expected"), [(1, 1.25), (2, 6.25)])
    def test_multi_margin(self, p: int, expected: float) -> None:
        """The last score exceeds the target's score by 4, but the margin is 8: 1 - 4 + 8 = 5, and
        5^p / 4."""
        found = none_of(losscli.multi_margin, [[1.0, 2.0, 4.0, 8.0]], [2], p=p)
        np.testing.assert_array_equal(found, [expected])
        assert losscli.multi_margin([[1.0, NAN, 4.0, 8.0]], [2], p=p) == expected

    def test_multi_margin_of_one_row(self) -> None:
        assert np.shape(none_of(losscli.multi_margin, [1.0, 2.0], 0)) == ()
        assert np.shape(none_of(losscli.multi_margin, [1.0, 2.0], [0])) == (1,)
        with pytest.raises(
            DataError, match=r"input has shape \(2, 3, 4\); expected \(C\) or \(N, C"
        ):
            losscli.multi_margin(np.zeros((2, 3, 4)), np.zeros((2, 4), int))
        with pytest.raises(UsageError, match="--p: expected a number from 1 to 2, found 3"):
            losscli.multi_margin([[1.0, 2.0]], [0], p=3)

    @pytest.mark.parametrize(
        ("target", "expected"),
        [([3, 0, -1, 1], 0.85), ([-1, 0, -1, 1], 0.0), ([3, 3, -1, 1], 0.65)],
    )
    def test_multilabel_margin(self, target: Any, expected: float) -> None:
        """Values after the first -1 are not labels. A label that is listed twice counts twice."""
        found = losscli.multilabel_margin([[0.1, 0.2, 0.4, 0.8]], [target])
        assert found == pytest.approx(expected, rel=1e-14)

    def test_multilabel_margin_takes_no_other_mark(self) -> None:
        with pytest.raises(DataError, match=r"target at \[0, 0\] is -2; expected a class from 0"):
            losscli.multilabel_margin([[0.5, 0.5]], [[-2, -1]])

    def test_multilabel_margin_looks_at_all_targets(self) -> None:
        with pytest.raises(DataError, match=r"target at \[0, 3\] is 4; expected a class from 0 to"):
            losscli.multilabel_margin([[0.1, 0.2, 0.4, 0.8]], [[0, -1, 0, 4]])

    def test_one_weight_for_all_classes(self) -> None:
        x, y = [[0.5, -1.0]], [[1, 0]]
        whole = losscli.multilabel_soft_margin(x, y)
        assert losscli.multilabel_soft_margin(x, y, weight=2.0) == pytest.approx(2 * whole)

    def test_multilabel_soft_margin_is_a_mean_over_classes(self) -> None:
        found = none_of(losscli.multilabel_soft_margin, np.zeros((2, 3, 4)), np.ones((2, 3, 4)))
        np.testing.assert_allclose(found, np.full((2, 3), math.log(2)), rtol=1e-15)
