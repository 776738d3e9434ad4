"""Blocks: they cover the elements in C order, and where they are cut changes nothing."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli import engine
from losscli.errors import DataError


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 40))
def test_boxes_are_runs_in_c_order_that_cover_everything_once(
    sizes: list[int], budget: int
) -> None:
    grid = np.arange(np.prod(sizes)).reshape(sizes)
    seen = [grid[box].ravel() for box in engine.boxes(tuple(sizes), budget)]
    assert all(part.size <= budget for part in seen)
    np.testing.assert_array_equal(np.concatenate([[], *seen]), grid.ravel())


def test_boxes_without_an_end_go_on() -> None:
    boxes = itertools.islice(engine.boxes((None, 2), 6), 3)
    assert [box[0] for box in boxes] == [slice(0, 3), slice(3, 6), slice(6, 9)]


CASES: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("cross-entropy", (7, 3), {"weight": np.array([0.5, 1.0, 2.0]), "label_smoothing": 0.1}),
    ("cross-entropy", (2, 3, 5, 4), {"ignore_index": 1}),
    ("nll", (1, 3, 40), {}),
    ("mse", (6, 5), {"weight": np.linspace(0, 1, 5)}),
    ("bce-with-logits", (3, 4, 5), {"pos_weight": np.linspace(1, 2, 20).reshape(4, 5)}),
    ("l1", (50,), {}),
]


def arrays(name: str, shape: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(3)
    if name in ("cross-entropy", "nll"):
        return [rng.normal(size=shape), rng.integers(3, size=shape[:1] + shape[2:])]
    return [rng.normal(size=shape), rng.uniform(size=shape)]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("block_values", [1, 7, 12, 100])
@pytest.mark.parametrize(("name", "shape", "options"), CASES)
def test_any_size_of_block_gives_the_same(
    name: str,
    shape: tuple[int, ...],
    options: dict[str, Any],
    block_values: int,
    order: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_arrays = arrays(name, shape)
    whole = losscli.evaluate(name, *given_arrays, reduction="none", **options)
    paths = [tmp_path / "input.npy", tmp_path / "target.npy"]
    for path, array in zip(paths, given_arrays, strict=True):
        np.save(path, np.asarray(array, order=order))
    monkeypatch.setattr(engine, "BLOCK_VALUES", block_values)
    cut = losscli.evaluate(name, *paths, reduction="none", **options)
    np.testing.assert_array_equal(cut.values, whole.values)
    assert (cut.count, cut.ignored) == (whole.count, whole.ignored)
    # The weights of a block are summed in float64; exact sums join the blocks.
    assert cut.weight_sum == pytest.approx(whole.weight_sum, rel=1e-14)
    mean = losscli.evaluate(name, *paths, **options).value
    assert mean == pytest.approx(losscli.evaluate(name, *given_arrays, **options).value, rel=1e-13)


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30))
def test_where_the_file_is_cut_tells_the_index(row: int, column: int) -> None:
    target = np.zeros((31, 31), dtype=int)
    target[row, column] = 9
    with pytest.raises(DataError, match=rf"target at \[{row}, {column}\] is 9;"):
        losscli.nll(np.zeros((31, 2, 31)), target)


def test_the_first_bad_row_of_many_blocks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BLOCK_VALUES", 10)
    target = np.zeros(100, dtype=int)
    target[[57, 83]] = 9
    with pytest.raises(DataError, match="target in row 57 is 9"):
        losscli.nll(np.zeros((100, 2)), target)


def test_what_does_not_run_along_the_samples_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["losscli.evaluate"], "HELD_BYTES", 100)
    with pytest.raises(DataError, match="repeated for every sample"):
        losscli.evaluate("mse", np.zeros((5, 20)), np.zeros(20))
