"""Every registered loss against the installed PyTorch, on shapes, types and options drawn anew."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from oracle import by_classes, in_unit_interval, takes_probabilities, torch_loss

import losscli
from losscli.losses.registry import LOSSES, Integers, Loss
from losscli.reduction import REDUCTIONS

pytest.importorskip("torch", reason="PyTorch judges here; pip install torch==2.13.0")

FLOATS = ["float16", "float32", "float64", ">f4"]
INDICES = ["int8", "uint8", "int16", "int32", "int64", "uint64", "float32"]


@st.composite
def class_arrays(draw: Any, loss: Loss) -> dict[str, Any]:
    """(C), (N, C) or (N, C, d1..dK), nothing and single sizes included."""
    classes = draw(st.integers(1, 5))
    batch = draw(st.sampled_from([(), (draw(st.integers(0, 4)),)]))
    trailing = draw(npst.array_shapes(min_dims=0, max_dims=2, max_side=3)) if batch else ()
    shape = (*batch, classes, *trailing)
    arrays = {"input": draw(floats(shape))}
    if takes_probabilities(loss) and draw(st.booleans()):
        arrays["target"] = draw(floats(shape, low=0.0, high=1.0))
    else:
        indices = st.integers(0, classes - 1)
        target = draw(npst.arrays("int64", (*batch, *trailing), elements=indices))
        arrays["target"] = target.astype(draw(st.sampled_from(INDICES)))
    if draw(st.booleans()):
        arrays["weight"] = draw(floats((classes,), low=0.0))
    return arrays


@st.composite
def element_arrays(draw: Any, loss: Loss) -> dict[str, Any]:
    """Any shape; operands that broadcast against each other where the loss lets them."""
    shapes: Any = npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4)
    shape, other = draw(shapes).input_shapes
    if not loss.broadcasts:
        other = shape
    arrays = {}
    for name, its_shape in (("input", shape), ("target", other)):
        low = 0.0 if in_unit_interval(loss, name) else -50.0
        high = 1.0 if in_unit_interval(loss, name) else 50.0
        arrays[name] = draw(floats(its_shape, low, high))
    for array in loss.arrays:
        if not array.required and shape == other and draw(st.booleans()):
            arrays[array.name] = draw(floats(shape, low=0.0))
    return arrays


def floats(shape: tuple[int, ...], low: float = -50.0, high: float = 50.0) -> Any:
    types = st.sampled_from(FLOATS).map(np.dtype)
    return types.flatmap(
        lambda dtype: npst.arrays(
            dtype, shape, elements=st.floats(low, high, width=8 * dtype.itemsize)
        )
    )


@st.composite
def options_of(draw: Any, loss: Loss) -> dict[str, Any]:
    options = {}
    for option in loss.options:
        if option.kind is Integers:
            options[option.name] = draw(st.sampled_from([-100, -1, 0, 1, 255]))
        elif option.kind is bool:
            options[option.name] = draw(st.booleans())
        else:
            interval = option.interval
            options[option.name] = draw(
                st.floats(max(interval.low, 0.0), min(interval.high, 4.0)).filter(
                    lambda value, interval=interval: value in interval and not 0 < value < 1e-3
                )
            )
    return options


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_same_as_pytorch(name: str, data: Any) -> None:
    loss = LOSSES[name]
    arrays = data.draw(class_arrays(loss) if by_classes(loss) else element_arrays(loss))
    options = data.draw(options_of(loss))
    if by_classes(loss) and arrays["target"].ndim == arrays["input"].ndim:
        options["ignore_index"] = -100
    expected = {
        reduction: torch_loss(loss, oracle_arrays(loss, arrays), options, reduction)
        for reduction in REDUCTIONS
    }
    function = getattr(losscli, loss.python_name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of broadcasting and of means of nothing, as PyTorch's
        found = {
            reduction: function(**arrays, **options, reduction=reduction)
            for reduction in REDUCTIONS
        }
    # PyTorch's own float64 formulas lose digits where terms as large as the input cancel.
    largest = max(float(np.max(np.abs(array), initial=0.0)) for array in arrays.values())
    slack = 1e-15 * largest**2
    np.testing.assert_allclose(found["none"], expected["none"], rtol=1e-10, atol=slack)
    assert np.shape(found["none"]) == expected["none"].shape
    bound = 1e-12 * np.abs(expected["none"]).sum() + slack * expected["none"].size
    assert_within(found["sum"], expected["sum"], bound)
    # The mean is the sum over some weight: its bound is the sum's over the same.
    weight = abs(expected["sum"] / expected["mean"]) if expected["mean"] else 1.0
    assert_within(found["mean"], expected["mean"], bound / weight)


def oracle_arrays(loss: Loss, arrays: dict[str, Any]) -> dict[str, Any]:
    """Class indices saved as floating point are indices; PyTorch wants them as integers."""
    target = arrays["target"]
    if by_classes(loss) and target.ndim < arrays["input"].ndim:
        return arrays | {"target": target.astype(np.int64)}
    return arrays


def assert_within(found: Any, expected: Any, bound: float) -> None:
    if np.isnan(expected):
        assert np.isnan(found)
    else:
        assert found == expected or abs(found - expected) <= bound
