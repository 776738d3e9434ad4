"""Arithmetic of shapes, where the number of rows may not be known yet."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from losscli.losses.layout import Shape


def without_axis(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def width_of(*sizes: int | None) -> int:
    """The values of an element, along axes whose sizes are known."""
    return max(1, math.prod(size or 0 for size in sizes))


def elements_in(shape: Shape) -> int:
    """The number of elements; rows not known yet count as very many."""
    return math.prod(10**18 if size is None else size for size in shape)


def fits(one: Shape, other: Shape) -> bool:
    """Whether two shapes may turn out equal."""
    return len(one) == len(other) and all(
        a == b or a is None or b is None for a, b in zip(one, other, strict=True)
    )


def one_for_all(one: Shape, other: Shape) -> bool:
    """Whether one of them has a single row, which may be for each of the other's."""
    return one[:1] != other[:1] and 1 in (*one[:1], *other[:1])


def broadcast_shape(one: Shape, other: Shape) -> Shape | None:
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


def is_repeated(shape: Shape, axis: int | None, size: int | None) -> bool:
    """Whether an axis of size 1 runs along more elements."""
    return axis is not None and shape[axis] == 1 and size != 1


def without_ones(shape: Shape, other: Shape) -> tuple[int | None, int | None] | None:
    """The axes of size 1, not the first ones, without which two shapes are the same; None for each
    shape that stays as it is, and None for two that differ in more, or in nothing.

    >>> without_ones((5, 1, 8, 8), (5, 8, 8)), without_ones((5, 1, 8), (5, 8, 1))
    ((1, None), (1, 2))
    """
    if fits(shape, other):
        return None
    pairs = itertools.product(_ones(shape), _ones(other))
    found = (pair for pair in pairs if fits(_less(shape, pair[0]), _less(other, pair[1])))
    return next(found, None)


def _ones(shape: Shape) -> list[int | None]:
    """What may be left out of a shape: nothing, or an axis of size 1, the last one first."""
    return [None, *(k for k in range(len(shape) - 1, 0, -1) if shape[k] == 1)]


def _less(shape: Shape, axis: int | None) -> Shape:
    return shape if axis is None else without_axis(shape, axis)
