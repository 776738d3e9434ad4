"""Losses of one class out of several. Blocks are (n, C, d1..dK), targets (n, d1..dK)."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli.errors import ArrayError
from losscli.losses.layout import index_or_probability_targets, index_targets
from losscli.losses.numerics import (
    CLASS_AXIS,
    along_classes,
    class_indices,
    negative_log_softmax,
    pick,
    widen,
)
from losscli.losses.registry import Array, Integers, Interval, loss
from losscli.reduction import Floats, PerElement


@loss(layout=index_targets)
def nll(
    input: Array, target: Array, *, weight: Array | None = None, ignore_index: Integers = -100
) -> PerElement:
    """Negative log-likelihood of each target class, from log-probabilities.

        -weight[y] · x[y]

    where x is a row of the input and y its target. The mean divides by the sum of weight[y].

    Args:
        input: log-probabilities, (C), (N, C) or (N, C, d1, ..., dK); class axis second
        target: class indices from 0 to C-1, (), (N) or (N, d1, ..., dK)
        weight: a weight for each class, (C)
        ignore_index: a target that does not count; may be repeated

    Raises:
        DataError: for shapes that do not fit, and targets outside 0..C-1 that are not ignored

    Example:
        >>> import losscli
        >>> losscli.nll([[-0.5, -1.25], [-2.0, -0.25]], [0, 1])
        np.float64(0.375)

    Source: torch.nn.functional.nll_loss
    """
    indices, ignored = class_indices(target, input.shape[CLASS_AXIS], ignore_index)
    values = 0.0 - widen(pick(input, indices))  # not -x, which shows a loss of 0 as -0.0
    if weight is None:
        return PerElement.without(ignored, values)
    weights = widen(weight)[indices]
    return PerElement.without(ignored, weights * values, weights)


@loss(layout=index_or_probability_targets, alias="ce")
def cross_entropy(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    ignore_index: Integers = -100,
    label_smoothing: Annotated[float, Interval(0.0, 1.0)] = 0.0,
) -> PerElement:
    """Cross-entropy of the softmax of logits with classes, or with class probabilities.

        class y: -(1-ε) · weight[y] · log p[y] - ε/C · Σ_c weight[c] · log p[c]
        probabilities q: -Σ_c weight[c] · ((1-ε) · q[c] + ε/C) · log p[c]

    where p = softmax(x) of a row x of the input and ε is the label smoothing. The mean divides
    by the sum of weight[y] for classes, also when smoothed, and by the number of elements for
    probabilities, which need not sum to 1.

    Args:
        input: logits, (C), (N, C) or (N, C, d1, ..., dK); class axis second
        target: class indices from 0 to C-1, (), (N) or (N, d1, ..., dK); or class
            probabilities of the input's shape
        weight: a weight for each class, (C)
        ignore_index: a target that does not count; may be repeated
        label_smoothing: the share of every target that is spread over all classes

    Raises:
        DataError: for shapes that do not fit, targets outside 0..C-1 that are not ignored, and
            an ignored class beside probability targets
        UsageError: for a label smoothing outside 0..1

    Example:
        >>> import losscli
        >>> losscli.cross_entropy([[0.0, 0.0], [0.0, 0.0]], [0, 1])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.cross_entropy
    """
    costs = negative_log_softmax(widen(input))
    class_weights = None if weight is None else along_classes(widen(weight), costs.ndim)
    weighted = costs if class_weights is None else class_weights * costs
    if target.ndim == input.ndim:
        return _of_probabilities(weighted, widen(target), ignore_index, label_smoothing)
    indices, ignored = class_indices(target, input.shape[CLASS_AXIS], ignore_index)
    values = pick(weighted, indices)
    if label_smoothing:
        spread = weighted.mean(axis=CLASS_AXIS)
        values = (1.0 - label_smoothing) * values + label_smoothing * spread
    weights = None if weight is None else widen(weight)[indices]
    return PerElement.without(ignored, values, weights)


def _of_probabilities(
    weighted: Floats, target: Floats, ignore_index: Integers, label_smoothing: float
) -> PerElement:
    if np.max(ignore_index) >= 0:
        raise ArrayError(
            "target",
            f"holds class probabilities; --ignore-index {np.max(ignore_index)} needs class indices",
        )
    if label_smoothing:
        classes = target.shape[CLASS_AXIS]
        target = (1.0 - label_smoothing) * target + label_smoothing / classes
    return PerElement((weighted * target).sum(axis=CLASS_AXIS))
