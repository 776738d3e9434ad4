"""Views: how a single array maps to the elements."""

from __future__ import annotations

from losscli.losses.layout import WHOLE, Axis, Shape, View, grid_of
from losscli.losses.layout.shapes import is_repeated

# Views of arrays with one value per sample, and with one value for all samples.
BY_SAMPLE = View((Axis(0, 0),))
FOR_ALL = View((Axis(0, None),))

# The view of a single number as a row of one class.
ONE_CLASS = View((Axis(0, None), Axis(WHOLE, None)))


def element_view(shape: Shape, grid: Shape) -> View:
    """The view that maps all axes to the last element axes. Axes of size 1 are repeated."""
    missing = len(grid) - len(shape)
    return View(
        tuple(Axis(k, None) for k in range(missing))
        + tuple(
            Axis(k, axis, is_repeated(shape, axis, grid[k]))
            for axis, k in enumerate(range(missing, len(grid)))
        )
    )


def row_view(shape: Shape, whole_shape: Shape) -> View:
    """As `element_view`, but with the last axis of the array WHOLE. A single number is a row of one
    class."""
    if not shape:
        return ONE_CLASS
    elements = element_view(shape[:-1], grid_of(whole_shape[:-1]))
    return View((*elements.axes, Axis(WHOLE, len(shape) - 1)))
