"""The class axis of an input, and the views of inputs and targets along the other axes."""

from __future__ import annotations

from collections.abc import Mapping

from losscli.errors import ArrayError
from losscli.losses.indices import ONE_SCORE
from losscli.losses.layout import WHOLE, ArrayInfo, Axis, Layout, Shape, View, show
from losscli.losses.layout.misfits import column_advice
from losscli.losses.layout.shapes import fits, width_of, without_axis
from losscli.losses.layout.views import BY_SAMPLE, FOR_ALL


def class_axis_of(source: ArrayInfo, class_axis: int | None) -> int:
    """The class axis as a number from 0 on. If `class_axis` is None, it is the second axis, or the
    only one. Raises ArrayError if the input has no such axis of classes."""
    require_classes(source)
    rank = len(source.shape)
    if class_axis is None:
        return min(1, rank - 1)
    if not -rank <= class_axis < rank:
        raise ArrayError(
            "input", f"has no axis {class_axis} (--class-axis); its shape is {show(source.shape)}"
        )
    if source.shape[class_axis] is None:
        raise ArrayError(
            "input", f"has rows, not classes, along axis {class_axis}. Use another --class-axis."
        )
    return class_axis % rank


def require_classes(source: ArrayInfo) -> None:
    if not source.shape:
        raise ArrayError("input", "is a single number; expected an axis of classes")
    if source.table and len(source.shape) == 1:
        raise ArrayError(
            "input",
            "is a single column; expected one column per class. Name them with --input-column, or "
            "use losscli bce for the probability of one of two classes.",
        )


def require_some_classes(name: str, source: ArrayInfo, axis: int) -> None:
    """Raise ArrayError if there are elements but no classes."""
    if source.shape[axis] == 0 and 0 not in without_axis(source.shape, axis):
        raise ArrayError(
            name, f"has no classes along axis {axis}; its shape is {show(source.shape)}"
        )


def class_layout(
    arrays: Mapping[str, ArrayInfo], axis: int, target_view: View, by_default: bool
) -> Layout:
    """The layout of an input with this class axis, a target, and arrays with a number per class.

    `by_default` means that the class axis was not chosen with --class-axis. The layout then has a
    warning if the last axis could be the class axis, too.
    """
    source, target = arrays["input"], arrays["target"]
    require_some_classes("input", source, axis)
    classes = source.shape[axis]
    assert classes is not None  # only the number of rows can be unknown
    views = {"input": class_view(source.shape, axis), "target": target_view}
    for name, info in arrays.items():
        if name in views:
            continue
        if not fits(info.shape, (classes,)):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}; expected {show((classes,))}, one number per class "
                "of the input",
            )
        views[name] = View((Axis(WHOLE, 0),))
    shape = without_axis(source.shape, axis)
    if shape and shape[0] is None:
        shape = (target.shape[0], *shape[1:])
    indices = all(axis.element is not WHOLE for axis in target_view.axes)
    warnings: tuple[str, ...] = ()
    # Class probabilities have the input's shape, so they fit any class axis.
    either = source.shape[-1] == classes or not indices
    if by_default and len(source.shape) > 2 and either:
        warnings = (
            f"input has shape {show(source.shape)}; axis 1 is used as the class axis. "
            "Use --class-axis -1 for the last axis, or --class-axis 1 to confirm.",
        )
    return Layout(shape, views, width_of(classes), classes if indices else None, warnings=warnings)


def class_view(shape: Shape, axis: int) -> View:
    """The view with the class axis second, as in PyTorch. A single row (C) becomes (1, C)."""
    others = [k for k in range(len(shape)) if k != axis]
    elements = [Axis(k, source) for k, source in enumerate(others)] or [Axis(0, None)]
    return View((elements[0], Axis(WHOLE, axis), *elements[1:]))


def index_view(shape: Shape, elements: Shape) -> View | None:
    """The view of class indices of this shape; None if they do not fit the shape of the elements.

    The shape (1) also fits a single row of classes, and (N, 1) also fits N rows.
    """
    if fits(shape, elements):
        return View(tuple(Axis(k, k) for k in range(len(shape)))) if shape else FOR_ALL
    if elements == () and fits(shape, (1,)):
        return BY_SAMPLE
    if len(elements) == 1 and fits(shape, (*elements, 1)):
        return BY_SAMPLE
    return None


def is_probabilities(source: ArrayInfo, target: ArrayInfo, index_shaped: bool) -> bool:
    """Whether a target of the input's shape contains class probabilities.

    `index_shaped` means that class indices may have the target's shape, too. Integers of the
    input's shape are otherwise read as one-hot rows, which PyTorch rejects. A one-dimensional array
    of integers is more likely one label per sample and is not read as probabilities.
    """
    if not fits(source.shape, target.shape):
        return False
    floating = target.dtype.kind == "f"
    if len(target.shape) == 1:
        return floating and not target.table
    return floating or not index_shaped


def target_misfit(
    arrays: Mapping[str, ArrayInfo], axis: int, alternative: str, *, has_option: bool = True
) -> ArrayError:
    """The error for a target that does not fit.

    `alternative` is text about further shapes that fit. `has_option` means that the loss has the
    option --class-axis.
    """
    source, target = arrays["input"], arrays["target"]
    fitting = [
        k - len(source.shape) if k == len(source.shape) - 1 else k
        for k in range(len(source.shape))
        if source.shape[k] is not None and fits(without_axis(source.shape, k), target.shape)
    ]
    advice = column_advice(target)
    if fit_if_swapped(source, target):
        advice = ". Are input and target swapped?"
    elif fitting and has_option:
        advice = f". Use --class-axis {fitting[0]}."
    elif len(source.shape) == 1 and fits(source.shape, target.shape):
        advice = f". {ONE_SCORE}"
    return ArrayError(
        "target",
        f"has shape {show(target.shape)}; an input of shape {show(source.shape)} takes class "
        f"indices of shape {show(without_axis(source.shape, axis))}{alternative}{advice}",
    )


def fit_if_swapped(source: ArrayInfo, target: ArrayInfo) -> bool:
    """Whether the input would fit as class indices if the target were the input."""
    return target.dtype.kind == "f" and any(
        size not in (None, 1) and index_view(source.shape, without_axis(target.shape, k))
        for k, size in enumerate(target.shape)
    )
