"""Rules for parameters of distributions, and for logits that a loss normalises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from losscli.errors import ArrayError
from losscli.losses.layout import ArrayInfo, Axis, Layout, Shape, View, show
from losscli.losses.layout.class_axis import class_axis_of
from losscli.losses.layout.elementwise import broadcasting, same_shape
from losscli.losses.layout.misfits import not_of_shape
from losscli.losses.layout.shapes import fits, is_repeated


def with_variance(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target broadcast. `var` is a number, or has the input's shape, possibly without the
    last axis or with one axis of size 1."""
    pair = {name: arrays[name] for name in ("input", "target")}
    layout = broadcasting(pair)
    source, var = arrays["input"], arrays["var"]
    axes = _variance_axes(source.shape, var.shape)
    if axes is None:
        raise ArrayError(
            "var",
            f"has shape {show(var.shape)}; expected a number, the input's shape "
            f"{show(source.shape)}, or this shape without its last axis or with one axis of size 1",
        )
    missing = len(layout.grid) - len(axes)
    view = View(
        tuple(Axis(k, None) for k in range(missing))
        + tuple(
            Axis(k, axis, is_repeated(var.shape, axis, layout.grid[k]))
            for k, axis in enumerate(axes, start=missing)
        )
    )
    return replace(layout, views={**layout.views, "var": view})


def distributions(
    arrays: Mapping[str, ArrayInfo],
    *,
    class_axis: int | None = None,
    from_: str = "log-probs",
    target_from: str = "probs",
) -> Layout:
    """Input and target broadcast. With logits, they have the same shape, and every block contains
    the class axis in full as its last axis.

    Args:
        class_axis: normalise logits along this axis [default: the last of one or two axes]
    """
    if "logits" not in (from_, target_from):
        return broadcasting(arrays)
    source = arrays["input"]
    if not fits(source.shape, arrays["target"].shape):
        raise not_of_shape("target", arrays["target"], source.shape)
    if class_axis is None and len(source.shape) > 2:
        raise ArrayError(
            "input",
            f"has shape {show(source.shape)}, so its class axis is ambiguous. Choose it with "
            "--class-axis (-1 is the last axis).",
        )
    classes = class_axis_of(source, class_axis)
    layout = same_shape(arrays)
    rank = len(layout.grid)
    order = (*(k for k in range(rank) if k != classes), classes)
    view = View(tuple(Axis(k, k, uncut=k >= classes) for k in order))
    return replace(layout, views=dict.fromkeys(arrays, view), order=order)


def _variance_axes(shape: Shape, var: Shape) -> list[int | None] | None:
    """The variance's axis for each axis of the input; None if the variance does not fit."""
    rank = len(shape)
    if fits(var, shape):
        return list(range(rank))
    if fits(var, shape[:-1]):
        return [*range(rank - 1), None]
    if var in ((), (1,)):
        return [None] * rank
    odd = [k for k, (a, b) in enumerate(zip(shape, var, strict=False)) if not fits((a,), (b,))]
    if len(var) == rank and len(odd) == 1 and var[odd[0]] == 1:
        return list(range(rank))
    return None
