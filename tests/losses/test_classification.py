"""Corner cases of losses with one class of several, with the results of PyTorch 2.13."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import DataError, UsageError

INF, NAN = math.inf, math.nan
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


@pytest.mark.parametrize("loss", [losscli.nll, losscli.cross_entropy])
class TestIgnored:
    def test_everything_ignored(self, loss: Any) -> None:
        x, y = np.zeros((2, 3)), [-100, -100]
        assert math.isnan(loss(x, y))
        assert loss(x, y, reduction="sum") == 0.0
        np.testing.assert_array_equal(loss(x, y, reduction="none"), [0.0, 0.0])

    def test_nothing_there(self, loss: Any) -> None:
        x, y = np.zeros((0, 3)), np.zeros(0, dtype=int)
        assert math.isnan(loss(x, y))
        assert loss(x, y, reduction="sum") == 0.0
        assert loss(x, y, reduction="none").shape == (0,)
        assert loss(np.zeros((0, 0)), y, reduction="none").shape == (0,)
        for shape in [(2, 0, 0), (2, 3, 0), (0, 3, 4)]:
            x, y = np.zeros(shape, np.float32), np.zeros((shape[0], shape[2]), int)
            found = loss(x, y, class_axis=1, reduction="none")
            assert found.shape == (shape[0], shape[2])

    def test_what_an_ignored_row_holds_does_not_matter(self, loss: Any) -> None:
        x = [[0.0, 0.0], [NAN, INF]]
        assert loss(x, [0, -100]) == loss(x[:1], [0])
        assert loss(x, [0, -100], weight=[0.5, NAN]) == loss(x[:1], [0], weight=[0.5, 1.0])

    def test_an_ignored_index_may_be_a_class(self, loss: Any) -> None:
        x = np.random.default_rng(0).normal(size=(4, 3))
        kept = loss(x[[0, 3]], [0, 2])
        assert loss(x, [0, 1, 1, 2], ignore_index=1) == kept
        assert loss(x, [0, 1, 255, 2], ignore_index=[1, 255]) == kept

    @pytest.mark.parametrize(
        ("inside", "further", "other", "dtype"),
        [
            (2**64 - 100, -100, 2**64 - 101, "u8"),
            (2**63, -100, 2**63 + 1, "u8"),
            (2**63 - 1, 2**63, 2**63 - 2, "i8"),
            (2**53, 2**63, 2**53 + 1, "i8"),
        ],
    )
    def test_several_of_64_bits_are_ignored_to_the_last_bit(
        self, loss: Any, inside: int, further: int, other: int, dtype: str
    ) -> None:
        ignored = [further, inside]
        x = np.random.default_rng(0).normal(size=(3, 3))
        assert loss(x, np.array([0, inside, 2], dtype), ignore_index=ignored) == loss(
            x[[0, 2]], [0, 2]
        )
        with pytest.raises(DataError, match=f"target in row 1 is {other}; expected a class"):
            loss(x, np.array([0, other, 2], dtype), ignore_index=ignored)

    @pytest.mark.parametrize("target", [[0, 3], [0, -1], [0.0, 0.5], [0.0, NAN]])
    def test_no_other_target_is_taken(self, loss: Any, target: list[float]) -> None:
        with pytest.raises(DataError, match="target in row 1 is .*from 0 to 2"):
            loss(np.zeros((2, 3)), target)


@pytest.mark.parametrize("loss", [losscli.nll, losscli.cross_entropy])
class TestShapes:
    @pytest.mark.parametrize("target", [1, [1]])
    def test_one_row(self, loss: Any, target: Any) -> None:
        found = loss([-1.0, -2.0], target, reduction="none")
        assert np.shape(found) == ()
        assert found == loss([[-1.0, -2.0]], [1])

    def test_a_column_of_indices(self, loss: Any) -> None:
        x = np.random.default_rng(0).normal(size=(3, 4))
        found = loss(x, [[0], [1], [2]], reduction="none")
        np.testing.assert_array_equal(found, loss(x, [0, 1, 2], reduction="none"))

    @pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "uint64", "float16", ">i4"])
    def test_every_type_of_index(self, loss: Any, dtype: str) -> None:
        x = [[-1.0, -2.0], [-3.0, -0.5]]
        assert loss(x, np.array([1, 0], dtype=dtype)) == loss(x, [1, 0])

    @pytest.mark.parametrize(
        ("input_shape", "target_shape", "expected"),
        [
            ((4, 3), (5,), r"target has shape \(5,\).*class indices of shape \(4,\)"),
            ((4, 3, 2, 2), (4, 2, 3), r"class indices of shape \(4, 2, 2\)"),
            ((4, 3), (4, 1, 1), r"class indices of shape \(4,\)"),
            ((4,), (4,), r"class indices of shape \(\)"),
            ((), (), "input is a single number"),
        ],
    )
    def test_what_does_not_fit(
        self, loss: Any, input_shape: Any, target_shape: Any, expected: str
    ) -> None:
        with pytest.raises(DataError, match=expected):
            loss(np.zeros(input_shape), np.zeros(target_shape, dtype=int))

    def test_a_weight_that_is_not_one_a_class(self, loss: Any) -> None:
        with pytest.raises(DataError, match=r"expected \(3,\), one number per class of the input"):
            loss(np.zeros((2, 3)), [0, 1], weight=[1.0, 2.0])


class TestNll:
    def test_only_the_entry_of_the_target_counts(self) -> None:
        assert losscli.nll([[NAN, -1.0, INF]], [1]) == 1.0

    def test_a_weight_of_0_does_not_hide_infinity(self) -> None:
        assert math.isnan(losscli.nll([[-INF, -1.0]], [0], weight=[0.0, 1.0], reduction="sum"))

    def test_the_weighted_mean_divides_by_the_weights(self) -> None:
        # (0.5 * 1 + 2 * 3) / (0.5 + 2)
        assert losscli.nll([[-1.0, 0.0], [0.0, -3.0]], [0, 1], weight=[0.5, 2.0]) == 2.6

    def test_a_loss_of_0_has_no_sign(self) -> None:
        assert not np.signbit(losscli.nll([[0.0]], [0], reduction="none")[0])

    def test_probability_targets_are_refused(self) -> None:
        with pytest.raises(DataError, match="class indices of shape"):
            losscli.nll(np.zeros((2, 3)), np.full((2, 3), 0.5))


class TestCrossEntropy:
    def test_large_logits_stay_exact(self) -> None:
        assert losscli.cross_entropy([[1e4, -1e4, 0.0]], [1]) == 20000.0

    @pytest.mark.parametrize(
        ("row", "options", "expected"),
        [
            ([0.0, -INF, 0.0], {}, math.log(2)),
            ([0.0, -INF, 0.0], {"label_smoothing": 0.1}, INF),
            ([0.0, -INF, 0.0], {"label_smoothing": 0.1, "weight": [1.0, 0.0, 1.0]}, NAN),
            ([INF, 0.0, 0.0], {}, NAN),
            ([0.0, INF, 0.0], {}, NAN),
            ([-INF, -INF, -INF], {}, NAN),
            ([0.0, NAN, 0.0], {}, NAN),
        ],
    )
    def test_infinite_logits(self, row: Any, options: Any, expected: float) -> None:
        np.testing.assert_allclose(losscli.cross_entropy([row], [0], **options), expected)

    def test_a_probability_of_0_at_minus_infinity_is_nan(self) -> None:
        assert math.isnan(losscli.cross_entropy([[0.0, -INF]], [[1.0, 0.0]]))

    def test_probabilities_are_used_as_they_are(self) -> None:
        # -(2 log(1/2) + 1 log(1/2)) over 1 element, although the target sums to 3
        loss = losscli.cross_entropy([[0.0, 0.0]], [[2.0, 1.0]])
        np.testing.assert_allclose(loss, 3 * math.log(2), rtol=1e-15)

    def test_weights_do_not_divide_for_probabilities(self) -> None:
        loss = losscli.cross_entropy([[0.0, 0.0]], [[0.5, 0.5]], weight=[4.0, 0.0])
        np.testing.assert_allclose(loss, 2 * math.log(2), rtol=1e-15)

    def test_whole_numbers_of_the_inputs_shape_are_one_hot(self) -> None:
        x = [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]
        one_hot = np.array([[0, 0, 1], [0, 1, 0]], dtype=np.uint8)
        assert losscli.cross_entropy(x, one_hot) == losscli.cross_entropy(x, [2, 1])

    def test_an_ignored_class_needs_indices(self) -> None:
        with pytest.raises(DataError, match="--ignore-index 1 needs class indices"):
            losscli.cross_entropy([[0.0, 0.0]], [[0.5, 0.5]], ignore_index=1)

    @pytest.mark.parametrize("smoothing", [-0.1, 1.1, NAN])
    def test_smoothing_outside_0_to_1(self, smoothing: float) -> None:
        with pytest.raises(UsageError, match="--label-smoothing: expected a number from 0 to 1"):
            losscli.cross_entropy([[0.0, 0.0]], [0], label_smoothing=smoothing)

    def test_full_smoothing_is_allowed(self) -> None:
        loss = losscli.cross_entropy([[1.0, 3.0]], [0], label_smoothing=1.0)
        # (log p[0] + log p[1]) / -2 with p = softmax(1, 3): log(1 + e^2) - 1
        np.testing.assert_allclose(loss, math.log1p(math.exp(2)) - 1, rtol=1e-14)
