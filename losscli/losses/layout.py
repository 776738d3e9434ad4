"""How the axes of a loss's arrays run along its elements: the shape rules, apart from the numbers.

The elements of a loss are what `none` returns. A layout says, for every array, which of its axes
run along the elements; the engine then reads any box of elements from every array, without
knowing the loss. Shapes hold None where the number of samples is known only at the end of a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from losscli.errors import ArrayError

Shape = tuple[int | None, ...]

# An axis that is taken whole in every block.
WHOLE = None


@dataclass(frozen=True)
class ArrayInfo:
    """What a shape rule may know of an array. `table`: its first axis is rows of a table."""

    shape: Shape
    dtype: np.dtype[np.generic]
    table: bool = False


@dataclass(frozen=True)
class View:
    """How one array lies along the elements.

    `axes` names, for each axis of the array, the element axis it runs along, or WHOLE. The loss
    sees a block with `added` axes of size 1 in front, which the array lacks, and without its
    `dropped` last axes, of size 1, which are too many.
    """

    axes: tuple[int | None, ...]
    added: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Layout:
    """The elements and how each array lies along them.

    `shape` is that of `none`; `grid` the same with at least one axis. `width` is how many values
    of the widest array make one element (the number of classes). `enlarged`: broadcasting made
    more elements than any operand has.
    """

    shape: Shape
    grid: Shape
    views: Mapping[str, View]
    width: int = 1
    enlarged: bool = False
    warnings: tuple[str, ...] = ()


def show(shape: Shape) -> str:
    """A shape as PyTorch writes it, N for a number of rows not known yet."""
    sizes = ["N" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def index_targets(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input (C), (N, C) or (N, C, d1..dK), target without the class axis; a weight a class."""
    source, target = arrays["input"], arrays["target"]
    _require_classes(source)
    view = _index_view(target.shape, _without_classes(source.shape))
    if view is None:
        raise _misfit(source, target, "")
    return _class_layout(arrays, view)


def index_or_probability_targets(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """As `index_targets`; a target of the input's shape is the probability of each class."""
    source, target = arrays["input"], arrays["target"]
    _require_classes(source)
    view = _index_view(target.shape, _without_classes(source.shape))
    if _is_probabilities(source, target, index_shaped=view is not None):
        view = _class_view(source.shape)
    if view is None:
        raise _misfit(source, target, ", or class probabilities of the input's shape")
    return _class_layout(arrays, view)


def broadcasting(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target broadcast against each other; a weight needs them to be of one shape."""
    source, target = arrays["input"], arrays["target"]
    if _fits(source.shape, target.shape):
        return same_shape(arrays)
    shape = _broadcast(source.shape, target.shape)
    if shape is None:
        raise ArrayError(
            "target",
            f"has shape {show(target.shape)}{_column_hint(target)}, which does not broadcast "
            f"with the input's, {show(source.shape)}",
        )
    differ = f"has shape {show(target.shape)} and input {show(source.shape)}"
    further = [name for name in arrays if name not in ("input", "target")]
    if further:
        raise ArrayError("target", f"{differ}; a {further[0]} needs them to be of one shape")
    grid = shape or (1,)
    return Layout(
        shape,
        grid,
        {name: _element_view(info.shape, grid) for name, info in arrays.items()},
        enlarged=_size(shape) > max(_size(source.shape), _size(target.shape)),
        warnings=(f"target {differ}: they were broadcast to {show(shape)}",),
    )


def same_shape(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target have one shape; further arrays broadcast to it."""
    source, target = arrays["input"], arrays["target"]
    if not _fits(source.shape, target.shape):
        raise ArrayError(
            "target",
            f"has shape {show(target.shape)}{_column_hint(target)}; expected the input's, "
            f"{show(source.shape)}",
        )
    shape = source.shape
    for name, info in arrays.items():
        widened = _broadcast(info.shape, shape)
        if widened is None or not _fits(widened, shape):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}; expected one that broadcasts to the input's, "
                f"{show(shape)}",
            )
        shape = widened
    grid = shape or (1,)
    views = {name: _element_view(info.shape, grid) for name, info in arrays.items()}
    return Layout(shape, grid, views)


def _class_layout(arrays: Mapping[str, ArrayInfo], target_view: View) -> Layout:
    source, target = arrays["input"], arrays["target"]
    classes = source.shape[1 if len(source.shape) > 1 else 0]
    assert classes is not None  # only a table's rows are unknown, and a single column was refused
    views = {"input": _class_view(source.shape), "target": target_view}
    for name, info in arrays.items():
        if name in views:
            continue
        if not _fits(info.shape, (classes,)):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}; expected {classes} numbers, one for each of the "
                f"input's {classes} classes",
            )
        views[name] = View((WHOLE,))
    shape = _without_classes(source.shape)
    if shape and shape[0] is None:
        shape = (target.shape[0], *shape[1:])
    return Layout(shape, shape or (1,), views, width=max(classes, 1))


def _without_classes(shape: Shape) -> Shape:
    return shape[:1] + shape[2:] if len(shape) > 1 else ()


def _class_view(shape: Shape) -> View:
    """Class axis second, as PyTorch has it; a single row (C) becomes (1, C)."""
    if len(shape) == 1:
        return View((WHOLE,), added=1)
    return View((0, WHOLE, *range(1, len(shape) - 1)))


def _index_view(shape: Shape, elements: Shape) -> View | None:
    """How class indices of that shape lie along the elements; None if they do not fit.

    Beside the elements' own shape, (1) goes with a single row of classes and (N, 1) with (N).
    """
    if _fits(shape, elements):
        return View(tuple(range(len(shape)))) if shape else View((), added=1)
    if not elements and shape == (1,):
        return View((0,))
    if len(elements) == 1 and _fits(shape, (*elements, 1)):
        return View((0, WHOLE), dropped=1)
    return None


def _is_probabilities(source: ArrayInfo, target: ArrayInfo, index_shaped: bool) -> bool:
    """Whether the target is of the input's shape and cannot be class indices.

    Whole numbers of that shape are one-hot rows, which PyTorch refuses. In one dimension they
    are more likely the labels of as many samples, and are refused here too.
    """
    if not _fits(source.shape, target.shape):
        return False
    floating = target.dtype.kind == "f"
    if len(target.shape) == 1:
        return floating and not target.table
    return floating or not index_shaped


def _element_view(shape: Shape, grid: Shape) -> View:
    missing = len(grid) - len(shape)
    axes = tuple(
        WHOLE if size == 1 and grid[axis] != 1 else axis
        for axis, size in enumerate(shape, start=missing)
    )
    return View(axes, added=missing)


def _fits(one: Shape, other: Shape) -> bool:
    """Whether two shapes may turn out equal."""
    return len(one) == len(other) and all(
        a == b or a is None or b is None for a, b in zip(one, other, strict=True)
    )


def _broadcast(one: Shape, other: Shape) -> Shape | None:
    """NumPy's rule, where a number of rows not known yet is taken to be the other's."""
    rank = max(len(one), len(other))
    result: list[int | None] = []
    for a, b in zip(_padded(one, rank), _padded(other, rank), strict=True):
        if a != b and 1 not in (a, b) and None not in (a, b):
            return None
        result.append(b if a == 1 or a is None else a)
    if None in result[1:]:  # rows of a table can only be the first axis
        return None
    return tuple(result)


def _padded(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + shape


def _size(shape: Shape) -> int:
    """The number of elements; rows not known yet count as very many."""
    return math.prod(10**18 if size is None else size for size in shape)


def _require_classes(source: ArrayInfo) -> None:
    if not source.shape:
        raise ArrayError("input", "is a single number; expected an axis of classes")
    if source.table and len(source.shape) == 1:
        raise ArrayError(
            "input",
            "is a single column; expected one column a class (--input-column names them), or, "
            "for the probability of one of two classes, the command bce",
        )


def _misfit(source: ArrayInfo, target: ArrayInfo, alternative: str) -> ArrayError:
    return ArrayError(
        "target",
        f"has shape {show(target.shape)}{_column_hint(target)}; an input of shape "
        f"{show(source.shape)} takes class indices of shape "
        f"{show(_without_classes(source.shape))}{alternative}",
    )


def _column_hint(target: ArrayInfo) -> str:
    if target.table and len(target.shape) > 1:
        return " (--target-column names the column to take)"
    return ""
