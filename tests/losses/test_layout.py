"""Layouts: unknown numbers of rows, shifted targets, and masks."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import losscli
from losscli.errors import DataError
from losscli.losses.layout import ArrayInfo
from losscli.losses.layout.classes import index_targets
from losscli.losses.layout.elementwise import broadcasting, same_shape

pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


class TestRowsNotCountedYet:
    """Files whose number of rows is known only at the end."""

    INPUT = ArrayInfo((None, 3, 5), np.dtype("f4"), table=True)

    def test_another_array_tells(self) -> None:
        targets = ArrayInfo((7, 5), np.dtype("i8"))
        assert index_targets({"input": self.INPUT, "target": targets}).shape == (7, 5)
        assert same_shape(
            {"input": self.INPUT, "target": ArrayInfo((7, 3, 5), np.dtype("f4"))}
        ).shape == (7, 3, 5)

    def test_nobody_tells(self) -> None:
        targets = ArrayInfo((None, 5), np.dtype("i8"), table=True)
        assert index_targets({"input": self.INPUT, "target": targets}).shape == (None, 5)

    def test_one_row_may_be_for_all(self) -> None:
        for pair in [((1, 3), (None, 3)), ((None, 3), (1, 3))]:
            shapes = dict(zip(("input", "target"), pair, strict=True))
            arrays = {name: ArrayInfo(shape, np.dtype("f4")) for name, shape in shapes.items()}
            found = broadcasting(arrays)
            assert (found.shape, len(found.warnings)) == ((None, 3), 1)

    def test_they_are_the_first_axis(self) -> None:
        pair = {"input": (None,), "target": (3, 1)}
        arrays = {name: ArrayInfo(shape, np.dtype("f4")) for name, shape in pair.items()}
        with pytest.raises(DataError, match=r"\(3, 1\).*not broadcast with the input's shape \(N,"):
            broadcasting(arrays)

    def test_the_column_to_take_is_named_where_there_are_several(self) -> None:
        source = ArrayInfo((None, 3), np.dtype("f4"), table=True)
        for shape, hinted in [((None, 2), True), ((7,), False)]:
            target = ArrayInfo(shape, np.dtype("i8"), table=True)
            with pytest.raises(DataError) as caught:
                index_targets({"input": source._replace(shape=(5, 3)), "target": target})
            assert ("--target-column" in str(caught.value)) == hinted

    def test_one_column_fits_any_number_of_rows(self) -> None:
        pair = {"input": (None, 1), "target": (5, 1)}
        arrays = {name: ArrayInfo(shape, np.dtype("f4")) for name, shape in pair.items()}
        assert broadcasting(arrays).shape == (5, 1)
        assert broadcasting(arrays).warnings == ()


class TestShift:
    def test_along_the_last_of_several_axes(self) -> None:
        rng = np.random.default_rng(3)
        x, y = rng.normal(size=(2, 3, 4, 5)), rng.integers(3, size=(2, 4, 5))
        found = losscli.cross_entropy(x, y, shift=True, reduction="none")
        expected = losscli.cross_entropy(x[..., :-1], y[..., 1:], reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-14)

    def test_with_a_mask(self) -> None:
        """The mask belongs to the target, whose first step has no prediction."""
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
        """An axis of size 1 applies to all steps, even if only one step remains."""
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
        """The steps are the only axis, so a mask or label of shape (1) applies to both steps."""
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
        """The array has the steps of the target, of which the first has no prediction."""
        x, y = np.zeros((2, 3, 1)), np.zeros((2, 1), int)
        for shape in [(2, 2), (2, 3), (1, 2)]:
            with pytest.raises(DataError, match=r"expected the shape of the losses, \(2, 1\)"):
                losscli.evaluate("ce", x, y, mask=np.ones(shape), shift=True)


class TestSwappedArrays:
    """Class indices as the input, and scores as the target."""

    @pytest.mark.parametrize("loss", ["nll", "cross-entropy", "dice", "multi-margin", "brier"])
    def test_labels_before_scores(self, loss: str) -> None:
        with pytest.raises(DataError, match=r"target has shape \(4, 3\).*Are input and target sw"):
            losscli.evaluate(loss, [0, 1, 2, 0], np.full((4, 3), 0.25))

    @pytest.mark.parametrize(
        ("labels", "scores"),
        [((4, 1), (4, 3)), ((2, 5, 6), (2, 3, 5, 6)), ((2, 7), (2, 7, 3)), ((1,), (3,))],
    )
    def test_of_other_shapes(self, labels: tuple[int, ...], scores: tuple[int, ...]) -> None:
        with pytest.raises(DataError, match=r"\. Are input and target swapped\?$"):
            losscli.evaluate("ce", np.zeros(labels, int), np.zeros(scores))

    @pytest.mark.parametrize(
        ("source", "target"), [((4, 3), (4, 2)), ((4,), (4, 1)), ((4,), (5, 3)), ((4, 3), (3,))]
    )
    def test_not_if_they_would_not_fit(
        self, source: tuple[int, ...], target: tuple[int, ...]
    ) -> None:
        with pytest.raises(DataError, match="target has shape") as caught:
            losscli.evaluate("ce", np.zeros(source), np.zeros(target))
        assert "swapped" not in str(caught.value)

    def test_not_if_the_target_contains_integers(self) -> None:
        with pytest.raises(DataError, match="target has shape") as caught:
            losscli.evaluate("ce", np.zeros(4), np.zeros((4, 3), int))
        assert "swapped" not in str(caught.value)


def test_no_class_axis_where_a_loss_has_no_such_option() -> None:
    with pytest.raises(DataError, match=r"class indices of shape \(4,\)$"):
        losscli.evaluate("multi-margin", np.zeros((4, 3)), [0, 1, 2])
