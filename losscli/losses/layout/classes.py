"""Rules for inputs with a class axis, and targets that are class indices or rows of classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from losscli.errors import ArrayError
from losscli.losses.layout import ArrayInfo, Layout, Shape, show
from losscli.losses.layout.class_axis import (
    class_axis_of,
    class_layout,
    class_view,
    fit_if_swapped,
    index_view,
    is_probabilities,
    require_classes,
    require_some_classes,
    target_misfit,
)
from losscli.losses.layout.elementwise import same_shape
from losscli.losses.layout.masks import shifted
from losscli.losses.layout.misfits import column_advice, require_rank, shape_of_pair
from losscli.losses.layout.shapes import fits, width_of, without_axis
from losscli.losses.layout.views import ONE_CLASS, row_view


def index_targets(
    arrays: Mapping[str, ArrayInfo], *, class_axis: int | None = None, shift: bool = False
) -> Layout:
    """The input is (C), (N, C) or (N, C, d1, ..., dK). The target has this shape without the class
    axis, and contains class indices. The weight has a number for each class.

    Args:
        class_axis: use this axis of the input as the class axis [default: the second, or the only
            one]
        shift: compare each step of the last axis with the target of the next step, as in causal
            language models
    """
    layout = _index_layout(arrays, class_axis)
    return shifted(layout) if shift else layout


def _index_layout(
    arrays: Mapping[str, ArrayInfo], class_axis: int | None, *, has_option: bool = True
) -> Layout:
    classes = class_axis_of(arrays["input"], class_axis)
    view = index_view(arrays["target"].shape, without_axis(arrays["input"].shape, classes))
    if view is None:
        raise target_misfit(arrays, classes, "", has_option=has_option)
    return class_layout(arrays, classes, view, class_axis is None)


def index_or_probability_targets(
    arrays: Mapping[str, ArrayInfo], *, class_axis: int | None = None, shift: bool = False
) -> Layout:
    """As `index_targets`, but targets may also have the input's shape and contain the probability
    of each class.

    Args:
        class_axis: use this axis of the input as the class axis [default: the second, or the only
            one]
        shift: compare each step of the last axis with the target of the next step, as in causal
            language models
    """
    source, target = arrays["input"], arrays["target"]
    classes = class_axis_of(source, class_axis)
    view = index_view(target.shape, without_axis(source.shape, classes))
    if is_probabilities(source, target, index_shaped=view is not None):
        view = class_view(source.shape, classes)
    if view is None:
        raise target_misfit(arrays, classes, ", or class probabilities of the input's shape")
    layout = class_layout(arrays, classes, view, class_axis is None)
    return shifted(layout) if shift else layout


def classes_or_binary(
    arrays: Mapping[str, ArrayInfo], *, class_axis: int | None = None, shift: bool = False
) -> Layout:
    """As `index_or_probability_targets`, but an input of shape (), (N) or (N, 1) contains the
    probability of class 1 for each sample. The target then has the same shape.

    Args:
        class_axis: use this axis of the input as the class axis [default: the second, or the only
            one]
        shift: compare each step of the last axis with the target of the next step, as in causal
            language models
    """
    if is_probability_of_1(arrays["input"].shape):
        return _binary_layout(arrays, class_axis, shift)
    layout = index_or_probability_targets(arrays, class_axis=class_axis, shift=shift)
    if layout.width == 1 and 0 not in layout.shape:
        raise ArrayError(
            "input",
            f"has shape {show(arrays['input'].shape)} with one class; expected several classes, or "
            "the probability of class 1 in an input of shape (N)",
        )
    return layout


def is_probability_of_1(shape: Shape) -> bool:
    """Whether an input of this shape has one number per sample: the probability of class 1."""
    return len(_samples(shape)) <= 1


def _binary_layout(arrays: Mapping[str, ArrayInfo], class_axis: int | None, shift: bool) -> Layout:
    source, target = arrays["input"], arrays["target"]
    if class_axis is not None or shift:
        option = "--shift" if class_axis is None else "--class-axis"
        raise ArrayError("input", f"has one number per sample; {option} needs several classes")
    samples = {name: info._replace(shape=_samples(info.shape)) for name, info in arrays.items()}
    if fits(samples["input"].shape, samples["target"].shape):
        return same_shape(samples)
    advice = (
        column_advice(target)
        or (". Are input and target swapped?" if fit_if_swapped(source, target) else "")
        or ". For several classes, the input has shape (N, C)."
    )
    raise ArrayError(
        "target",
        f"has shape {show(target.shape)}; an input of shape {show(source.shape)} is the "
        f"probability of class 1 and takes a target of the same shape{advice}",
    )


def _samples(shape: Shape) -> Shape:
    """The shape (N, 1) as (N)."""
    return shape[:1] if len(shape) == 2 and shape[1] == 1 else shape


def row_index_targets(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """The input is (), (C) or (N, C). The target has one class index per row, and the weight has a
    number for each class.

    The losses have the target's shape. An input of shape () is the score of the only class.
    """
    if arrays["input"].shape == ():
        layout = row_index_targets({**arrays, "input": arrays["input"]._replace(shape=(1,))})
        return replace(layout, views={**layout.views, "input": ONE_CLASS})
    require_rank(arrays, "input", (1, 2), "(C) or (N, C)")
    layout = _index_layout(arrays, None, has_option=False)
    single = len(arrays["input"].shape) == 1 and fits(arrays["target"].shape, (1,))
    return replace(layout, shape=(1,)) if single else layout


def label_rows(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """The input is (), (C) or (N, C). The target has the input's shape and lists the classes of
    each row.

    A single number is the score, or the index, of the only class.
    """
    shapes = [arrays[name].shape for name in ("input", "target")]
    if () in shapes and all(shape == () or fits(shape, (1,)) for shape in shapes):
        return Layout((), {name: row_view(info.shape, (1,)) for name, info in arrays.items()})
    require_rank(arrays, "input", (1, 2), "(C) or (N, C)")
    return class_rows(arrays)


def class_rows(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """The input and the target are (..., C), and other arrays broadcast to this shape. An element
    is a row of classes."""
    require_classes(arrays["input"])
    require_some_classes("input", arrays["input"], len(arrays["input"].shape) - 1)
    shape = shape_of_pair(arrays)
    views = {name: row_view(info.shape, shape) for name, info in arrays.items()}
    return Layout(shape[:-1], views, width=width_of(shape[-1]))
