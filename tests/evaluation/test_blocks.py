"""Blocks cover the elements in C order, and their size does not change the result."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from make_reference import Rounded
from oracle import WITH_ELEMENTS, Drawn, draw_arrays, draw_options

import losscli
from losscli.errors import DataError
from losscli.evaluation import blocks
from losscli.losses.registry import LOSSES
from losscli.result import Result

ANY_ARRAYS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 40), st.integers(0, 4))
def test_boxes_are_runs_in_c_order_that_cover_everything_once(
    sizes: list[int], budget: int, uncut: int
) -> None:
    grid = np.arange(np.prod(sizes)).reshape(sizes)
    seen = [grid[box].ravel() for box in blocks.boxes(tuple(sizes), budget, uncut)]
    whole = np.prod(sizes[max(len(sizes) - uncut, 0) :])
    assert all(part.size <= max(budget, whole) for part in seen)
    assert all(part.size % whole == 0 for part in seen if whole)
    np.testing.assert_array_equal(np.concatenate([[], *seen]), grid.ravel())


def test_boxes_without_an_end_go_on() -> None:
    boxes = itertools.islice(blocks.boxes((None, 2), 6, 0), 3)
    assert [box[0] for box in boxes] == [slice(0, 3), slice(3, 6), slice(6, 9)]


def drawn(name: str, data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Random arrays and options for a loss."""
    loss, draw = LOSSES[name], Drawn(data)
    arrays = draw_arrays(loss, draw)
    return arrays, draw_options(loss, draw, arrays)


def evaluated(name: str, reduction: str, *given_all: dict[str, Any]) -> Result:
    parameters = {key: value for one in given_all for key, value in one.items()}
    return losscli.evaluate(name, reduction=reduction, check=False, broadcast=True, **parameters)


def values(result: Result) -> Any:
    assert result.values is not None
    return result.values


def rounding(arrays: dict[str, Any]) -> float:
    """How much the order of adding classes may change a loss. Losses of 16 and 32 bits add classes
    in float32, in memory order."""
    kinds = [np.asarray(array).dtype for array in arrays.values()]
    wide = all(kind.kind != "f" or kind.itemsize == 8 for kind in kinds)
    return 1e-13 if wide else 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_ELEMENTS)
@ANY_ARRAYS
@given(data=st.data())
def test_any_size_of_block_gives_the_same(name: str, data: Any) -> None:
    arrays, options = drawn(name, data)
    whole = evaluated(name, "none", arrays, options)
    block_values = data.draw(st.integers(1, 60))
    with mock.patch.object(blocks, "BLOCK_VALUES", block_values):
        cut = evaluated(name, "none", arrays, options)
        means = [evaluated(name, one, arrays, options) for one in LOSSES[name].reductions[1:]]
    rtol = rounding(arrays)
    np.testing.assert_allclose(values(cut), values(whole), rtol=rtol, atol=1e-290)
    assert (cut.count, cut.ignored, cut.samples) == (whole.count, whole.ignored, whole.samples)
    # The weights of a block are summed in float64, and the sums of blocks are added exactly.
    assert cut.weight_sum == pytest.approx(whole.weight_sum, rel=1e-14)
    bound = rtol * np.abs(values(whole)).sum()
    for one in means:
        expected = evaluated(name, one.reduction, arrays, options).value
        assert one.value == pytest.approx(expected, rel=rtol, abs=bound, nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_ELEMENTS)
@ANY_ARRAYS
@given(data=st.data())
def test_what_a_mask_leaves_out_does_not_count(name: str, data: Any) -> None:
    arrays, options = drawn(name, data)
    whole = evaluated(name, "none", arrays, options)
    shape = np.shape(values(whole))[: data.draw(st.integers(0, 3))]
    mask = data.draw(npst.arrays(np.uint8, shape, elements=st.integers(0, 1)))
    kept = np.zeros(np.shape(values(whole)), dtype=bool)
    kept[...] = mask.reshape((*mask.shape, *[1] * (kept.ndim - mask.ndim))) == 1
    with mock.patch.object(blocks, "BLOCK_VALUES", data.draw(st.integers(1, 60))):
        found = evaluated(name, "none", arrays, options, {"mask": mask})
        total = evaluated(name, "sum", arrays, options, {"mask": mask})
    expected = np.where(kept, values(whole), 0.0)
    rtol = rounding(arrays)
    np.testing.assert_allclose(values(found), expected, rtol=rtol, atol=1e-290)
    assert found.count + found.ignored == kept.size
    assert found.ignored >= kept.size - np.count_nonzero(kept)
    bound = rtol * np.abs(expected).sum()
    assert total.value == pytest.approx(float(expected.sum()), rel=rtol, abs=bound, nan_ok=True)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("block_values", [1, 7, 12])
@pytest.mark.parametrize("name", WITH_ELEMENTS)
def test_files_are_cut_like_arrays(
    name: str, block_values: int, order: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", block_values)
    loss, draw = LOSSES[name], Rounded(seed=block_values)
    for number in range(5):
        arrays = draw_arrays(loss, draw)
        options = draw_options(loss, draw, arrays)
        paths = {key: tmp_path / f"{key}_{number}.npy" for key in arrays}
        for key, array in arrays.items():
            np.save(paths[key], np.asarray(array, order=order))
        found = evaluated(name, "none", paths, options)
        np.testing.assert_array_equal(
            values(found), values(evaluated(name, "none", arrays, options))
        )


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30))
def test_where_the_file_is_cut_tells_the_index(row: int, column: int) -> None:
    target = np.zeros((31, 31), dtype=int)
    target[row, column] = 9
    with pytest.raises(DataError, match=rf"target at \[{row}, {column}\] is 9;"):
        losscli.nll(np.zeros((31, 2, 31)), target)


def test_the_first_bad_row_of_many_blocks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 10)
    target = np.zeros(100, dtype=int)
    target[[57, 83]] = 9
    with pytest.raises(DataError, match="target in row 57 is 9"):
        losscli.nll(np.zeros((100, 2)), target)


def test_what_does_not_run_along_the_samples_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.opening.plan.MOST_BYTES", 100)
    with pytest.raises(DataError, match="every sample needs the whole array"):
        losscli.evaluate("mse", np.zeros((5, 20)), np.zeros(20))


def test_what_is_no_number_is_counted_in_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 2)
    x = np.zeros(40)
    x[[7, 20, 21, 39]] = np.nan, np.nan, np.inf, np.nan
    found = losscli.evaluate("l1", x, np.zeros(40), reduction="none").warnings
    assert found == (
        "the loss of 3 elements is NaN, first at [7]",
        "the loss of 1 element is infinite, first at [21]",
    )
