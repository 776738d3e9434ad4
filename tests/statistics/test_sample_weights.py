"""Sample weights: Σ s·v / Σ s·w, the same as repeating each row s times."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from oracle import WITH_ELEMENTS, Drawn, draw_arrays, draw_options

import losscli
from losscli import Wanted, evaluate
from losscli.elements import PerElement
from losscli.evaluation import blocks
from losscli.losses.registry import LOSSES
from losscli.result import Result

ANY_ARRAYS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# Logits of three classes, and the loss of each row computed by hand.
X = np.log([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.25, 0.5, 0.25]])


Y = np.array([0, 1, 0, 1])


LOSS = np.log([2.0, 4.0, 4.0, 2.0])


# The 97.5% quantile of Student's t with 2 degrees of freedom, in closed form.
T_2 = 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))


def evaluated(name: str, reduction: str, *given_all: dict[str, Any]) -> Result:
    parameters = {key: value for one in given_all for key, value in one.items()}
    return evaluate(name, reduction=reduction, check=False, broadcast=True, **parameters)


class TestValues:
    def test_mean_and_sum_by_hand(self) -> None:
        mean = evaluate("ce", X, Y, sample_weight=[1, 0, 2.5, 0.5])
        assert mean.value == pytest.approx(6.5 * math.log(2) / 4, rel=1e-15)
        # One element has the weight 0.
        assert (mean.weight_sum, mean.count, mean.samples) == (4.0, 4, 3)
        total = evaluate("ce", X, Y, sample_weight=[1, 0, 2.5, 0.5], reduction="sum")
        assert total.value == pytest.approx(6.5 * math.log(2), rel=1e-15)

    def test_log_loss_of_scikit_learn(self) -> None:
        """sklearn.metrics.log_loss of scikit-learn 1.7 with these sample weights."""
        found = losscli.nll(
            np.log([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]), [0, 1, 1], sample_weight=[1, 3, 0.5]
        )
        by_hand = -(math.log(0.9) + 3 * math.log(0.8) + 0.5 * math.log(0.3)) / 4.5
        assert found == pytest.approx(by_hand, rel=1e-14)

    def test_mse_of_pytorch(self) -> None:
        """torch.nn.functional.mse_loss([1, 2, 4], [0, 0, 0], weight=[1, 2, 0.5]) = 17/3.5."""
        found = losscli.mse([1.0, 2.0, 4.0], [0.0, 0.0, 0.0], sample_weight=[1, 2, 0.5])
        assert found == pytest.approx(17 / 3.5, rel=1e-15)
        total = losscli.mse([1.0, 2.0], [0.0, 0.0], sample_weight=[1, 2], reduction="sum")
        assert total == 9.0

    def test_class_weights_multiply(self) -> None:
        """Σ s·w·v / Σ s·w with w = (1, 3) for the classes 0 and 1."""
        found = evaluate("ce", X, Y, weight=[1, 3, 9], sample_weight=[1, 2, 0, 4])
        expected = (1 * LOSS[0] + 6 * LOSS[1] + 12 * LOSS[3]) / 19
        assert found.value == pytest.approx(expected, rel=1e-15)
        assert found.weight_sum == 19.0

    def test_probability_targets_divide_by_the_sample_weights_alone(self) -> None:
        found = evaluate("ce", X, np.eye(3)[Y], weight=[1, 3, 9], sample_weight=[1, 2, 0, 4])
        expected = (1 * LOSS[0] + 6 * LOSS[1] + 12 * LOSS[3]) / 7
        assert found.value == pytest.approx(expected, rel=1e-15)

    def test_ctc_divides_by_target_lengths_first(self) -> None:
        """Σ s·v/length / Σ s, where each loss is -T·log 0.5 - log(number of alignments)."""
        x = np.log(np.full((4, 2, 2), 0.5))
        parts = {"input_lengths": [4, 4], "target_lengths": [1, 2]}
        each = losscli.ctc(x, [[1, 0], [1, 1]], **parts, reduction="none")
        found = evaluate("ctc", x, [[1, 0], [1, 1]], **parts, sample_weight=[1, 3])
        assert found.value == pytest.approx((each[0] + 3 * each[1] / 2) / 4, rel=1e-15)
        total = evaluate("ctc", x, [[1, 0], [1, 1]], **parts, sample_weight=[1, 3], reduction="sum")
        assert total.value == pytest.approx(each[0] + 3 * each[1], rel=1e-15)

    def test_losses_of_elements_are_not_weighted(self) -> None:
        found = losscli.cross_entropy(X, Y, sample_weight=[1, 0, 2, 7], reduction="none")
        np.testing.assert_allclose(found, LOSS, rtol=1e-15)

    @pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 3), (1, 3), (1,), ()])
    def test_shapes(self, shape: tuple[int, ...]) -> None:
        """The shape of the elements or of their first axes. An axis of size 1 is repeated."""
        x = np.arange(6.0).reshape(2, 3)
        s = np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape)
        spread = np.broadcast_to(s.reshape(shape + (1,) * (2 - len(shape))), (2, 3))
        found = evaluate("l1", x, np.zeros((2, 3)), sample_weight=s)
        assert found.value == pytest.approx(np.average(x, weights=spread), rel=1e-15)

    def test_with_shift(self) -> None:
        """Sample weights have the layout of the targets. The first step has no loss."""
        rng = np.random.default_rng(5)
        x, y = rng.normal(size=(2, 4, 3)), rng.integers(3, size=(2, 4))
        s = rng.integers(0, 4, size=(2, 4))
        each = losscli.cross_entropy(x, y, class_axis=-1, shift=True, reduction="none")
        found = evaluate("ce", x, y, class_axis=-1, shift=True, sample_weight=s)
        assert found.value == pytest.approx(np.average(each, weights=s[:, 1:]), rel=1e-14)

    @pytest.mark.parametrize("block_values", [1, 20, 1 << 19])
    @pytest.mark.parametrize("axes", [0, 1, 2])
    def test_with_a_mask_and_classes_last(self, axes: int, block_values: int) -> None:
        rng = np.random.default_rng(axes)
        x, y = rng.normal(size=(4, 6, 3)), rng.integers(3, size=(4, 6))
        mask = rng.integers(2, size=(4, 6))
        mask[0, 0] = 1
        s = rng.uniform(0.1, 2, size=(4, 6)[:axes])
        each = losscli.cross_entropy(x, y, class_axis=-1, reduction="none")
        factors = np.broadcast_to(s.reshape(s.shape + (1,) * (2 - axes)), (4, 6)) * mask
        wanted = Wanted(by=("class",), accuracy=True)
        with mock.patch.object(blocks, "BLOCK_VALUES", block_values):
            found = evaluate("ce", x, y, class_axis=-1, sample_weight=s, mask=mask, wanted=wanted)
        assert found.value == pytest.approx(np.average(each, weights=factors), rel=1e-13)
        right = np.average(x.argmax(axis=-1) == y, weights=factors)
        assert found.accuracy == pytest.approx(right, rel=1e-13)
        assert found.groups is not None
        for group in found.groups:
            of_group = factors * (y == group.labels[0])
            assert group.value == pytest.approx(np.average(each, weights=of_group), rel=1e-13)

    @pytest.mark.parametrize("block_values", [1, 1 << 19])
    def test_with_classes_in_the_middle(self, block_values: int) -> None:
        """The class axis and all later axes are never split. The weights run along the axes
        before."""
        rng = np.random.default_rng(7)
        x, q = rng.normal(size=(4, 3, 5)), rng.uniform(size=(4, 3, 5))
        s, mask = np.array([1.0, 2.0, 0.5, 4.0]), np.array([1, 0, 1, 1])
        options: dict[str, Any] = {"from_": "logits", "class_axis": 1}
        each = losscli.kl_div(x, q, reduction="none", **options)
        with mock.patch.object(blocks, "BLOCK_VALUES", block_values):
            found = evaluate("kl-div", x, q, sample_weight=s, mask=mask, check=False, **options)
        factors = np.broadcast_to((s * mask)[:, np.newaxis, np.newaxis], each.shape)
        assert found.value == pytest.approx(np.average(each, weights=factors), rel=1e-13)

    def test_a_weight_of_0_leaves_nothing_of_an_infinite_loss(self) -> None:
        x = [[0.0, -math.inf], [-0.5, -1.0]]
        found = evaluate("nll", x, [1, 0], sample_weight=[0, 2], check=False)
        assert (found.value, found.count) == (0.5, 2)
        checked = evaluate("l1", [math.nan, 2.0], [0.0, 0.0], sample_weight=[0, 2])
        assert checked.value == 2.0
        assert checked.warnings == ("the loss of 1 element is NaN, first at [0]",)
        skipped = evaluate("l1", [math.nan, 2.0], [0.0, 0.0], sample_weight=[0, 2], on_nan="skip")
        assert (skipped.count, skipped.ignored) == (1, 1)

    def test_ignored_elements_count_for_nothing(self) -> None:
        """Even if their sample weight is not a number."""
        s = [1, math.nan, -1, 3]
        found = evaluate("ce", X, [0, -100, 0, 1], mask=[1, 1, 0, 1], sample_weight=s)
        assert found.value == pytest.approx((LOSS[0] + 3 * LOSS[3]) / 4, rel=1e-15)
        assert (found.count, found.ignored, found.weight_sum) == (2, 2, 4.0)

    def test_no_mean_where_they_add_up_to_0(self) -> None:
        found = evaluate("mse", [1.0, 2.0], [0.0, 0.0], sample_weight=[0, 0])
        assert math.isnan(found.value or 0.0)
        assert found.warnings == ("the result is NaN: the weights add up to 0",)


@pytest.mark.parametrize("name", WITH_ELEMENTS)
class TestEveryLoss:
    @pytest.mark.slow
    @ANY_ARRAYS
    @given(data=st.data())
    def test_weights_of_1_change_no_bit(self, name: str, data: Any) -> None:
        draw = Drawn(data)
        arrays = draw_arrays(LOSSES[name], draw)
        options = draw_options(LOSSES[name], draw, arrays)
        shape = evaluated(name, "none", arrays, options).shape
        ones = {"sample_weight": np.ones(shape[: draw.integer(0, len(shape))])}
        with mock.patch.object(blocks, "BLOCK_VALUES", draw.integer(1, 60)):
            for reduction in ("mean", "sum"):
                plain = evaluated(name, reduction, arrays, options)
                found = evaluated(name, reduction, arrays, options, ones)
                for key in ("value", "ci", "weight_sum", "count", "ignored", "reference"):
                    np.testing.assert_equal(getattr(found, key), getattr(plain, key))

    @pytest.mark.slow
    @ANY_ARRAYS
    @given(data=st.data())
    def test_whole_numbers_are_repetitions(self, name: str, data: Any) -> None:
        draw = Drawn(data)
        arrays = draw_arrays(LOSSES[name], draw)
        options = draw_options(LOSSES[name], draw, arrays)
        each = evaluated(name, "none", arrays, options)
        assert each.values is not None
        shape = each.shape[: draw.integer(0, len(each.shape))]
        s = data.draw(npst.arrays(np.int64, shape, elements=st.integers(0, 3)))
        with mock.patch.object(blocks, "BLOCK_VALUES", draw.integer(1, 60)):
            total = evaluated(name, "sum", arrays, options, {"sample_weight": s})
        copies = np.broadcast_to(
            s.reshape(shape + (1,) * (len(each.shape) - len(shape))), each.shape
        )
        rows = np.repeat(each.values.ravel(), copies.ravel())
        bound = 1e-6 * float(np.abs(rows).sum())
        expected = float(rows.sum())
        assert total.value == pytest.approx(expected, rel=1e-6, abs=bound, nan_ok=True)

    def test_they_are_in_the_result(self, name: str) -> None:
        assert [one.name for one in LOSSES[name].inputs[-2:]] == ["mask", "sample_weight"]
        function = getattr(losscli, name.replace("-", "_"))
        assert "sample_weight:" in function.__doc__


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 3)),
        min_size=1,
        max_size=8,
    )
)
def test_repeated_rows_of_files(rows: list[tuple[int, float, float, int]]) -> None:
    """The mean, the sum, the baseline, the accuracy and each group, also with class weights."""
    y, a, b, s = (np.array(one) for one in zip(*rows, strict=True))
    x = np.stack([a, b, np.zeros(len(a))], axis=1)
    wanted = Wanted(by=("class",), accuracy=True)
    for reduction in ("mean", "sum"):
        options: dict[str, Any] = {"weight": [1.0, 2.0, 0.5], "reduction": reduction}
        found = evaluate("ce", x, y, sample_weight=s, wanted=wanted, **options)
        copied = evaluate("ce", np.repeat(x, s, 0), np.repeat(y, s), wanted=wanted, **options)
        for key in ("value", "accuracy", "weight_sum"):
            expected = pytest.approx(getattr(copied, key), rel=1e-12, nan_ok=True)
            assert getattr(found, key) == expected
        if found.reference is not None and copied.reference is not None:
            prior = pytest.approx(copied.reference.prior, rel=1e-12, abs=1e-15, nan_ok=True)
            assert found.reference.prior == prior
        assert found.groups is not None
        assert copied.groups is not None
        groups = {one.labels: one.value for one in found.groups if s[y == one.labels[0]].any()}
        expected_groups = {one.labels: one.value for one in copied.groups}
        assert groups == pytest.approx(expected_groups, rel=1e-12)


class TestStatistics:
    def test_the_interval_is_that_of_a_weighted_mean(self) -> None:
        """Cochran's ratio estimator by hand: r ± t·sqrt(n/(n-1)·Σ s²(v-r)²)/Σ s, t(2) = 4.3027."""
        v, s = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 1.0])
        r = 9 / 4
        reach = T_2 * math.sqrt(3 / 2 * float((s**2 * (v - r) ** 2).sum())) / 4
        found = evaluate("l1", v, np.zeros(3), sample_weight=s)
        assert found.ci == pytest.approx((r - reach, r + reach), rel=1e-12)

    def test_groups_add_up_and_count_elements(self) -> None:
        wanted = Wanted(by=("class",))
        found = evaluate("ce", X, Y, sample_weight=[1, 0, 3, 0.5], reduction="sum", wanted=wanted)
        assert found.groups is not None
        groups = {one.labels[0]: (one.value, one.count, one.samples) for one in found.groups}
        zero, one = math.log(2) + 3 * math.log(4), 0.5 * math.log(2)
        assert groups[0] == (pytest.approx(zero, rel=1e-15), 2, 2)
        assert groups[1] == (pytest.approx(one, rel=1e-15), 2, 1)
        assert found.value == pytest.approx(zero + one, rel=1e-15)

    @pytest.mark.parametrize("cluster", [None, "k"])
    def test_rows_without_weight_do_not_narrow_an_interval(
        self, cluster: str | None, tmp_path: Path
    ) -> None:
        """30 such rows changed the verdict of a comparison. The verdict is the same without
        them."""
        rows = ["a,b,y,w,k", "2,1,0,1,u", "3,1.5,0,1,v", "4,1,0,2,w"]
        (tmp_path / "few.csv").write_text("\n".join(rows))
        (tmp_path / "many.csv").write_text("\n".join([*rows, *["9,9,0,0,z"] * 30]))
        wanted = Wanted(cluster=cluster)
        columns = {"target_column": "y", "sample_weight_column": "w", "wanted": wanted}
        few, many = (
            losscli.compare("l1", str(tmp_path / name), input_column=["a", "b"], **columns)
            for name in ("few.csv", "many.csv")
        )
        assert (many.ci, many.wins, many.difference) == (few.ci, few.wins, few.difference)
        assert (many.a.ci, many.a.samples) == (few.a.ci, few.a.samples) == (few.a.ci, 3)

    def test_accuracy_and_prior(self) -> None:
        """Rows 0 and 3 are right. The weights of the labels are 4 and 2.5 of 6.5."""
        wanted = Wanted(accuracy=True)
        found = evaluate("ce", X, Y, sample_weight=[1, 2, 3, 0.5], wanted=wanted)
        assert found.accuracy == 1.5 / 6.5
        assert found.reference is not None
        shares = np.array([4, 2.5]) / 6.5
        prior = -float((shares * np.log(shares)).sum())
        assert found.reference.prior == pytest.approx(prior, rel=1e-14)

    def test_what_is_not_weighted(self) -> None:
        wanted = Wanted(top=2, quantiles=("0.5", "1"), histogram=True)
        plain = evaluate("ce", X, Y, wanted=wanted)
        found = evaluate("ce", X, Y, sample_weight=[9, 1, 0, 0.1], wanted=wanted)
        for key in ("top", "quantiles", "histogram", "count"):
            assert getattr(found, key) == getattr(plain, key)

    def test_any_size_of_block(self) -> None:
        rng = np.random.default_rng(3)
        x, y = rng.normal(size=(200, 4)), rng.integers(4, size=200)
        s = rng.uniform(0, 3, size=200)
        wanted = Wanted(accuracy=True, by=("class",))
        whole = evaluate("ce", x, y, sample_weight=s, wanted=wanted)
        with mock.patch.object(blocks, "BLOCK_VALUES", 12):
            cut = evaluate("ce", x, y, sample_weight=s, wanted=wanted, threads=2)
        assert cut.value == pytest.approx(whole.value, rel=1e-14)
        assert cut.ci == pytest.approx(whole.ci, rel=1e-12)
        assert cut.accuracy == pytest.approx(whole.accuracy, rel=1e-14)


def test_weighting_keeps_the_ignored_and_the_scale() -> None:
    block = PerElement.without(np.array([False, True]), np.array([3.0, 9.0]))
    block = PerElement(
        block.values, None, block.ignored, np.array([0.5, 1.0]), np.array([2.0, 7.0])
    )
    found = block.weighted()
    np.testing.assert_array_equal(found.values, [6.0, 0.0])
    np.testing.assert_array_equal(found.weights, [2.0, 0.0])
    np.testing.assert_array_equal(found.scale, [0.5, 1.0])
    assert found.sample_weights is None


def test_a_list_beside_two_tables_that_share_a_column(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,pred\na,1\nb,4\n")
    (tmp_path / "y.csv").write_text("id,y\na,0\nb,0\n")
    found = evaluate("l1", tmp_path / "x.csv", tmp_path / "y.csv", sample_weight=[1.0, 2.0])
    assert found.value == 3.0
