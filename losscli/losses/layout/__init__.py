"""Shape rules: how the axes of a loss's arrays map to its elements.

The elements of a loss are the values that the reduction `none` returns. A layout lists, for every
array, the axes that run along the elements. With a layout, any block of elements can be read from
every array without knowledge of the loss. The size of an axis is None if the number of samples is
known only at the end of a file.

A rule is a function of the arrays' shapes, which returns a Layout or raises ArrayError. Its keyword
parameters become options of every loss that uses the rule, with their help under `Args:`. A
parameter of the same name in the loss takes precedence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Shape = tuple[int | None, ...]

# Replaces the element axis of an axis that is not along the elements, such as the class axis. Every
# block contains the axis in full.
WHOLE = None


class ArrayInfo(NamedTuple):
    """The properties of an array that shape rules need.

    Args:
        shape: the sizes of its axes
        dtype: the type of its values
        table: whether the array consists of columns of a table
        has_rows: whether its first axis pairs with the rows of a table
    """

    shape: Shape
    dtype: np.dtype[np.generic]
    table: bool = False
    has_rows: bool = False


class Axis(NamedTuple):
    """One axis of a block, as the loss reads it.

    Args:
        element: the element axis that it runs along, or WHOLE
        source: the axis of the array that it is read from; None for an axis of size 1 that the
            array does not have
        repeated: whether it has size 1 and is broadcast along the element axis
        uncut: whether every block contains this element axis, and all later ones, in full
        offset: the first index of the array's axis that is read
    """

    element: int | None
    source: int | None
    repeated: bool = False
    uncut: bool = False
    offset: int = 0


class View(NamedTuple):
    """How one array maps to the elements: the axes of its blocks, in order.

    Axes of the array that no block axis reads have size 1.
    """

    axes: tuple[Axis, ...]

    @property
    def sample_axis(self) -> int | None:
        """The array's axis that runs along the samples; None if all samples share one block."""
        along = (axis for axis in self.axes if axis.element == 0 and not axis.repeated)
        return next((axis.source for axis in along), None)


@dataclass(frozen=True)
class Layout:
    """The elements, and how each array maps to them.

    Args:
        shape: the shape of the losses; `grid` is this shape with at least one axis
        views: how each array maps to the elements
        width: the number of values per element in the widest array, such as the number of classes
        classes: the number of classes; None unless targets are class indices
        order: the element axes in the order of a block; None if it is the order of `shape`
        concatenated: the names of arrays whose rows are concatenated, each with the name of the
            array of their lengths
        enlarged: whether broadcasting made more elements than any array has values
        steps: the size of the arrays' last axis if --shift makes this axis of the elements shorter
        warnings: warnings about the shapes
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
        return grid_of(self.shape)

    @property
    def rows(self) -> int | None:
        """The number of samples in the arrays; None if it is not known yet."""
        return self.grid[0] if self.steps is None or len(self.shape) > 1 else self.steps

    @property
    def element_order(self) -> tuple[int, ...]:
        """The axes of a block of elements, in the order of the grid."""
        order = self.order or tuple(range(len(self.grid)))
        return tuple(order.index(k) for k in range(len(order)))

    @property
    def uncut(self) -> int:
        """The number of element axes, from the last, that every block contains in full."""
        axes = (axis for view in self.views.values() for axis in view.axes if axis.uncut)
        rank = len(self.grid)
        return rank - min(
            (k for k in (axis.element for axis in axes) if k is not None), default=rank
        )


def grid_of(shape: Shape) -> Shape:
    """The shape with at least one axis."""
    return shape or (1,)


def show(shape: Shape) -> str:
    """A shape as PyTorch writes it, with N for a number of rows that is not known yet."""
    sizes = ["N" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
