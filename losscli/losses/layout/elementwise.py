"""Rules for losses that compare input and target value by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from losscli.errors import ArrayError
from losscli.losses.layout import ArrayInfo, Layout, Shape, grid_of, show
from losscli.losses.layout.misfits import (
    broadcast_to_input,
    column_advice,
    require_values_per_row,
    shape_of_pair,
    shapes_differ,
)
from losscli.losses.layout.shapes import broadcast_shape, elements_in, fits, is_single_row
from losscli.losses.layout.views import element_view


def broadcasting(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target broadcast. With a weight, both have the same shape."""
    source, target = arrays["input"], arrays["target"]
    require_values_per_row("target", target, "input", source)
    require_values_per_row("input", source, "target", target)
    if fits(source.shape, target.shape) and not is_single_row(source.shape, target.shape):
        return same_shape(arrays)
    further = [name for name in arrays if name not in ("input", "target")]
    if further and fits(source.shape, target.shape):
        return same_shape(arrays)  # the numbers of rows are compared when rows are read
    if further:
        raise ArrayError(
            "target",
            f"{shapes_differ(arrays)}; with --{further[0]}, both must have the same shape",
        )
    return _broadcast_pair(arrays)


def same_shape(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target have the same shape. Other arrays broadcast to this shape."""
    shape = shape_of_pair(arrays)
    return _elementwise(arrays, shape)


def target_for_input(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """The target broadcasts to the input's shape, with a warning if it has another shape."""
    source, target = arrays["input"], arrays["target"]
    if fits(source.shape, target.shape) and not is_single_row(source.shape, target.shape):
        return same_shape(arrays)
    shape = broadcast_to_input(source.shape, "target", target)
    warning = f"target {shapes_differ(arrays)}; the target is broadcast to the input's shape"
    return replace(_elementwise(arrays, shape), warnings=(warning,))


def as_many_axes(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """All arrays have the same number of axes, and broadcast."""
    first, *others = arrays
    shape = arrays[first].shape
    shapes = [info.shape for info in arrays.values()]
    for name in others:
        info = arrays[name]
        widened = broadcast_shape(info.shape, shape)
        if widened is None or len(info.shape) != len(arrays[first].shape):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}; expected the shape of {first}, "
                f"{show(arrays[first].shape)}, or one with as many axes that broadcasts with it"
                f"{column_advice(info)}",
            )
        shape = widened
    layout = _elementwise(arrays, shape)
    if all(fits(each, shape) and not is_single_row(each, shape) for each in shapes):
        return layout
    *names, last = (f"{name} has shape {show(info.shape)}" for name, info in arrays.items())
    return replace(
        layout,
        enlarged=elements_in(shape) > max(map(elements_in, shapes)),
        warnings=(f"{', '.join(names)} and {last}; they are broadcast to {show(shape)}",),
    )


def _elementwise(arrays: Mapping[str, ArrayInfo], shape: Shape) -> Layout:
    grid = grid_of(shape)
    return Layout(shape, {name: element_view(info.shape, grid) for name, info in arrays.items()})


def _broadcast_pair(arrays: Mapping[str, ArrayInfo]) -> Layout:
    source, target = arrays["input"], arrays["target"]
    shape = broadcast_shape(source.shape, target.shape)
    if shape is None:
        raise ArrayError(
            "target",
            f"has shape {show(target.shape)}, which does not broadcast with the input's shape "
            f"{show(source.shape)}{column_advice(target)}",
        )
    return replace(
        _elementwise(arrays, shape),
        enlarged=elements_in(shape) > max(elements_in(source.shape), elements_in(target.shape)),
        warnings=(f"target {shapes_differ(arrays)}; they are broadcast to {show(shape)}",),
    )
