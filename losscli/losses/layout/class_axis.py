"""Where the class axis lies, and how inputs and targets run along the elements around it."""

from __future__ import annotations

from collections.abc import Mapping

from losscli.errors import ArrayError
from losscli.losses.layout import WHOLE, ArrayInfo, Axis, Layout, Shape, View, show
from losscli.losses.layout.misfits import column_hint
from losscli.losses.layout.shapes import fits, width_of, without_axis
from losscli.losses.layout.views import BY_SAMPLE, FOR_ALL


def class_axis_of(source: ArrayInfo, class_axis: int | None) -> int:
    """The axis of classes, counted from the front."""
    require_classes(source)
    rank = len(source.shape)
    if class_axis is None:
        return min(1, rank - 1)
    if not -rank <= class_axis < rank:
        raise ArrayError("input", f"has shape {show(source.shape)}, and no axis {class_axis}")
    if source.shape[class_axis] is None:
        raise ArrayError("input", f"has its rows along axis {class_axis}; its classes are columns")
    return class_axis % rank


def require_classes(source: ArrayInfo) -> None:
    if not source.shape:
        raise ArrayError("input", "is a single number; expected an axis of classes")
    if source.table and len(source.shape) == 1:
        raise ArrayError(
            "input",
            "is a single column; expected one column a class (--input-column names them), or, "
            "for the probability of one of two classes, the command bce",
        )


def require_some_classes(name: str, source: ArrayInfo, axis: int) -> None:
    """Raise ArrayError where there are elements, and no class to choose."""
    if source.shape[axis] == 0 and 0 not in without_axis(source.shape, axis):
        raise ArrayError(name, f"has shape {show(source.shape)}, and no classes along axis {axis}")


def class_layout(
    arrays: Mapping[str, ArrayInfo], axis: int, target_view: View, by_default: bool
) -> Layout:
    source, target = arrays["input"], arrays["target"]
    require_some_classes("input", source, axis)
    classes = source.shape[axis]
    assert classes is not None  # a table's rows were refused
    views = {"input": class_view(source.shape, axis), "target": target_view}
    for name, info in arrays.items():
        if name in views:
            continue
        if not fits(info.shape, (classes,)):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}; expected {classes} numbers, one for each of the "
                f"input's {classes} classes",
            )
        views[name] = View((Axis(WHOLE, 0),))
    shape = without_axis(source.shape, axis)
    if shape and shape[0] is None:
        shape = (target.shape[0], *shape[1:])
    indices = all(axis.element is not WHOLE for axis in target_view.axes)
    warnings: tuple[str, ...] = ()
    # Probabilities have the input's shape, so they fit whichever axis holds the classes.
    either = source.shape[-1] == classes or not indices
    if by_default and len(source.shape) > 2 and either:
        warnings = (
            f"input has shape {show(source.shape)}: axis 1 was taken for the classes; "
            "--class-axis -1 takes the last, --class-axis 1 says that this is right",
        )
    return Layout(shape, views, width_of(classes), classes if indices else None, warnings=warnings)


def class_view(shape: Shape, axis: int) -> View:
    """Class axis second, as PyTorch has it; a single row (C) becomes (1, C)."""
    others = [k for k in range(len(shape)) if k != axis]
    elements = [Axis(k, source) for k, source in enumerate(others)] or [Axis(0, None)]
    return View((elements[0], Axis(WHOLE, axis), *elements[1:]))


def index_view(shape: Shape, elements: Shape) -> View | None:
    """How class indices of that shape lie along the elements; None if they do not fit.

    Beside the elements' own shape, (1) goes with a single row of classes and (N, 1) with (N).
    """
    if fits(shape, elements):
        return View(tuple(Axis(k, k) for k in range(len(shape)))) if shape else FOR_ALL
    if elements == () and fits(shape, (1,)):
        return BY_SAMPLE
    if len(elements) == 1 and fits(shape, (*elements, 1)):
        return BY_SAMPLE
    return None


def is_probabilities(source: ArrayInfo, target: ArrayInfo, index_shaped: bool) -> bool:
    """Whether a target of the input's shape is class probabilities.

    Whole numbers of that shape are one-hot rows, which PyTorch refuses. In one dimension they
    are more likely the labels of as many samples, and are refused here too.
    """
    if not fits(source.shape, target.shape):
        return False
    floating = target.dtype.kind == "f"
    if len(target.shape) == 1:
        return floating and not target.table
    return floating or not index_shaped


def target_misfit(arrays: Mapping[str, ArrayInfo], axis: int, alternative: str) -> ArrayError:
    source, target = arrays["input"], arrays["target"]
    fitting = [
        k - len(source.shape) if k == len(source.shape) - 1 else k
        for k in range(len(source.shape))
        if source.shape[k] is not None and fits(without_axis(source.shape, k), target.shape)
    ]
    hint = f"; --class-axis {fitting[0]} fits" if fitting else ""
    if len(source.shape) == 1 and fits(source.shape, target.shape):
        hint = "; for one score a sample there are bce-with-logits and bce"
    return ArrayError(
        "target",
        f"has shape {show(target.shape)}{column_hint(target)}; an input of shape "
        f"{show(source.shape)} takes class indices of shape "
        f"{show(without_axis(source.shape, axis))}{alternative}{hint}",
    )
