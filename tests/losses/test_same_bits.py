"""The loss of an element has the same bits for any memory layout and any other elements in the
block.

The inputs come from the oracle, with axes long enough for every way to add classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from make_reference import Rounded
from oracle import WITH_ELEMENTS, draw_arrays, draw_options

import losscli
from losscli.errors import DataError
from losscli.losses.layout import ArrayInfo, Layout
from losscli.losses.registry import LOSSES, Loss

Arrays = Mapping[str, Any]


class Long(Rounded):
    """Numbers of several types, on longer axes."""

    def size(self, low: int, high: int) -> int:
        return int(self.one_of([1, 2, 5, 12] if high == 4 else [low, high]))

    def classes(self, low: int, high: int) -> int:
        return int(self.one_of([2, 7, 8, 33, 70, 600]))

    def numbers(self, shape: tuple[int, ...], low: float, high: float) -> Any:
        exact = np.asarray(super().numbers(shape, low, high))
        return (exact * 0.9).astype(self.one_of([np.float16, np.float32, np.float64]))


def strided(array: Any) -> Any:
    """A view of every other number of an array of twice the size."""
    twice = np.zeros(tuple(2 * size for size in array.shape), array.dtype)
    every_other = (slice(None, None, 2),) * array.ndim
    twice[every_other] = array
    return twice[every_other]


def backwards(array: Any) -> Any:
    reverse = (slice(None, None, -1),) * array.ndim
    return np.ascontiguousarray(array[reverse])[reverse]


def unaligned(array: Any) -> Any:
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    copy = memory.view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def second_axis_last(array: Any) -> Any:
    """The same values, with the second axis last in memory."""
    if array.ndim < 2:
        return array
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


def big_endian(array: Any) -> Any:
    return array.astype(array.dtype.newbyteorder(">"))


MEMORY: list[Callable[[Any], Any]] = [
    np.asfortranarray,
    strided,
    backwards,
    unaligned,
    second_axis_last,
    big_endian,
]


def losses_of(loss: Loss, arrays: Arrays, options: Mapping[str, Any]) -> Any:
    function = getattr(losscli, loss.python_name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broadcasting, and losses that are not finite
        return np.asarray(function(**arrays, **options, reduction="none"))


def draw(loss: Loss, seed: int) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Random arrays and options, and the losses of their elements."""
    source = Long(seed)
    while True:
        arrays = {name: np.asarray(array) for name, array in draw_arrays(loss, source).items()}
        options = draw_options(loss, source, arrays)
        if any(option.name == "from_" for option in loss.options):
            options["from_"] = source.one_of(["logits", "probs"])
        if loss.name == "kl-div":
            options |= {"class_axis": -1, "target_from": options["from_"], "log_target": False}
        try:
            return arrays, options, losses_of(loss, arrays, options)
        except DataError:  # for instance arrays that logits do not broadcast to
            continue


def layout_of(loss: Loss, arrays: Arrays, options: Mapping[str, Any]) -> Layout:
    infos = {name: ArrayInfo(array.shape, array.dtype) for name, array in arrays.items()}
    return loss.lay_out(infos, options)


def of_samples(arrays: Arrays, layout: Layout, chosen: Any) -> dict[str, Any]:
    """The arrays of some samples."""
    axes = {name: layout.views[name].sample_axis for name in arrays}
    return {
        name: array if axes[name] is None else array.take(chosen, axis=axes[name])
        for name, array in arrays.items()
    }


def assert_same_bits(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    np.testing.assert_array_equal(bits(found), bits(expected))


def bits(values: Any) -> Any:
    """The bits as whole numbers. All NaN are the same number."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", WITH_ELEMENTS)
def test_of_any_layout_in_memory(name: str, seed: int) -> None:
    loss = LOSSES[name]
    arrays, options, expected = draw(loss, seed)
    for laid_out in MEMORY:
        others = {name: laid_out(array) if array.ndim else array for name, array in arrays.items()}
        assert_same_bits(losses_of(loss, others, options), expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", WITH_ELEMENTS)
def test_of_any_other_samples(name: str, seed: int) -> None:
    """One sample alone, parts of the samples, reordered samples, and the samples that a mask
    keeps."""
    loss, rng = LOSSES[name], np.random.default_rng(seed)
    arrays, options, expected = draw(loss, seed)
    layout = layout_of(loss, arrays, options)
    if not layout.shape or layout.concatenated:
        return
    samples = np.arange(layout.grid[0] or 0)
    for chosen in (samples[:1], samples[1:], samples[:5], samples[5:], rng.permutation(samples)):
        if len(chosen):
            found = losses_of(loss, of_samples(arrays, layout, chosen), options)
            assert_same_bits(found.reshape(expected[chosen].shape), expected[chosen])
    mask = rng.integers(0, 2, len(samples), dtype=np.bool_)
    kept = mask.reshape(-1, *(1,) * (expected.ndim - 1))
    assert_same_bits(
        losses_of(loss, {**arrays, "mask": mask}, options), np.where(kept, expected, 0.0)
    )
