"""Margin losses, of scores with the targets 1 and -1 and of rows of class scores."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli.elements import PerElement
from losscli.losses.arrays import ClassIndices, Distances, Scores, Signs, Weights
from losscli.losses.checks import Check, negative_weights, signs
from losscli.losses.indices import class_indices, pick
from losscli.losses.layout.classes import label_rows, row_index_targets
from losscli.losses.layout.elementwise import as_many_axes, broadcasting, target_for_input
from losscli.losses.numerics import CLASS_AXIS, hinge, softplus, where, widen
from losscli.losses.options import ClassBase, Interval
from losscli.losses.registry import loss
from losscli.losses.summing import mean, total


@loss(group="classification", layout=target_for_input, checks=(Check(signs),))
def soft_margin(input: Scores, target: Signs) -> PerElement:
    """Logistic loss of scores, for targets 1 and -1.

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


@loss(group="ranking", layout=broadcasting, checks=(Check(signs),))
def hinge_embedding(input: Distances, target: Signs, *, margin: float = 1.0) -> PerElement:
    """Hinge loss on the distances of similar (1) and dissimilar (-1) pairs.

        x if y = 1, max(0, margin - x) if y = -1

    where x is the input and y the target.

    Args:
        input: distances, any shape
        target: 1 for similar and -1 for dissimilar pairs, a shape that broadcasts with the input's
        margin: return 0 for dissimilar pairs that are at least this far apart

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
    alike, unlike = (np.broadcast_to(term, shape) for term in (alike, unlike))
    return PerElement(where(y != -1.0, alike) + where(y != 1.0, unlike))


@loss(group="ranking", layout=as_many_axes, checks=(Check(signs),))
def margin_ranking(
    input1: Scores, input2: Scores, target: Signs, *, margin: float = 0.0
) -> PerElement:
    """Hinge loss on how far one score exceeds another.

        max(0, -y · (x1 - x2) + margin)

    where x1 and x2 are the inputs and y the target.

    Args:
        input1: scores, any shape
        input2: scores, of a shape with as many axes as input1 that broadcasts with it
        target: 1 where input1 should be higher, -1 where input2 should be higher; of a shape with
            as many axes as input1 that broadcasts with it
        margin: return 0 where the higher score leads by at least this

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


@loss(group="classification", layout=row_index_targets, checks=(Check(negative_weights),))
def multi_margin(
    input: Scores,
    target: ClassIndices,
    *,
    p: Annotated[int, Interval(1, 2)] = 1,
    margin: float = 1.0,
    weight: Weights | None = None,
    class_base: ClassBase = 0,
) -> PerElement:
    """Multiclass hinge loss of scores.

        1/C · Σ_{c≠y} weight[y] · max(0, margin - x[y] + x[c])^p

    where x is a row of the input and y its target. The mean divides by the number of rows,
    whatever the weights.

    Args:
        input: scores, (), (C) or (N, C)
        target: class indices from 0 to C-1, () or (N)
        p: raise the hinge loss to this power, 1 or 2
        margin: return 0 where the target class leads by at least this
        weight: weight classes by these numbers, (C)
        class_base: count the classes of the target from this number [default: 0, or detected from
            the names of the input's columns]

    Raises:
        DataError: for shapes that do not fit, and targets outside 0..C-1

    Example:
        >>> import losscli
        >>> losscli.multi_margin([[1.0, 2.0, 4.0, 8.0]], [2])
        np.float64(1.25)

    Source: torch.nn.functional.multi_margin_loss
    """
    classes = input.shape[CLASS_AXIS]
    indices, _ = class_indices(target, classes, class_base=class_base, options=("class_base",))
    x = widen(input)
    lead = margin - np.expand_dims(pick(x, indices), CLASS_AXIS) + x
    np.put_along_axis(lead, np.expand_dims(indices, CLASS_AXIS), 0.0, CLASS_AXIS)
    short = hinge(lead)
    values = mean(short if p == 1 else np.square(short), CLASS_AXIS)
    return PerElement(values if weight is None else widen(weight)[indices] * values)


@loss(group="classification", layout=label_rows)
def multilabel_margin(input: Scores, target: ClassIndices) -> PerElement:
    """Multilabel hinge loss of scores.

        1/C · Σ_{y in Y} Σ_{c not in Y} max(0, 1 - (x[y] - x[c]))

    where x is a row of the input and Y the classes of its target up to the first -1.

    Args:
        input: scores, (), (C) or (N, C)
        target: class indices of each row from 0 to C-1, followed by -1, in the input's shape

    Raises:
        DataError: for shapes that do not fit, and targets outside -1..C-1

    Example:
        >>> import losscli
        >>> losscli.multilabel_margin([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]])
        np.float64(0.8500000000000001)

    Source: torch.nn.functional.multilabel_margin_loss
    """
    classes = input.shape[CLASS_AXIS]
    absent = target == -1
    ends = np.where(absent.any(axis=CLASS_AXIS), absent.argmax(axis=CLASS_AXIS), classes)
    if target.size and not (target.min() >= -1 and target.max() < classes):
        class_indices(target, classes, -1)  # raises, also for targets after the first -1
    # Only the first columns list classes. Looping over these columns alone takes a third of the
    # time.
    most = int(ends.max(initial=0))
    indices, _ = class_indices(target[:, :most], classes, -1)
    listed = np.arange(most) < ends[:, np.newaxis]
    rows = np.arange(len(input))
    x = widen(input)
    others = x.copy()  # -inf for the listed classes, so that they add 0
    for k in range(most):
        others[rows[listed[:, k]], indices[listed[:, k], k]] = -np.inf
    values = np.zeros(len(input))
    short = np.empty(x.shape)  # reused for each class
    for k in range(most):
        np.add((1.0 - x[rows, indices[:, k]])[:, np.newaxis], others, out=short)
        np.fmax(short, 0.0, out=short)
        values += np.where(listed[:, k], total(short, CLASS_AXIS), 0.0)
    return PerElement(values / classes)
