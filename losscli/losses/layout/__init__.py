"""How the axes of a loss's arrays run along its elements: the shape rules, apart from the numbers.

The elements of a loss are what `none` returns. A layout says, for every array, which of its axes
run along the elements; the engine then reads any box of elements from every array, without
knowing the loss. Shapes hold None where the number of samples is known only at the end of a file.

A rule is a function of the arrays' shapes. Its keyword parameters are options of every loss that
is laid out by it, with their help under `Args:`, unless the loss has the same parameter itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Shape = tuple[int | None, ...]

# The class axis of a block; elements run along the others.
WHOLE = None


class ArrayInfo(NamedTuple):
    """What a shape rule may know of an array. `table`: its first axis is rows of a table."""

    shape: Shape
    dtype: np.dtype[np.generic]
    table: bool = False


class Axis(NamedTuple):
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


class View(NamedTuple):
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
    are where targets are their indices. `order` are the element axes in the order in which blocks
    have them. `concatenated` names arrays whose rows lie end to end, each with the array of their
    lengths. `enlarged`: broadcasting made more elements than any operand has. `steps` is the length
    of the last axis in the arrays where --shift makes that of the elements shorter.
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


def grid_of(shape: Shape) -> Shape:
    """The elements' axes: a single number has one as well."""
    return shape or (1,)


def show(shape: Shape) -> str:
    """A shape as PyTorch writes it, N for a number of rows not known yet."""
    sizes = ["N" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
