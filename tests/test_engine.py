"""Blocks: they cover the elements in C order, and where they are cut changes nothing."""

from __future__ import annotations

import io
import itertools
import threading
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from make_reference import Rounded
from oracle import WITH_ELEMENTS, Drawn, draw_arrays, draw_options

import losscli
from losscli import elements
from losscli.errors import DataError
from losscli.evaluation import blocks
from losscli.losses.registry import LOSSES
from losscli.readers import AS_THEY_ARE
from losscli.readers.files import origin
from losscli.readers.files.shards import open_files
from losscli.result import Result

FAMILIES = ["checks", "layout", "numerics", "registry"]

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
    """Arrays and options for a loss."""
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
    """By how much the order in which classes are added up may change a loss: of 16 and 32 bits
    they are added up in float32, in the order in which they lie."""
    kinds = [np.asarray(array).dtype for array in arrays.values()]
    wide = all(kind.kind != "f" or kind.itemsize == 8 for kind in kinds)
    return 1e-13 if wide else 1e-6


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
    # The weights of a block are summed in float64; exact sums join the blocks.
    assert cut.weight_sum == pytest.approx(whole.weight_sum, rel=1e-14)
    bound = rtol * np.abs(values(whole)).sum()
    for one in means:
        expected = evaluated(name, one.reduction, arrays, options).value
        assert one.value == pytest.approx(expected, rel=rtol, abs=bound, nan_ok=True)


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
    with pytest.raises(DataError, match="needed whole for every sample"):
        losscli.evaluate("mse", np.zeros((5, 20)), np.zeros(20))


def everything(*arrays: Any, **parameters: Any) -> tuple[Any, ...]:
    """What a result says, to the last bit."""
    result = losscli.evaluate("ce", *arrays, **parameters)
    return result.value, result.weight_sum, result.count, result.ignored, result.warnings


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 1000)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5000, 7)).astype(np.float32), rng.integers(7, size=5000)
    x[[700, 3000]] = np.exp(x[[700, 3000]])
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    pa.parquet.write_table(pa.table({"x": list(x), "label": y}), tmp_path / "t.parquet")
    weight = rng.uniform(size=7)
    for arrays in ([tmp_path / "x.npy", tmp_path / "y.npy"], [tmp_path / "t.parquet"], [x, y]):
        expected = everything(*arrays, weight=weight, threads=1)
        assert everything(*arrays, weight=weight, threads=threads) == expected
        each = [
            losscli.evaluate("ce", *arrays, reduction="none", threads=one).values
            for one in (1, threads)
        ]
        np.testing.assert_array_equal(*each)


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_error_is_told_whatever_the_threads(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 100)
    target = np.zeros(10_000, dtype=int)
    target[[4321, 4322, 9999]] = 9
    for _ in range(5):
        with pytest.raises(DataError, match="target in row 4321 is 9"):
            losscli.evaluate("ce", np.zeros((10_000, 2)), target, threads=threads)


def test_a_thread_opens_no_file_again_that_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a run ends with an error, other threads may be reading still: what they opened then
    nobody closed."""
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 8)
    opened, before = [], set(threading.enumerate())

    class File(io.FileIO):
        def __init__(self, path: Any) -> None:
            super().__init__(path)
            opened.append(self)

    monkeypatch.setattr(origin.io, "FileIO", File)
    np.save(tmp_path / "x.npy", np.zeros((4000, 4)))
    np.save(tmp_path / "y.npy", np.full(4000, 9))
    for _ in range(20):
        with pytest.raises(DataError, match="target in row 0 is 9"):
            losscli.evaluate("ce", tmp_path / "x.npy", tmp_path / "y.npy", threads=4)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert opened
    assert all(file.closed for file in opened)


def test_of_long_rows_only_the_targets_entries_are_read(tmp_path: Path) -> None:
    """5000 rows of 4096 classes: 80 MB, of which a page a row is 20 MB."""
    shape = (5000, 4096)
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, shape)  # nothing but zeros
    y = np.arange(5000) % 4096
    with open(tmp_path / "x.npy", "r+b") as file:
        offset = file.seek(0, 2) - 5000 * 4096 * 4
        for row in range(5000):
            file.seek(offset + (row * 4096 + int(y[row])) * 4)
            file.write(np.float32(-row - 1).tobytes())
    source = open_files([str(tmp_path / "x.npy")], AS_THEY_ARE).array(None, "")
    assert not source.read((slice(0, 1), slice(1, 9))).any()
    source.close()
    with mock.patch.object(type(source), "read", side_effect=AssertionError("reads rows")):
        result = losscli.evaluate("nll", tmp_path / "x.npy", y, check=False, reduction="none")
    np.testing.assert_array_equal(values(result), np.arange(5000) + 1.0)
    # Of each of three blocks, as many rows are looked at as have 65,536 classes: 16.
    warning, worse = losscli.evaluate("nll", tmp_path / "x.npy", y).warnings
    assert warning.endswith("seen 48 times where it was looked for")
    assert worse.startswith("the loss, 2500.5, is worse than guessing by label frequencies, ")


def test_long_rows_are_read_whole_where_they_have_to_be(tmp_path: Path) -> None:
    """For what a mask leaves in, and for the class that scores most."""
    x = np.full((3, 5000), np.log(1 / 5000))
    x[[0, 1, 2], [1, 2, 4000]] = [-1.0, -2.0, -100.0]
    np.save(tmp_path / "x.npy", x)
    long = tmp_path / "x.npy"
    assert losscli.evaluate("nll", long, [1, 2, 4000]).value == 103 / 3
    found = losscli.evaluate("nll", long, [1, 2, 4000], mask=[1, 1, 0], check=False)
    assert (found.value, found.count) == (1.5, 2)
    wanted = losscli.Wanted(accuracy=True)
    assert losscli.evaluate("nll", long, [1, 2, 3], wanted=wanted, check=False).accuracy == 2 / 3


@pytest.mark.parametrize("loss", ["multi-margin", "multilabel-margin", "ce"])
def test_losses_of_all_classes_read_long_rows(loss: str, tmp_path: Path) -> None:
    x = np.random.default_rng(6).normal(size=(3, 5000))
    y = np.array([1, 2, 4000])
    if loss == "multilabel-margin":
        y = np.where(np.arange(5000) == 0, y[:, np.newaxis], -1)
    np.save(tmp_path / "x.npy", x)
    found = losscli.evaluate(loss, tmp_path / "x.npy", y)
    assert found.value == losscli.evaluate(loss, x, y).value


def test_what_is_no_number_is_counted_in_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 2)
    x = np.zeros(40)
    x[[7, 20, 21, 39]] = np.nan, np.nan, np.inf, np.nan
    found = losscli.evaluate("l1", x, np.zeros(40), reduction="none").warnings
    assert found == (
        "the loss of 3 elements is NaN, first at [7]",
        "the loss of 1 element is infinite, first at [21]",
    )


def test_a_mistake_in_long_rows_is_found(tmp_path: Path) -> None:
    x = np.full((3, 5000), np.log(1 / 5000))
    x[2, 4000] = 0.5
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match=r"x.npy: input at \[2, 4000\] is 0.5; expected log-prob"):
        losscli.evaluate("nll", tmp_path / "x.npy", [1, 2, 4000])
    x[2, 4000] = 0.0
    np.save(tmp_path / "x.npy", x)
    [warning] = losscli.evaluate("nll", tmp_path / "x.npy", [1, 2, 4000]).warnings
    assert "input at [2, 0] begins a row whose probabilities sum to 2" in warning


def test_what_passes_through_threads_cannot_be_changed() -> None:
    """Every value of these modules is frozen, so that no thread can alter another's."""
    modules = [blocks, elements, *(import_module(f"losscli.losses.{name}") for name in FAMILIES)]
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    values = [one for one in classes if is_dataclass(one)]
    assert len(values) > 15
    assert [one.__name__ for one in values if not one.__dataclass_params__.frozen] == []
