"""How the axes of a loss's arrays run along its elements: the shape rules, apart from the numbers.

The elements of a loss are what `none` returns. A layout says, for every array, which of its axes
run along the elements; the engine then reads any box of elements from every array, without
knowing the loss. Shapes hold None where the number of samples is known only at the end of a file.

A rule is a function of the arrays' shapes. Its keyword parameters are options of every loss that
is laid out by it, with their help under `Args:`, unless the loss has the same parameter itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from losscli.errors import ArrayError

Shape = tuple[int | None, ...]

# The class axis of a block; elements run along the others.
WHOLE = None


@dataclass(frozen=True)
class ArrayInfo:
    """What a shape rule may know of an array. `table`: its first axis is rows of a table."""

    shape: Shape
    dtype: np.dtype[np.generic]
    table: bool = False


@dataclass(frozen=True)
class Axis:
    """One axis of a block as the loss sees it.

    It runs along the element axis `element`, or is WHOLE. It is read from the array's axis
    `source`, from `offset` on; None is an axis of size 1 that the array lacks. `repeated` is of
    size 1 along more elements, and `uncut` is an element axis that every block holds from end to
    end, as are those behind it.
    """

    element: int | None
    source: int | None
    repeated: bool = False
    uncut: bool = False
    offset: int = 0


@dataclass(frozen=True)
class View:
    """How one array lies along the elements: the axes of its blocks, in order.

    Axes of the array that no axis of a block is read from are of size 1.
    """

    axes: tuple[Axis, ...]

    @property
    def sample_axis(self) -> int | None:
        """The array's axis that runs along the samples; None where one block serves them all."""
        along = (axis for axis in self.axes if axis.element == 0 and not axis.repeated)
        return next((axis.source for axis in along), None)


@dataclass(frozen=True)
class Layout:
    """The elements and how each array lies along them.

    `shape` is that of `none`; `grid` the same with at least one axis. `width` is how many values
    of the widest array make one element (the number of classes); `classes` how many classes there
    are where targets are their indices. `order` are the element axes in
    the order in which blocks have them. `concatenated` names arrays whose rows lie end to end,
    each with the array of their lengths. `enlarged`: broadcasting made more elements than any
    operand has. `steps` is the length of the last axis in the arrays where --shift makes that of
    the elements shorter.
    """

    shape: Shape
    views: Mapping[str, View]
    width: int = 1
    classes: int | None = None
    order: tuple[int, ...] | None = None
    concatenated: Mapping[str, str] = field(default_factory=dict)
    enlarged: bool = False
    steps: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def grid(self) -> Shape:
        return _grid(self.shape)

    @property
    def rows(self) -> int | None:
        """The size of the axis of samples in arrays that run along it; None if not known yet."""
        return self.grid[0] if self.steps is None or len(self.shape) > 1 else self.steps

    @property
    def element_order(self) -> tuple[int, ...]:
        """The axes of a block of elements in the order that makes it a part of the grid."""
        order = self.order or tuple(range(len(self.grid)))
        return tuple(order.index(k) for k in range(len(order)))

    @property
    def uncut(self) -> int:
        """How many of the last element axes every block holds from end to end."""
        axes = (axis for view in self.views.values() for axis in view.axes if axis.uncut)
        rank = len(self.grid)
        return rank - min(
            (k for k in (axis.element for axis in axes) if k is not None), default=rank
        )


# Of arrays with one value for each sample, and with one for all of them.
_BY_SAMPLE = View((Axis(0, 0),))
_FOR_ALL = View((Axis(0, None),))

# Of a single number as a row of one class.
_ONE_CLASS = View((Axis(0, None), Axis(WHOLE, None)))


def _grid(shape: Shape) -> Shape:
    """The elements' axes: a single number has one as well."""
    return shape or (1,)


def _width(*sizes: int | None) -> int:
    """The values of an element, along axes whose sizes are known."""
    return max(1, math.prod(size or 0 for size in sizes))


def show(shape: Shape) -> str:
    """A shape as PyTorch writes it, N for a number of rows not known yet."""
    sizes = ["N" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def index_targets(
    arrays: Mapping[str, ArrayInfo], *, class_axis: int | None = None, shift: bool = False
) -> Layout:
    """Input (C), (N, C) or (N, C, d1..dK), target without the class axis; a weight a class.

    Args:
        class_axis: the input's axis of classes; unless given, the second, or the only one
        shift: each step of the last axis is judged by the next step's target, as in causal
            language models
    """
    classes = _classes(arrays["input"], class_axis)
    view = _index_view(arrays["target"].shape, _without(arrays["input"].shape, classes))
    if view is None:
        raise _misfit(arrays, classes, "")
    layout = _class_layout(arrays, classes, view, class_axis is None)
    return _shifted(layout) if shift else layout


def index_or_probability_targets(
    arrays: Mapping[str, ArrayInfo], *, class_axis: int | None = None, shift: bool = False
) -> Layout:
    """As `index_targets`; a target of the input's shape is the probability of each class.

    Args:
        class_axis: the input's axis of classes; unless given, the second, or the only one
        shift: each step of the last axis is judged by the next step's target, as in causal
            language models
    """
    source, target = arrays["input"], arrays["target"]
    classes = _classes(source, class_axis)
    view = _index_view(target.shape, _without(source.shape, classes))
    if _is_probabilities(source, target, index_shaped=view is not None):
        view = _class_view(source.shape, classes)
    if view is None:
        raise _misfit(arrays, classes, ", or class probabilities of the input's shape")
    layout = _class_layout(arrays, classes, view, class_axis is None)
    return _shifted(layout) if shift else layout


def row_index_targets(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input (), (C) or (N, C) and one index a row; `none` has the target's shape; a weight a class.

    A single number is the score of the only class.
    """
    if arrays["input"].shape == ():
        layout = row_index_targets({**arrays, "input": replace(arrays["input"], shape=(1,))})
        return replace(layout, views={**layout.views, "input": _ONE_CLASS})
    _require_rank(arrays, "input", (1, 2), "(C) or (N, C)")
    layout = index_targets(arrays)
    single = len(arrays["input"].shape) == 1 and _fits(arrays["target"].shape, (1,))
    return replace(layout, shape=(1,)) if single else layout


def label_rows(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input (), (C) or (N, C), and a target of its shape that lists the classes of each row.

    A single number is the score, or the index, of the only class.
    """
    shapes = [arrays[name].shape for name in ("input", "target")]
    if () in shapes and all(shape == () or _fits(shape, (1,)) for shape in shapes):
        return Layout((), {name: _row_view(info.shape, (1,)) for name, info in arrays.items()})
    _require_rank(arrays, "input", (1, 2), "(C) or (N, C)")
    return class_rows(arrays)


def class_rows(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input (..., C) and arrays that broadcast to its shape; an element is a row of classes."""
    _require_classes(arrays["input"])
    _require_some_classes("input", arrays["input"], len(arrays["input"].shape) - 1)
    shape = _shape_of_pair(arrays)
    views = {name: _row_view(info.shape, shape) for name, info in arrays.items()}
    return Layout(shape[:-1], views, width=_width(shape[-1]))


def vector_pairs(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input1 and input2 (D) or (N, D), and a target () or (N) that says what each pair is."""
    _require_rank(arrays, "input1", (1, 2), "(D) or (N, D)")
    vectors = {name: arrays[name] for name in ("input1", "input2")}
    shape = _shape_of_vectors(vectors)
    target = arrays["target"]
    elements = _broadcast(target.shape, shape[:-1] or target.shape)
    one = target.shape == () or _fits(target.shape, (1,))
    if elements is None or (shape[:-1] == () and not one):
        raise _misfit_elements("target", target, shape[:-1])
    if shape[:-1] == ():
        elements = ()
    views = {name: _row_view(info.shape, (*elements, shape[-1])) for name, info in vectors.items()}
    views["target"] = _element_view(target.shape if elements else (), _grid(elements))
    if not elements and target.shape:
        views["target"] = _BY_SAMPLE
    return Layout(elements, views, width=_width(shape[-1]))


def vector_triples(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Arrays (..., D) of vectors, one of each for an element; leading axes broadcast."""
    shape = _shape_of_vectors(arrays)
    views = {name: _row_view(info.shape, shape) for name, info in arrays.items()}
    return Layout(shape[:-1], views, width=_width(shape[-1]))


def broadcasting(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target broadcast against each other; a weight needs them to be of one shape."""
    source, target = arrays["input"], arrays["target"]
    if _fits(source.shape, target.shape) and not _one_for_all(source.shape, target.shape):
        return same_shape(arrays)
    further = [name for name in arrays if name not in ("input", "target")]
    if further and _fits(source.shape, target.shape):
        return same_shape(arrays)  # the number of rows is found out as they are read
    if further:
        raise ArrayError(
            "target", f"{_differ(arrays)}; a {further[0]} needs them to be of one shape"
        )
    return _broadcast_pair(arrays)


def same_shape(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Required arrays are of one shape; further ones broadcast to it."""
    shape = _shape_of_pair(arrays)
    return _elementwise(arrays, shape)


def target_for_input(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """The target broadcasts to the input's shape."""
    source, target = arrays["input"], arrays["target"]
    if _fits(source.shape, target.shape) and not _one_for_all(source.shape, target.shape):
        return same_shape(arrays)
    shape = _broadcast_to(source.shape, "target", target)
    warning = f"target {_differ(arrays)}: it was broadcast to the input's shape"
    return replace(_elementwise(arrays, shape), warnings=(warning,))


def as_many_axes(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """All arrays have as many axes, and broadcast against each other."""
    first, *others = arrays
    shape = arrays[first].shape
    shapes = [info.shape for info in arrays.values()]
    for name in others:
        info = arrays[name]
        widened = _broadcast(info.shape, shape)
        if widened is None or len(info.shape) != len(arrays[first].shape):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}{_column_hint(info)}; expected that of {first}, "
                f"{show(arrays[first].shape)}, or one of as many axes that broadcasts with it",
            )
        shape = widened
    layout = _elementwise(arrays, shape)
    if all(_fits(one, shape) and not _one_for_all(one, shape) for one in shapes):
        return layout
    *names, last = (f"{name} has shape {show(info.shape)}" for name, info in arrays.items())
    return replace(
        layout,
        enlarged=_size(shape) > max(map(_size, shapes)),
        warnings=(f"{', '.join(names)} and {last}: they were broadcast to {show(shape)}",),
    )


def with_variance(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Input and target broadcast; `var` is a number, or of the input's shape, or of that without
    the last axis, or with one axis of size 1."""
    pair = {name: arrays[name] for name in ("input", "target")}
    layout = broadcasting(pair)
    source, var = arrays["input"], arrays["var"]
    axes = _variance_axes(source.shape, var.shape)
    if axes is None:
        raise ArrayError(
            "var",
            f"has shape {show(var.shape)}; expected a number, the input's shape, "
            f"{show(source.shape)}, or that without its last axis or with one axis of size 1",
        )
    missing = len(layout.grid) - len(axes)
    view = View(
        tuple(Axis(k, None) for k in range(missing))
        + tuple(
            Axis(k, axis, _is_repeated(var.shape, axis, layout.grid[k]))
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
    """Input and target broadcast. Logits are normalised along the class axis, which is then whole
    in each block, and last.

    Args:
        class_axis: the axis of the classes, along which logits become probabilities; unless
            given, the last of one or two axes
    """
    if "logits" not in (from_, target_from):
        return broadcasting(arrays)
    source = arrays["input"]
    if not _fits(source.shape, arrays["target"].shape):
        raise _not_of_shape("target", arrays["target"], source.shape)
    if class_axis is None and len(source.shape) > 2:
        raise ArrayError(
            "input",
            f"has shape {show(source.shape)}; --class-axis says which axis holds the classes of "
            "the logits (-1 is the last)",
        )
    classes = _classes(source, class_axis)
    layout = same_shape(arrays)
    rank = len(layout.grid)
    order = (*(k for k in range(rank) if k != classes), classes)
    view = View(tuple(Axis(k, k, uncut=k >= classes) for k in order))
    return replace(layout, views=dict.fromkeys(arrays, view), order=order)


# The rules that let input and target differ in shape.
BROADCASTING = (broadcasting, with_variance, distributions, as_many_axes)

# The rules by which input and target hold the same things, value by value.
ELEMENTWISE = (*BROADCASTING, same_shape, target_for_input, class_rows)

# The rules whose targets are indices of classes, or may be.
WITH_CLASSES = (index_targets, index_or_probability_targets, row_index_targets)


def sequences(arrays: Mapping[str, ArrayInfo]) -> Layout:
    """Log_probs (T, N, C) or (T, C), targets (N, S), (S) or end to end, two lengths a sample."""
    source, targets = arrays["log_probs"], arrays["targets"]
    _require_rank(arrays, "log_probs", (2, 3), "(T, N, C), or (T, C) for one sample")
    _require_some_classes("log_probs", source, len(source.shape) - 1)
    steps, *batch, classes = source.shape
    samples = Axis(0, 1 if batch else None)
    views = {"log_probs": View((samples, Axis(WHOLE, 0), Axis(WHOLE, len(source.shape) - 1)))}
    for name in ("input_lengths", "target_lengths"):
        views[name] = _lengths_view(name, arrays[name], batch)
    concatenated = {}
    if len(targets.shape) == 2 and _fits(targets.shape[:1], tuple(batch) or (1,)):
        views["targets"] = View((Axis(0, 0), Axis(WHOLE, 1)))
    elif len(targets.shape) == 1:
        views["targets"] = View((Axis(0, None), Axis(WHOLE, 0)))
        concatenated = {"targets": "target_lengths"} if batch else {}
    else:
        raise ArrayError(
            "targets",
            f"has shape {show(targets.shape)}; log_probs of shape {show(source.shape)}, which is "
            f"(T, N, C), takes (N, S) = ({batch[0] if batch else 1}, S), or all targets end to end",
        )
    width = _width(steps, classes)
    return Layout(tuple(batch), views, width=width, concatenated=concatenated)


# The rules by which a sample's input is a row of values.
OF_ROWS = (*WITH_CLASSES, label_rows, vector_pairs, vector_triples, sequences)

# The rules whose targets may have a row of values for each sample.
WITH_TARGET_ROWS = (*ELEMENTWISE, index_or_probability_targets, label_rows)


def masked(layout: Layout, name: str, mask: ArrayInfo) -> Layout:
    """The layout with a mask beside its arrays, which has the elements' first axes."""
    grid, elements, shape = layout.grid, layout.shape, mask.shape
    if layout.steps is not None:
        elements = (*elements[:-1], layout.steps)
    if not elements and _fits(shape, (1,)):
        return replace(layout, views={**layout.views, name: _BY_SAMPLE})
    leading = elements[: len(shape)]
    sizes = tuple(b if a == 1 else a for a, b in zip(shape, leading, strict=False))
    if len(shape) > len(elements) or not _fits(sizes, leading):
        raise ArrayError(
            name,
            f"has shape {show(mask.shape)}; expected that of the elements, "
            f"{show(elements)}, or its first axes",
        )
    axes = [
        # Before the shift: of two steps one is left, which one label for both is not.
        Axis(k, k, _is_repeated(shape, k, elements[k])) if k < len(shape) else Axis(k, None)
        for k in range(len(grid) - layout.uncut)
    ]
    if len(shape) > len(axes):
        raise ArrayError(name, f"has shape {show(mask.shape)}, which runs along the classes")
    view = View(tuple(axes))
    if layout.steps is not None:
        view = _from_second_step(view, len(grid) - 1)
    return replace(layout, views={**layout.views, name: view})


def without_ones(shape: Shape, other: Shape) -> tuple[int | None, int | None] | None:
    """The axes of size 1, not the first ones, without which two shapes are the same; None for each
    shape that stays as it is, and None for two that differ in more, or in nothing.

    >>> without_ones((5, 1, 8, 8), (5, 8, 8)), without_ones((5, 1, 8), (5, 8, 1))
    ((1, None), (1, 2))
    """
    if _fits(shape, other):
        return None
    pairs = itertools.product(_ones(shape), _ones(other))
    found = (pair for pair in pairs if _fits(_less(shape, pair[0]), _less(other, pair[1])))
    return next(found, None)


def _ones(shape: Shape) -> list[int | None]:
    """What may be left out of a shape: nothing, or an axis of size 1, the last one first."""
    return [None, *(k for k in range(len(shape) - 1, 0, -1) if shape[k] == 1)]


def _less(shape: Shape, axis: int | None) -> Shape:
    return shape if axis is None else _without(shape, axis)


def _classes(source: ArrayInfo, class_axis: int | None) -> int:
    """The axis of classes, counted from the front."""
    _require_classes(source)
    rank = len(source.shape)
    if class_axis is None:
        return min(1, rank - 1)
    if not -rank <= class_axis < rank:
        raise ArrayError("input", f"has shape {show(source.shape)}, and no axis {class_axis}")
    if source.shape[class_axis] is None:
        raise ArrayError("input", f"has its rows along axis {class_axis}; its classes are columns")
    return class_axis % rank


def _class_layout(
    arrays: Mapping[str, ArrayInfo], axis: int, target_view: View, by_default: bool
) -> Layout:
    source, target = arrays["input"], arrays["target"]
    _require_some_classes("input", source, axis)
    classes = source.shape[axis]
    assert classes is not None  # a table's rows were refused
    views = {"input": _class_view(source.shape, axis), "target": target_view}
    for name, info in arrays.items():
        if name in views:
            continue
        if not _fits(info.shape, (classes,)):
            raise ArrayError(
                name,
                f"has shape {show(info.shape)}; expected {classes} numbers, one for each of the "
                f"input's {classes} classes",
            )
        views[name] = View((Axis(WHOLE, 0),))
    shape = _without(source.shape, axis)
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
    return Layout(shape, views, _width(classes), classes if indices else None, warnings=warnings)


def _shifted(layout: Layout) -> Layout:
    """The input without its last step, everything else without its first."""
    steps = layout.shape[-1] if layout.shape else None
    if steps is None:
        raise ArrayError("input", "has no axis of steps whose number is known, to --shift along")
    last = len(layout.shape) - 1
    views = {
        name: view if name == "input" else _from_second_step(view, last)
        for name, view in layout.views.items()
    }
    shape = (*layout.shape[:-1], max(steps - 1, 0))
    return replace(layout, shape=shape, views=views, steps=steps)


def _from_second_step(view: View, last: int) -> View:
    return View(
        tuple(
            replace(axis, offset=1) if axis.element == last and not axis.repeated else axis
            for axis in view.axes
        )
    )


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _class_view(shape: Shape, axis: int) -> View:
    """Class axis second, as PyTorch has it; a single row (C) becomes (1, C)."""
    others = [k for k in range(len(shape)) if k != axis]
    elements = [Axis(k, source) for k, source in enumerate(others)] or [Axis(0, None)]
    return View((elements[0], Axis(WHOLE, axis), *elements[1:]))


def _index_view(shape: Shape, elements: Shape) -> View | None:
    """How class indices of that shape lie along the elements; None if they do not fit.

    Beside the elements' own shape, (1) goes with a single row of classes and (N, 1) with (N).
    """
    if _fits(shape, elements):
        return View(tuple(Axis(k, k) for k in range(len(shape)))) if shape else _FOR_ALL
    if elements == () and _fits(shape, (1,)):
        return _BY_SAMPLE
    if len(elements) == 1 and _fits(shape, (*elements, 1)):
        return _BY_SAMPLE
    return None


def _is_probabilities(source: ArrayInfo, target: ArrayInfo, index_shaped: bool) -> bool:
    """Whether a target of the input's shape is class probabilities.

    Whole numbers of that shape are one-hot rows, which PyTorch refuses. In one dimension they
    are more likely the labels of as many samples, and are refused here too.
    """
    if not _fits(source.shape, target.shape):
        return False
    floating = target.dtype.kind == "f"
    if len(target.shape) == 1:
        return floating and not target.table
    return floating or not index_shaped


def _shape_of_vectors(arrays: Mapping[str, ArrayInfo]) -> Shape:
    """What arrays of vectors, of as many axes each, broadcast to."""
    first, *others = arrays
    shape = arrays[first].shape
    if not shape:
        raise ArrayError(first, "is a single number; expected an axis of vectors")
    for name in others:
        widened = _broadcast(arrays[name].shape, shape)
        if widened is None or len(arrays[name].shape) != len(shape):
            raise _not_of_shape(name, arrays[name], shape, first)
        shape = widened
    return shape


def _lengths_view(name: str, lengths: ArrayInfo, batch: Sequence[int | None]) -> View:
    """A length for each sample, or one for all."""
    if lengths.shape == ():
        return _FOR_ALL
    if lengths.shape == (1,):
        return View((Axis(0, 0, repeated=tuple(batch) not in ((), (1,))),))
    if not _fits(lengths.shape, tuple(batch)):
        raise _misfit_elements(name, lengths, tuple(batch))
    return _BY_SAMPLE


def _variance_axes(shape: Shape, var: Shape) -> list[int | None] | None:
    """For each axis of the input the variance's axis; None if the variance does not fit."""
    rank = len(shape)
    if _fits(var, shape):
        return list(range(rank))
    if _fits(var, shape[:-1]):
        return [*range(rank - 1), None]
    if var in ((), (1,)):
        return [None] * rank
    odd = [k for k, (a, b) in enumerate(zip(shape, var, strict=False)) if not _fits((a,), (b,))]
    if len(var) == rank and len(odd) == 1 and var[odd[0]] == 1:
        return list(range(rank))
    return None


def _broadcast_pair(arrays: Mapping[str, ArrayInfo]) -> Layout:
    source, target = arrays["input"], arrays["target"]
    shape = _broadcast(source.shape, target.shape)
    if shape is None:
        raise ArrayError(
            "target",
            f"has shape {show(target.shape)}{_column_hint(target)}, which does not broadcast "
            f"with the input's, {show(source.shape)}",
        )
    return replace(
        _elementwise(arrays, shape),
        enlarged=_size(shape) > max(_size(source.shape), _size(target.shape)),
        warnings=(f"target {_differ(arrays)}: they were broadcast to {show(shape)}",),
    )


def _elementwise(arrays: Mapping[str, ArrayInfo], shape: Shape) -> Layout:
    grid = _grid(shape)
    return Layout(shape, {name: _element_view(info.shape, grid) for name, info in arrays.items()})


def _element_view(shape: Shape, grid: Shape) -> View:
    missing = len(grid) - len(shape)
    return View(
        tuple(Axis(k, None) for k in range(missing))
        + tuple(
            Axis(k, axis, _is_repeated(shape, axis, grid[k]))
            for axis, k in enumerate(range(missing, len(grid)))
        )
    )


def _row_view(shape: Shape, whole_shape: Shape) -> View:
    """As `_element_view`, with the last axis WHOLE."""
    if not shape:
        return _ONE_CLASS
    elements = _element_view(shape[:-1], _grid(whole_shape[:-1]))
    return View((*elements.axes, Axis(WHOLE, len(shape) - 1)))


def _shape_of_pair(arrays: Mapping[str, ArrayInfo]) -> Shape:
    """The one shape of input and target, to which all other arrays broadcast."""
    pair = ("input", "target")
    shape = _common_shape(arrays, pair)
    for name, info in arrays.items():
        if name not in pair:
            shape = _broadcast_to(shape, name, info)
    return shape


def _common_shape(arrays: Mapping[str, ArrayInfo], names: Sequence[str]) -> Shape:
    """The one shape of these arrays, with the number of rows if one of them tells."""
    first, *others = names
    shape = arrays[first].shape
    for name in others:
        if not _fits(arrays[name].shape, shape):
            raise _not_of_shape(name, arrays[name], shape, first)
        known = zip(arrays[name].shape, shape, strict=True)
        shape = tuple(b if a is None else a for a, b in known)
    return shape


def _is_repeated(shape: Shape, axis: int | None, size: int | None) -> bool:
    return axis is not None and shape[axis] == 1 and size != 1


def _broadcast_to(shape: Shape, name: str, info: ArrayInfo) -> Shape:
    """The shape, with the number of rows if the array tells. Raises if it does not broadcast."""
    widened = _broadcast(info.shape, shape)
    if widened is None or not _fits(widened, shape):
        raise ArrayError(
            name,
            f"has shape {show(info.shape)}; expected one that broadcasts to the input's, "
            f"{show(shape)}",
        )
    return tuple(a if b is None else b for a, b in zip(widened, shape, strict=True))


def _fits(one: Shape, other: Shape) -> bool:
    """Whether two shapes may turn out equal."""
    return len(one) == len(other) and all(
        a == b or a is None or b is None for a, b in zip(one, other, strict=True)
    )


def _one_for_all(one: Shape, other: Shape) -> bool:
    """Whether one of them has a single row, which may be for each of the other's."""
    return one[:1] != other[:1] and 1 in (*one[:1], *other[:1])


def _broadcast(one: Shape, other: Shape) -> Shape | None:
    """NumPy's rule, where a number of rows not known yet is taken to be the other's unless that
    is 1."""
    result: list[int | None] = []
    for a, b in _aligned(one, other):
        if a != b and 1 not in (a, b) and None not in (a, b):
            return None
        result.append(b if a == 1 or (a is None and b != 1) else a)
    if None in result[1:]:  # rows of a table can only be the first axis
        return None
    return tuple(result)


def _aligned(one: Shape, other: Shape) -> Iterator[tuple[int | None, int | None]]:
    rank = max(len(one), len(other))
    padded = ((1,) * (rank - len(shape)) + shape for shape in (one, other))
    return zip(*padded, strict=True)


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


def _require_some_classes(name: str, source: ArrayInfo, axis: int) -> None:
    """Raise ArrayError where there are elements, and no class to choose."""
    if source.shape[axis] == 0 and 0 not in _without(source.shape, axis):
        raise ArrayError(name, f"has shape {show(source.shape)}, and no classes along axis {axis}")


def _require_rank(
    arrays: Mapping[str, ArrayInfo], name: str, ranks: Sequence[int], expected: str
) -> None:
    shape = arrays[name].shape
    if len(shape) not in ranks:
        raise ArrayError(name, f"has shape {show(shape)}; expected {expected}")


def _misfit(arrays: Mapping[str, ArrayInfo], axis: int, alternative: str) -> ArrayError:
    source, target = arrays["input"], arrays["target"]
    fitting = [
        k - len(source.shape) if k == len(source.shape) - 1 else k
        for k in range(len(source.shape))
        if source.shape[k] is not None and _fits(_without(source.shape, k), target.shape)
    ]
    hint = f"; --class-axis {fitting[0]} fits" if fitting else ""
    if len(source.shape) == 1 and _fits(source.shape, target.shape):
        hint = "; for one score a sample there are bce-with-logits and bce"
    return ArrayError(
        "target",
        f"has shape {show(target.shape)}{_column_hint(target)}; an input of shape "
        f"{show(source.shape)} takes class indices of shape "
        f"{show(_without(source.shape, axis))}{alternative}{hint}",
    )


def _misfit_elements(name: str, info: ArrayInfo, elements: Shape) -> ArrayError:
    return ArrayError(
        name, f"has shape {show(info.shape)}; expected {show(elements)}, one for each sample"
    )


def _not_of_shape(name: str, info: ArrayInfo, shape: Shape, owner: str = "input") -> ArrayError:
    return ArrayError(
        name,
        f"has shape {show(info.shape)}{_column_hint(info)}; expected that of {owner}, "
        f"{show(shape)}",
    )


def _differ(arrays: Mapping[str, ArrayInfo]) -> str:
    return f"has shape {show(arrays['target'].shape)} and input {show(arrays['input'].shape)}"


def _column_hint(target: ArrayInfo) -> str:
    if target.table and len(target.shape) > 1:
        return " (--target-column names the column to take)"
    return ""
