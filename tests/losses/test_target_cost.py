"""The fast cross-entropy compared with the plain formula, for every type, layout and size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from losscli.losses.indices import pick
from losscli.losses.softmax import negative_log_softmax
from losscli.losses.target_cost import target_cost


@given(data=st.data())
def test_the_fast_cost_of_a_target_is_that_of_the_plain_formula(data: Any) -> None:
    """Some rows overflow, underflow or contain values that are not finite."""
    name = data.draw(st.sampled_from(["float16", "float32", "float64", ">f2", "int16"]))
    dtype = np.dtype(name)
    shape = data.draw(npst.array_shapes(min_dims=2, max_dims=4, max_side=7))
    x = data.draw(npst.arrays(dtype, shape))
    y = data.draw(
        npst.arrays(np.intp, (shape[0], *shape[2:]), elements=st.integers(0, shape[1] - 1))
    )
    with np.errstate(all="ignore"):
        expected = pick(negative_log_softmax(x.astype(np.float64)), y)
        found = target_cost(x, y)
    rtol = 1e-12 if dtype == np.float64 or dtype.kind == "i" else 2e-6
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-300)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "shape", [(50, 2), (20, 511), (20, 512), (9, 1300), (3, 70_000), (2, 600, 5)]
)
@pytest.mark.parametrize("gap", [0.0, 10.0, 60.0])
def test_the_fast_cost_of_many_classes(dtype: str, shape: tuple[int, ...], gap: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(scale=3.0, size=shape)
    y = rng.integers(shape[1], size=(shape[0], *shape[2:]))
    np.put_along_axis(x, np.expand_dims(y, 1), gap, 1)
    x = x.astype(dtype)
    expected = pick(negative_log_softmax(x.astype(np.float64)), y)
    rtol = 1e-12 if dtype == "float64" else 2e-6
    np.testing.assert_allclose(target_cost(x, y), expected, rtol=rtol)


@pytest.mark.parametrize("classes", [17, 300, 512, 1000, 32_000])
@pytest.mark.parametrize("layout", ["rows", "columns", "second of three", "last of three", "1"])
def test_equal_logits_of_many_classes(classes: int, layout: str) -> None:
    """log1p((C-1) · exp(c - y)) with y as the target's logit and c as all other logits. Adding 512
    such terms one after the other in float32 was wrong by 8e-6."""
    others = np.linspace(-5.0, 5.0, 20, dtype=np.float32)
    x = np.repeat(others[:, np.newaxis], classes, axis=1)
    for gap in (0.0, 20.0):
        x[:, 1] = others + np.float32(gap)
        gaps = x[:, 0].astype(float) - x[:, 1]
        expected = np.log1p((classes - 1) * np.exp(gaps))
        block, y = x, np.ones(20, int)
        if layout == "columns":
            block = np.asfortranarray(x)
        elif layout != "rows":
            block = np.stack([x] * (1 if layout == "1" else 3), axis=1 if "last" in layout else 2)
            block = np.moveaxis(block, 2, 1) if "last" in layout else block
            y = np.ones((20, block.shape[2]), int)
        found = target_cost(block, y).reshape(20, -1)
        np.testing.assert_allclose(found, np.broadcast_to(expected, found.T.shape).T, rtol=1e-6)
        assert found.mean() == pytest.approx(expected.mean(), rel=1e-7)


def test_what_float32_cannot_hold_is_done_again() -> None:
    """exp(-95) has 3 digits in float32, and exp(95) overflows. These rows use the plain formula."""
    x = np.array([[0.0, -95.0], [95.0, 0.0], [-95.0, 0.0]], np.float32)
    with np.errstate(over="ignore"):  # as the engine computes it
        found = target_cost(x, np.array([0, 0, 0]))
    np.testing.assert_allclose(found, [math.exp(-95), math.exp(-95), 95.0], rtol=1e-12)


@pytest.mark.parametrize("classes", [1, 9, 1300])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_block_of_columns_costs_what_one_of_rows_does(classes: int, dtype: Any) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(0, 3, (64, classes)).astype(dtype)
    y = rng.integers(classes, size=64)
    columns = np.asfortranarray(x)
    np.testing.assert_array_equal(pick(columns, y), pick(x, y))
    rtol = 1e-10 if dtype == np.float64 else 2e-6
    np.testing.assert_allclose(target_cost(columns, y), target_cost(x, y), rtol=rtol)
