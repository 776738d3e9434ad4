"""The corners of SEMANTICS: what PyTorch 2.13 was seen to do, with its numbers."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import DataError, UsageError
from losscli.losses import layout
from losscli.losses.layout import ArrayInfo

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
        with pytest.raises(DataError, match="expected 3 numbers.*input's 3 classes"):
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
        # -(2 log(1/2) + 1 log(1/2)) over 1 element, though the target sums to 3
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
        with pytest.raises(UsageError, match="label_smoothing is .* from 0 to 1"):
            losscli.cross_entropy([[0.0, 0.0]], [0], label_smoothing=smoothing)

    def test_full_smoothing_is_allowed(self) -> None:
        loss = losscli.cross_entropy([[1.0, 3.0]], [0], label_smoothing=1.0)
        # (log p[0] + log p[1]) / -2 with p = softmax(1, 3): log(1 + e^2) - 1
        np.testing.assert_allclose(loss, math.log1p(math.exp(2)) - 1, rtol=1e-14)


class TestBinary:
    def test_bce_holds_each_logarithm_at_minus_100(self) -> None:
        assert losscli.bce([0.0, 1.0, 1.0], [1.0, 0.0, 1.0], reduction="sum") == 200.0

    @pytest.mark.parametrize("bad", [-0.1, 1.1, NAN, INF])
    def test_bce_takes_probabilities_only(self, bad: float) -> None:
        with pytest.raises(DataError, match="input in row 1 is .*from 0 to 1; bce-with-logits"):
            losscli.bce([0.5, bad], [0.0, 1.0])
        with pytest.raises(DataError, match="target in row 1 is .*from 0 to 1"):
            losscli.bce([0.5, 0.5], [0.0, bad])

    def test_bce_wants_equal_shapes(self) -> None:
        with pytest.raises(DataError, match=r"target has shape \(2,\); expected that of input"):
            losscli.bce(np.full((2, 1), 0.5), [0.0, 1.0])

    @pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
    def test_bce_with_infinite_logits(self, target: float) -> None:
        below_1 = INF if target < 1 else NAN
        np.testing.assert_equal(losscli.bce_with_logits([INF], [target]), below_1)
        assert math.isnan(losscli.bce_with_logits([-INF], [target]))

    def test_weights_do_not_divide(self) -> None:
        loss = losscli.bce_with_logits([0.0, 0.0], [0.0, 1.0], weight=4.0, pos_weight=3.0)
        np.testing.assert_allclose(loss, (4 + 12) * math.log(2) / 2, rtol=1e-15)


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
        with pytest.raises(UsageError, match="beta is -1.0; expected a value at least 0"):
            losscli.smooth_l1([0.0], [0.0], beta=-1.0)
        with pytest.raises(UsageError, match=r"delta is 0.0; expected a value above 0"):
            losscli.huber([0.0], [0.0], delta=0.0)

    def test_broadcasting_is_said(self) -> None:
        with pytest.warns(
            RuntimeWarning, match=r"target has shape \(2,\) and input \(2, 1\).*\(2, 2\)"
        ):
            loss = losscli.mse([[0.0], [1.0]], [0.0, 1.0], reduction="none")
        np.testing.assert_array_equal(loss, [[0.0, 1.0], [1.0, 0.0]])

    def test_a_weight_beside_shapes_that_differ_is_refused(self) -> None:
        with pytest.raises(DataError, match="a weight needs them to be of one shape"):
            losscli.mse(np.zeros((2, 3)), np.zeros(3), weight=np.ones(3))

    def test_shapes_that_do_not_broadcast(self) -> None:
        with pytest.raises(DataError, match=r"does not broadcast with the input's, \(3,\)"):
            losscli.mse(np.zeros(3), np.zeros(2))

    def test_a_weight_larger_than_the_input_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"weight has shape \(2, 3\)"):
            losscli.mse(np.zeros(3), np.zeros(3), weight=np.ones((2, 3)))


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
        assert losscli.kl_div(-2.0, 1.0, reduction="batchmean") == 2.0  # of a single number: all
        assert math.isnan(losscli.kl_div(np.zeros((0, 4)), np.zeros((0, 4)), reduction="batchmean"))

    def test_no_other_loss_has_batchmean(self) -> None:
        with pytest.raises(UsageError, match="reduction is 'batchmean'; expected one of none"):
            losscli.mse([1.0], [1.0], reduction="batchmean")

    def test_poisson_nll(self) -> None:
        found = none_of(losscli.poisson_nll, [0.0, 1.0, -INF, INF], [0.0, 3.0, 0.0, 0.0])
        np.testing.assert_allclose(found, [1.0, math.e - 3.0, NAN, NAN], rtol=1e-15)
        # At y = 3: 3 log 3 - 3 + log(6 pi)/2 more; at y = 1 and 0 nothing.
        full = none_of(losscli.poisson_nll, [0.0, 1.0, 2.0], [0.0, 3.0, 1.0], full=True)
        stirling = 3 * math.log(3) - 3 + math.log(6 * math.pi) / 2
        expected = [1.0, math.e - 3 + stirling, math.exp(2) - 2]
        np.testing.assert_allclose(full, expected, rtol=1e-14)

    def test_poisson_nll_of_counts(self) -> None:
        found = none_of(losscli.poisson_nll, [0.0, 2.0], [0.0, 1.0], log_input=False, eps=0.5)
        np.testing.assert_allclose(found, [0.0, 2 - math.log(2.5)], rtol=1e-15, atol=1e-300)
        # Unless given, eps is 1e-8.
        found = losscli.poisson_nll([0.0], [1.0], log_input=False)
        assert found == pytest.approx(8 * math.log(10), rel=1e-15)

    def test_gaussian_nll(self) -> None:
        found = none_of(losscli.gaussian_nll, [0.0, 1.0], [1.0, 1.0], [0.0, 4.0])
        # A variance of 0 is held at 1e-6: (log 1e-6 + 1e6) / 2
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


class TestMargins:
    def test_soft_margin_does_not_overflow(self) -> None:
        """log(1 + exp(1000)) is 1000; PyTorch's exp(1000) is infinite."""
        found = none_of(losscli.soft_margin, [1000.0, -1000.0], [1, 1])
        np.testing.assert_array_equal(found, [0.0, 1000.0])

    @pytest.mark.filterwarnings("ignore:target has shape")
    def test_the_target_of_soft_margin_broadcasts_to_the_input(self) -> None:
        """As torch.nn.functional.soft_margin_loss takes it, which refuses the other way."""
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
            "target has shape (2,) and input (3, 2): it was broadcast to the input's shape",
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
        """As torch.nn.functional.margin_ranking_loss does with arrays of as many axes."""
        rng = np.random.default_rng(0)
        a, b, y = (rng.normal(size=shape) for shape in shapes)
        y = np.sign(y)
        found = none_of(losscli.margin_ranking, a, b, y, margin=0.5)
        np.testing.assert_allclose(found, np.maximum(-y * (a - b) + 0.5, 0.0), rtol=1e-14)

    def test_margin_ranking_wants_as_many_axes(self) -> None:
        for shapes in [((5, 2), (5, 2), (2,)), ((5, 2), (), (5, 2)), ((5, 2), (4, 2), (5, 2))]:
            with pytest.raises(DataError, match="of as many axes that broadcasts with it"):
                losscli.margin_ranking(*map(np.ones, shapes))

    def test_margin_ranking_says_what_was_broadcast(self) -> None:
        arrays = [np.ones(shape) for shape in [(5, 2), (5, 1), (5, 2)]]
        assert losscli.evaluate("margin-ranking", *arrays).warnings == (
            "input1 has shape (5, 2), input2 has shape (5, 1) and target has shape (5, 2): they "
            "were broadcast to (5, 2)",
        )
        arrays = [np.ones(shape) for shape in [(5, 1), (1, 2), (1, 1)]]
        with pytest.raises(
            DataError, match="to \\(5, 2\\), more than either has; --broadcast allows"
        ):
            losscli.evaluate("margin-ranking", *arrays)
        assert losscli.evaluate("margin-ranking", *arrays, broadcast=True).count == 10

    @pytest.mark.parametrize("shape", [(), (1,)])
    @pytest.mark.parametrize("target_shape", [(), (1,)])
    def test_margins_of_a_single_number(
        self, shape: tuple[int, ...], target_shape: tuple[int, ...]
    ) -> None:
        """One class leads no other: 0 in torch.nn.functional, of these shapes."""
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
        """The last score leads the target's by 4, so 1 - 4 + 8 = 5 is missing: 5^p / 4."""
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
        with pytest.raises(UsageError, match="p is 3; expected a value from 1 to 2"):
            losscli.multi_margin([[1.0, 2.0]], [0], p=3)

    @pytest.mark.parametrize(
        ("target", "expected"),
        [([3, 0, -1, 1], 0.85), ([-1, 0, -1, 1], 0.0), ([3, 3, -1, 1], 0.65)],
    )
    def test_multilabel_margin(self, target: Any, expected: float) -> None:
        """What comes after the first -1 is not listed, and what is listed twice counts twice."""
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


class TestVectors:
    def test_cosine_embedding(self) -> None:
        a, b = [[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], np.ones((4, 2))
        found = none_of(losscli.cosine_embedding, a, b, [1, 1, -1, 0])
        half = math.sqrt(0.5)
        np.testing.assert_allclose(found, [1.0, 1 - half, half, 0.0], rtol=1e-11)

    def test_cosine_embedding_of_one_pair(self) -> None:
        for target in (1, [1]):
            found = none_of(losscli.cosine_embedding, [1.0, 0.0], [1.0, 1.0], target)
            assert np.shape(found) == ()

    def test_one_target_for_all_pairs(self) -> None:
        a, b = [[1.0, 0.0], [0.0, 2.0]], np.ones((2, 2))
        for target in (-1, [-1]):
            found = none_of(losscli.cosine_embedding, a, b, target)
            np.testing.assert_allclose(found, [math.sqrt(0.5)] * 2, rtol=1e-11)

    def test_vectors_of_nothing(self) -> None:
        """Their distances are 0, so the margin remains."""
        for shape, p in itertools.product([(2, 0), (2, 3, 0)], [1.0, 2.0, INF]):
            found = none_of(losscli.triplet_margin, *[np.zeros(shape)] * 3, p=p)
            np.testing.assert_array_equal(found, np.ones(shape[:-1]))

    def test_targets_of_vectors_that_do_not_fit(self) -> None:
        for shape, expected in [((3, 2), r"\(3,\)"), ((2,), r"\(\)")]:
            with pytest.raises(DataError, match=rf"target has shape \(2,\); expected {expected}"):
                losscli.cosine_embedding(np.ones(shape), np.ones(shape), [1, 1])

    def test_vectors_that_do_not_fit(self) -> None:
        with pytest.raises(DataError, match=r"input2 has shape \(1, 3\); expected that of input1"):
            losscli.cosine_embedding([[1.0, 0.0]], [[1.0, 1.0, 1.0]], [1])
        with pytest.raises(DataError, match=r"negative has shape \(2,\); expected that of anchor"):
            losscli.triplet_margin([[1.0, 0.0]], [[1.0, 0.0]], [1.0, 1.0])

    def test_triplet_margin_swaps_to_the_smaller_distance(self) -> None:
        triple = [[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.0]]
        assert losscli.triplet_margin(*triple, eps=0.0) == 1.0
        # The negative is sqrt(10) from the positive.
        found = losscli.triplet_margin(*triple, eps=0.0, swap=True)
        assert found == pytest.approx(6 - math.sqrt(10), rel=1e-15)

    @pytest.mark.parametrize(("p", "distance"), [(1.0, 7.0), (2.0, 5.0), (INF, 4.0)])
    def test_norms(self, p: float, distance: float) -> None:
        a, x, z = [[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 0.0]]
        assert losscli.triplet_margin(a, x, z, p=p, eps=0.0) == 1 + distance

    def test_a_triplet_margin_is_above_0(self) -> None:
        with pytest.raises(UsageError, match=r"margin is 0.0; expected a value above 0"):
            losscli.triplet_margin([[0.0]], [[0.0]], [[0.0]], margin=0.0)


class TestCtc:
    # Three steps, one sample, three classes; exact in float64.
    X = np.log([[[0.5, 0.25, 0.25]], [[0.25, 0.5, 0.25]], [[0.25, 0.25, 0.5]]])

    def ctc(self, targets: Any, steps: int, labels: int, **options: Any) -> Any:
        found = losscli.ctc(self.X, targets, [steps], [labels], reduction="none", **options)
        return found[0]

    def test_all_ways_of_writing_one_label(self) -> None:
        """With 0 for blank, 100 010 001 110 011 111: 1 + 4 + 2 + 2 + 4 + 2 of 64."""
        assert self.ctc([[1]], 3, 1) == pytest.approx(math.log(64 / 15), rel=1e-14)

    def test_a_repeated_label_needs_a_blank_between(self) -> None:
        """1 0 1 alone: 1/4 1/4 1/4."""
        assert self.ctc([[1, 1]], 3, 2) == pytest.approx(3 * math.log(4), rel=1e-14)
        assert self.ctc([[1, 1]], 2, 2) == INF
        assert self.ctc([[1, 1]], 2, 2, zero_infinity=True) == 0.0

    def test_no_labels_are_blanks_alone(self) -> None:
        assert self.ctc([[1]], 2, 0) == pytest.approx(math.log(8), rel=1e-14)
        assert self.ctc([[1]], 0, 0) == 0.0
        assert self.ctc([[1]], 0, 1) == INF

    def test_the_mean_divides_by_the_labels_first(self) -> None:
        x = np.concatenate([self.X, self.X], axis=1)
        targets, steps, labels = [[1, 2], [1, 0]], [3, 3], [2, 1]
        each = losscli.ctc(x, targets, steps, labels, reduction="none")
        assert losscli.ctc(x, targets, steps, labels) == pytest.approx((each[0] / 2 + each[1]) / 2)
        assert losscli.ctc(x, targets, steps, labels, reduction="sum") == pytest.approx(each.sum())

    def test_targets_end_to_end(self) -> None:
        x = np.concatenate([self.X] * 3, axis=1)
        padded = losscli.ctc(x, [[1, 2], [1, 0], [2, 1]], [3] * 3, [2, 1, 2], reduction="none")
        joined = losscli.ctc(x, [1, 2, 1, 2, 1], [3] * 3, [2, 1, 2], reduction="none")
        np.testing.assert_array_equal(joined, padded)
        with pytest.raises(DataError, match="found 4 values end to end, expected 5"):
            losscli.ctc(x, [1, 2, 1, 2], [3] * 3, [2, 1, 2])
        with pytest.raises(DataError, match="found 6 values end to end, expected 5"):
            losscli.ctc(x, [1, 2, 1, 2, 1, 1], [3] * 3, [2, 1, 2])

    def test_one_sample(self) -> None:
        for targets in ([1], [[1]]):
            found = losscli.ctc(self.X[:, 0], targets, 3, 1, reduction="none")
            assert np.shape(found) == ()
            assert found == self.ctc([[1]], 3, 1)

    def test_no_such_blank(self) -> None:
        for blank in (3, -1):
            with pytest.raises(DataError, match=f"has the classes 0 to 2, and no blank {blank}"):
                self.ctc([[1]], 3, 1, blank=blank)

    def test_one_length_for_all(self) -> None:
        x = np.concatenate([self.X] * 2, axis=1)
        each = losscli.ctc(x, [[1], [2]], [3, 3], [1, 1], reduction="none")
        for length in (3, [3]):
            found = losscli.ctc(x, [[1], [2]], length, [1], reduction="none")
            np.testing.assert_array_equal(found, each)

    def test_nothing_but_the_blank(self) -> None:
        """One class of probability 1/2: (1/2)^2 for two steps, whatever pads the target."""
        x = np.log(np.full((2, 1, 1), 0.5))
        assert losscli.ctc(x, [[0, 0]], [2], [0], reduction="sum") == 2 * math.log(2)

    def test_targets_that_do_not_fit(self) -> None:
        x = np.concatenate([self.X] * 2, axis=1)
        for targets in ([[1]], np.ones((2, 1, 1), int)):
            with pytest.raises(DataError, match=r"takes \(N, S\) = \(2, S\), or all targets end"):
                losscli.ctc(x, targets, [3, 3], [1, 1])
        with pytest.raises(DataError, match=r"takes \(N, S\) = \(1, S\), or all targets end"):
            losscli.ctc(self.X[:, 0], np.ones((2, 1), int), 3, 1)

    @pytest.mark.parametrize(
        ("steps", "labels", "targets", "expected"),
        [
            (4, 1, [[1]], "input_lengths in row 0 is 4; expected a length from 0 to 3"),
            (3, 2, [[1]], "target_lengths in row 0 is 2; expected a length from 0 to 1"),
            (3, -1, [[1]], "target_lengths in row 0 is -1; expected a length"),
            (3, 1, [[3]], r"targets at \[0, 0\] is 3; expected a class from 0 to 2"),
        ],
    )
    def test_what_does_not_fit(self, steps: int, labels: int, targets: Any, expected: str) -> None:
        with pytest.raises(DataError, match=expected):
            self.ctc(targets, steps, labels)


class TestRowsNotCountedYet:
    """Of files whose end alone tells how many rows there are."""

    INPUT = ArrayInfo((None, 3, 5), np.dtype("f4"), table=True)

    def test_another_array_tells(self) -> None:
        targets = ArrayInfo((7, 5), np.dtype("i8"))
        assert layout.index_targets({"input": self.INPUT, "target": targets}).shape == (7, 5)
        assert layout.same_shape(
            {"input": self.INPUT, "target": ArrayInfo((7, 3, 5), np.dtype("f4"))}
        ).shape == (7, 3, 5)

    def test_nobody_tells(self) -> None:
        targets = ArrayInfo((None, 5), np.dtype("i8"), table=True)
        assert layout.index_targets({"input": self.INPUT, "target": targets}).shape == (None, 5)

    def test_one_row_may_be_for_all(self) -> None:
        for pair in [((1, 3), (None, 3)), ((None, 3), (1, 3))]:
            shapes = dict(zip(("input", "target"), pair, strict=True))
            arrays = {name: ArrayInfo(shape, np.dtype("f4")) for name, shape in shapes.items()}
            found = layout.broadcasting(arrays)
            assert (found.shape, len(found.warnings)) == ((None, 3), 1)

    def test_they_are_the_first_axis(self) -> None:
        pair = {"input": (None,), "target": (3, 1)}
        arrays = {name: ArrayInfo(shape, np.dtype("f4")) for name, shape in pair.items()}
        with pytest.raises(DataError, match=r"\(3, 1\).*does not broadcast with the input's, \(N,"):
            layout.broadcasting(arrays)

    def test_the_column_to_take_is_named_where_there_are_several(self) -> None:
        source = ArrayInfo((None, 3), np.dtype("f4"), table=True)
        for shape, hinted in [((None, 2), True), ((7,), False)]:
            target = ArrayInfo(shape, np.dtype("i8"), table=True)
            with pytest.raises(DataError) as caught:
                layout.index_targets({"input": replace(source, shape=(5, 3)), "target": target})
            assert ("--target-column" in str(caught.value)) == hinted

    def test_one_column_fits_any_number_of_rows(self) -> None:
        pair = {"input": (None, 1), "target": (5, 1)}
        arrays = {name: ArrayInfo(shape, np.dtype("f4")) for name, shape in pair.items()}
        assert layout.broadcasting(arrays).shape == (5, 1)
        assert layout.broadcasting(arrays).warnings == ()


class TestShift:
    def test_along_the_last_of_several_axes(self) -> None:
        rng = np.random.default_rng(3)
        x, y = rng.normal(size=(2, 3, 4, 5)), rng.integers(3, size=(2, 4, 5))
        found = losscli.cross_entropy(x, y, shift=True, reduction="none")
        expected = losscli.cross_entropy(x[..., :-1], y[..., 1:], reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-14)

    def test_with_a_mask(self) -> None:
        """It goes with the target: its first step has no prediction."""
        rng = np.random.default_rng(4)
        x, y = rng.normal(size=(2, 3, 4, 6)), rng.integers(3, size=(2, 4, 6))
        mask = rng.integers(2, size=y.shape)
        found = losscli.evaluate("ce", x, y, mask=mask, shift=True)
        each = losscli.cross_entropy(x[..., :-1], y[..., 1:], reduction="none")
        assert found.value == pytest.approx(each[mask[..., 1:] == 1].mean(), rel=1e-14)

    def test_of_no_steps(self) -> None:
        found = losscli.evaluate("ce", np.zeros((2, 3, 0)), np.zeros((2, 0)), shift=True)
        assert (found.shape, found.count, found.skipped) == ((2, 0), 0, 0)

    @pytest.mark.parametrize("steps", [1, 2, 3])
    @pytest.mark.parametrize("shape", [(4, 1), (4,), (1, 1), (1, "T"), (4, "T")])
    def test_masks_and_labels_of_few_steps(
        self, steps: int, shape: tuple[int | str, ...], tmp_path: Path
    ) -> None:
        """An axis of size 1 is for all steps, also where one step is left."""
        rng = np.random.default_rng(steps)
        x, y = rng.normal(size=(4, 3, steps)), rng.integers(3, size=(4, steps))
        mask = rng.integers(2, size=[steps if size == "T" else size for size in shape])
        np.save(tmp_path / "mask.npy", mask)
        wanted = losscli.Wanted(by=(str(tmp_path / "mask.npy"),))
        whole = losscli.evaluate("ce", x, y, shift=True, wanted=wanted, class_axis=1)
        masked = losscli.evaluate("ce", x, y, shift=True, mask=mask, class_axis=1)
        each = losscli.cross_entropy(x[..., :-1], y[..., 1:], reduction="none")
        rows = mask.reshape(4, 1) if shape == (4,) else mask
        kept = np.broadcast_to(rows, (4, steps))[:, 1:] == 1
        assert (masked.count, masked.ignored) == (kept.sum(), (~kept).sum())
        if kept.any():
            assert masked.value == pytest.approx(each[kept].mean(), rel=1e-14)
        assert {one.labels[0]: one.value for one in whole.groups or ()} == {
            label: pytest.approx(each[kept == label].mean(), rel=1e-14)
            for label in np.unique(kept).astype(int).tolist()
        }

    def test_of_two_steps_without_samples(self, tmp_path: Path) -> None:
        """Their axis is the only one: a mask or label (1) is for both steps."""
        x, y = [[0.0, 0.0], [5.0, 7.0]], [1, 0]
        np.save(tmp_path / "g.npy", [4])
        wanted = losscli.Wanted(by=(str(tmp_path / "g.npy"),))
        found = losscli.evaluate("ce", x, y, mask=[1], shift=True, wanted=wanted)
        assert found.value == pytest.approx(math.log(2), rel=1e-15)
        assert [(one.labels, one.count) for one in found.groups or ()] == [((4,), 1)]
        assert losscli.evaluate("ce", x, y, mask=[0], shift=True).ignored == 1

    def test_a_mask_of_no_steps(self) -> None:
        x, y = np.zeros((2, 3, 0)), np.zeros((2, 0))
        found = losscli.evaluate("ce", x, y, mask=np.zeros((2, 0)), shift=True)
        assert (found.shape, found.count, found.ignored) == ((2, 0), 0, 0)


class TestMasks:
    def test_of_a_single_row(self) -> None:
        for mask in (1, [1]):
            found = losscli.evaluate("ce", [0.0, 0.0], 1, mask=mask)
            assert found.value == pytest.approx(math.log(2), rel=1e-15)
        assert losscli.evaluate("ce", [0.0, 0.0], 1, mask=[0]).ignored == 1

    def test_beside_what_is_ignored(self) -> None:
        x = [[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0], [-7.0, -8.0]]
        found = losscli.evaluate("nll", x, [0, -100, 1, 1], mask=[1, 1, 0, 1], check=False)
        assert (found.value, found.count, found.ignored) == (4.5, 2, 2)

    def test_one_mark_for_all_of_a_row(self) -> None:
        x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        for mask in ([[0], [1]], [0, 1]):
            assert losscli.evaluate("l1", x, np.zeros((2, 3)), mask=mask).value == 5.0
        assert losscli.evaluate("l1", x, np.zeros((2, 3)), mask=[[0, 1, 1]]).value == 4.0

    def test_beside_shifted_steps(self) -> None:
        """It has the steps of the target, of which the first has no prediction."""
        x, y = np.zeros((2, 3, 1)), np.zeros((2, 1), int)
        for shape in [(2, 2), (2, 3), (1, 2)]:
            with pytest.raises(DataError, match=r"expected that of the elements, \(2, 1\)"):
                losscli.evaluate("ce", x, y, mask=np.ones(shape), shift=True)


def test_infinities_that_meet_in_a_sum_are_nan() -> None:
    assert math.isnan(losscli.mse([INF], [INF]))


@pytest.mark.parametrize("bad", [[1j], ["a"], [None], [[1], [1, 2]]])
def test_only_real_numbers_are_taken(bad: Any) -> None:
    with pytest.raises((DataError, ValueError)):
        losscli.mse(bad, [0.0])


def test_float16_is_widened() -> None:
    x = np.array([300.0], dtype=np.float16)  # whose square is beyond float16
    assert losscli.mse(x, [0.0]) == 90000.0
