"""Losses of the difference between input and target."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli.elements import Array, Floats, PerElement
from losscli.losses.arrays import Numbers, Weights
from losscli.losses.layout.elementwise import broadcasting
from losscli.losses.numerics import widen
from losscli.losses.options import Interval
from losscli.losses.registry import Unit, loss


@loss(group="regression", layout=broadcasting)
def l1(input: Numbers, target: Numbers, *, weight: Weights | None = None) -> PerElement:
    """Absolute error.

        weight · |x - y|

    where x is the input and y the target. The mean divides by the sum of the weights.

    Args:
        input: numbers, any shape
        target: numbers, of a shape that broadcasts with the input's
        weight: weight elements by these numbers, which broadcast to the input's shape

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.l1([1.0, 2.0, 3.0], [1.0, 4.0, 7.0])
        np.float64(2.0)

    Source: torch.nn.functional.l1_loss
    """
    return _weighted_mean(_difference(input, target), weight)


@loss(group="regression", layout=broadcasting, unit=Unit.SQUARES)
def mse(input: Numbers, target: Numbers, *, weight: Weights | None = None) -> PerElement:
    """Squared error.

        weight · (x - y)²

    where x is the input and y the target. The mean divides by the sum of the weights.

    Args:
        input: numbers, any shape
        target: numbers, of a shape that broadcasts with the input's
        weight: weight elements by these numbers, which broadcast to the input's shape

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.mse([1.0, 2.0], [1.0, 4.0])
        np.float64(2.0)

    Source: torch.nn.functional.mse_loss
    """
    return _weighted_mean(np.square(_difference(input, target)), weight)


@loss(group="regression", layout=broadcasting)
def smooth_l1(
    input: Numbers, target: Numbers, *, beta: Annotated[float, Interval(0.0)] = 1.0
) -> PerElement:
    """Squared error near 0, absolute error beyond beta.

        e²/(2·beta) if e < beta, else e - beta/2

    where e = |x - y| for an input x and a target y.

    Args:
        input: numbers, any shape
        target: numbers, of a shape that broadcasts with the input's
        beta: use the absolute error from this difference on; 0 is l1

    Raises:
        DataError: for shapes that do not fit
        UsageError: for a beta below 0

    Example:
        >>> import losscli
        >>> losscli.smooth_l1([0.5, 3.0], [0.0, 0.0])
        np.float64(1.3125)

    Source: torch.nn.functional.smooth_l1_loss
    """
    e = _difference(input, target)
    if not beta:
        return PerElement(e)
    m = np.minimum(e, beta)
    return PerElement(m / beta * (e - 0.5 * m))  # `_quadratic_to_linear`, divided by beta first


@loss(group="regression", layout=broadcasting)
def huber(
    input: Numbers,
    target: Numbers,
    *,
    weight: Weights | None = None,
    delta: Annotated[float, Interval(0.0, low_included=False)] = 1.0,
) -> PerElement:
    """Squared error near 0, delta times the absolute error beyond delta.

        weight · (e²/2 if e <= delta, else delta · (e - delta/2))

    where e = |x - y| for an input x and a target y. The mean divides by the number of elements,
    whatever the weights.

    Args:
        input: numbers, any shape
        target: numbers, of a shape that broadcasts with the input's
        weight: weight elements by these numbers, which broadcast to the input's shape
        delta: use the absolute error from this difference on

    Raises:
        DataError: for shapes that do not fit
        UsageError: for a delta that is not above 0

    Example:
        >>> import losscli
        >>> losscli.huber([0.5, 3.0], [0.0, 0.0])
        np.float64(1.3125)

    Source: torch.nn.functional.huber_loss
    """
    e = _difference(input, target)
    values = _quadratic_to_linear(e, delta)
    return PerElement(values if weight is None else widen(weight) * values)


def _quadratic_to_linear(e: Floats, bound: float) -> Floats:
    """e²/2 up to the bound, bound · (e - bound/2) above it.

    With m = min(e, bound), both formulas are m · (e - m/2). This avoids np.where, which takes as
    long as the arithmetic.
    """
    m = np.minimum(e, bound)
    result: Floats = m * (e - 0.5 * m)
    return result


def _difference(input: Array, target: Array) -> Floats:
    return np.abs(widen(input) - widen(target))


def _weighted_mean(values: Floats, weight: Array | None) -> PerElement:
    if weight is None:
        return PerElement(values)
    return PerElement(widen(weight) * values, widen(weight))
