"""Rules for losses that compare input and target value by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from losscli.errors import ArrayError
from losscli.losses.layout import ArrayInfo, Layout, Shape, grid_of, show
from losscli.losses.layout.misfits import (
    broadcast_to_input,
    column_hint,
    require_values_per_row,
    shape_of_pair,
    shapes_differ,
)
from losscli.losses.layout.shapes import broadcast_shape, elements_in, fits, one_for_all
from losscli.losses.layout.views import element_view


def broadcasting(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target broadcast against each other; a weight needs them to be of one shape."""
    source, target = arrays["input"], arrays["target"]
    require_values_per_row("target", target, "input", source)
    require_values_per_row("input", source, "target", target)
    if fits(source.shape, target.shape) and not one_for_all(source.shape, target.shape):
        return same_shape(arrays)
    further = [name for name in arrays if name not in ("input", "target")]
    if further and fits(source.shape, target.shape):
        return same_shape(arrays)  # the number of rows is found out as they are read
    if further:
        raise ArrayError(
            "target", f"{shapes_differ(arrays)}; a {further[0]} needs them to be of one shape"
        )
    return _broadcast_pair(arrays)


def same_shape(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Required arrays are of one shape; further ones broadcast to it."""
    shape = shape_of_pair(arrays)
    return _elementwise(arrays, shape)


def target_for_input(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """The target broadcasts to the input's shape."""
    source, target = arrays["input"], arrays["target"]
    if fits(source.shape, target.shape) and not one_for_all(source.shape, target.shape):
        return same_shape(arrays)
    shape = broadcast_to_input(source.shape, "target", target)
    warning = f"target {shapes_differ(arrays)}: it was broadcast to the input's shape"
    return replace(_elementwise(arrays, shape), warnings=(warning,))


def as_many_axes(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """All arrays have as many axes, and broadcast against each other."""
    first, *others = arrays
    shape = arrays[first].shape
    shapes = [info.shape for info in arrays.values()]
    for name in others:
        info = arrays[name]
        widened = broadcast_shape(info.shape, shape)
        if widened is None or len(info.shape) != len(arrays[first].shape):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}{column_hint(info)}; expected that of {first}, "
                f"{show(arrays[first].shape)}, or one of as many axes that broadcasts with it",
            )
        shape = widened
    layout = _elementwise(arrays, shape)
    if all(fits(one, shape) and not one_for_all(one, shape) for one in shapes):
        return layout
    *names, last = (f"{name} has shape {show(info.shape)}" for name, info in arrays.items())
    return replace(
        layout,
        enlarged=elements_in(shape) > max(map(elements_in, shapes)),
        warnings=(f"{', '.join(names)} and {last}: they were broadcast to {show(shape)}",),
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
            f"has shape {show(target.shape)}{column_hint(target)}, which does not broadcast "
            f"with the input's, {show(source.shape)}",
        )
    return replace(
        _elementwise(arrays, shape),
        enlarged=elements_in(shape) > max(elements_in(source.shape), elements_in(target.shape)),
        warnings=(f"target {shapes_differ(arrays)}: they were broadcast to {show(shape)}",),
    )
