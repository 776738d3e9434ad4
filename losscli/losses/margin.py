"""Losses of scores with targets of 1 and -1, element by element."""

from __future__ import annotations

import numpy as np

from losscli.elements import PerElement
from losscli.losses.checks import Check, signs
from losscli.losses.layout import as_many_axes, broadcasting, target_for_input
from losscli.losses.numerics import softplus, where, widen
from losscli.losses.registry import Array, loss


@loss(layout=target_for_input, checks=(Check(signs),))
def soft_margin(input: Array, target: Array) -> PerElement:
    """Logistic loss of scores with targets of 1 and -1.

        log(1 + exp(-y · x))

    where x is the input and y the target.

    Args:
        input: scores, any shape
        target: 1 or -1, of a shape that broadcasts to the input's

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.soft_margin([0.0, 0.0], [1, -1])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.soft_margin_loss
    """
    return PerElement(softplus(-widen(target) * widen(input)))


@loss(layout=broadcasting, checks=(Check(signs),))
def hinge_embedding(input: Array, target: Array, *, margin: float = 1.0) -> PerElement:
    """Distances as they are for pairs that are alike, and what they lack of a margin for others.

        x if y = 1, max(0, margin - x) if y = -1

    where x is the input and y the target.

    Args:
        input: distances, any shape
        target: 1 for alike and -1 for not, of a shape that broadcasts with the input's
        margin: the distance from which on pairs that are not alike cost nothing

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.hinge_embedding([0.5, 0.25], [1, -1])
        np.float64(0.625)

    Source: torch.nn.functional.hinge_embedding_loss
    """
    x, y = widen(input), widen(target)
    # PyTorch adds both terms for any other target.
    alike, unlike = np.broadcast_arrays(x, np.maximum(margin - x, 0.0))
    shape = np.broadcast_shapes(x.shape, y.shape)
    alike, unlike = (np.broadcast_to(one, shape) for one in (alike, unlike))
    return PerElement(where(y != -1.0, alike) + where(y != 1.0, unlike))


@loss(layout=as_many_axes, checks=(Check(signs),))
def margin_ranking(
    input1: Array, input2: Array, target: Array, *, margin: float = 0.0
) -> PerElement:
    """Margin by which the score that should be higher fails to be.

        max(0, -y · (x1 - x2) + margin)

    where x1 and x2 are the inputs and y the target.

    Args:
        input1: scores, any shape
        input2: scores, of as many axes as input1 and a shape that broadcasts with its shape
        target: 1 where input1 should be higher and -1 where input2, of such a shape as input2
        margin: the lead that costs nothing

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.margin_ranking([0.5, 1.0], [1.0, 0.5], [1, 1])
        np.float64(0.25)

    Source: torch.nn.functional.margin_ranking_loss
    """
    lead = widen(target) * (widen(input1) - widen(input2))
    return PerElement(np.maximum(margin - lead, 0.0))
