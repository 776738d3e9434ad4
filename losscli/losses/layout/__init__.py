"""Shape rules: how the axes of a loss's arrays map to its elements.

The elements of a loss are the values that the reduction `none` returns. A layout lists, for every
array, the axes that run along the elements, so that any box of elements can be read from every
array without knowledge of the loss. A size is None if the number of samples is known only at the
end of a file.

A rule is a function of the arrays' shapes. Its keyword parameters become options of every loss
that uses the rule, with their help under `Args:`, unless the loss has a parameter of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Shape = tuple[int | None, ...]

# The class axis of a block, which no element axis runs along.
WHOLE = None


class ArrayInfo(NamedTuple):
    """What a shape rule knows about an array.

    `table`: its first axis is the rows of a table. `has_rows`: its first axis pairs with them.
    """

    shape: Shape
    dtype: np.dtype[np.generic]
    table: bool = False
    has_rows: bool = False


class Axis(NamedTuple):
    """One axis of a block as the loss sees it.

    It runs along the element axis `element`, or is WHOLE. It is read from the array's axis
    `source`, starting at `offset`; None means an axis of size 1 that the array lacks. A `repeated`
    axis has size 1 and is broadcast along its element axis. An `uncut` axis is an element axis
    that every block contains in full, as well as all later element axes.
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

    `shape` is the shape of the losses; `grid` is the same with at least one axis. `width` is the
    number of values per element in the widest array (the number of classes). `classes` is the
    number of classes if targets are class indices. `order` lists the element axes in the order of
    a block. `concatenated` maps each array whose rows are concatenated to the array of their
    lengths. `enlarged`: broadcasting made more elements than any operand has. `steps` is the size
    of the arrays' last axis if --shift makes that axis of the elements shorter.
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
        """How many of the last element axes every block contains in full."""
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
