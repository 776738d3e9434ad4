"""Arithmetic of shapes. The number of rows is None if it is not known yet."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from losscli.losses.layout import Shape


def without_axis(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def width_of(*sizes: int | None) -> int:
    """The number of values per element: the product of the known sizes."""
    return max(1, math.prod(size or 0 for size in sizes))


def elements_in(shape: Shape) -> int:
    """The number of elements; an unknown number of rows counts as 10^18."""
    return math.prod(10**18 if size is None else size for size in shape)


def fits(shape: Shape, other: Shape) -> bool:
    """Whether two shapes are equal, or may be once the number of rows is known."""
    return len(shape) == len(other) and all(
        a == b or a is None or b is None for a, b in zip(shape, other, strict=True)
    )


def is_single_row(shape: Shape, other: Shape) -> bool:
    """Whether exactly one of two shapes has a single row, which may broadcast to many rows."""
    return shape[:1] != other[:1] and 1 in (*shape[:1], *other[:1])


def broadcast_shape(shape: Shape, other: Shape) -> Shape | None:
    """The shape that NumPy broadcasts to; None if the shapes do not broadcast. An unknown number of
    rows becomes the number of the other shape, unless that number is 1."""
    result: list[int | None] = []
    for a, b in _aligned(shape, other):
        if a != b and 1 not in (a, b) and None not in (a, b):
            return None
        result.append(b if a == 1 or (a is None and b != 1) else a)
    if None in result[1:]:  # rows of a table can only be the first axis
        return None
    return tuple(result)


def _aligned(shape: Shape, other: Shape) -> Iterator[tuple[int | None, int | None]]:
    rank = max(len(shape), len(other))
    padded = ((1,) * (rank - len(each)) + each for each in (shape, other))
    return zip(*padded, strict=True)


def is_repeated(shape: Shape, axis: int | None, size: int | None) -> bool:
    """Whether an axis has size 1 and is broadcast to another `size`."""
    return axis is not None and shape[axis] == 1 and size != 1


def without_ones(shape: Shape, other: Shape) -> tuple[int | None, int | None] | None:
    """For each shape, the axis of size 1 to remove so that both become the same; None for a shape
    to keep.

    The first axis is never removed. Returns None if the shapes fit, or if no removal makes them
    fit.

    >>> without_ones((5, 1, 8, 8), (5, 8, 8)), without_ones((5, 1, 8), (5, 8, 1))
    ((1, None), (1, 2))
    """
    if fits(shape, other):
        return None
    pairs = itertools.product(_ones(shape), _ones(other))
    matches = (pair for pair in pairs if fits(_less(shape, pair[0]), _less(other, pair[1])))
    return next(matches, None)


def _ones(shape: Shape) -> list[int | None]:
    """The axes that may be removed from a shape: None for no axis, then all axes of size 1 but the
    first, from the last on."""
    return [None, *(k for k in range(len(shape) - 1, 0, -1) if shape[k] == 1)]


def _less(shape: Shape, axis: int | None) -> Shape:
    return shape if axis is None else without_axis(shape, axis)
