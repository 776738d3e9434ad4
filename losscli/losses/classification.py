"""Losses of class targets. Blocks of the input are (n, C, d1, ..., dK); class indices are
(n, d1, ..., dK)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from losscli.elements import Array, Floats, PerElement
from losscli.losses.arrays import ClassIndices, Logits, LogProbabilities, Weights
from losscli.losses.checks import Check, negative_weights
from losscli.losses.class_checks import (
    impossible_entries,
    infinite_costs,
    negative_target_rows,
    padding_that_counts,
    rows_are_what_from_says,
)
from losscli.losses.indices import (
    along_classes,
    class_indices,
    class_probabilities,
    pick,
    require_no_class_index,
)
from losscli.losses.layout.classes import index_or_probability_targets, index_targets
from losscli.losses.numerics import CLASS_AXIS, widen
from losscli.losses.options import ClassBase, If, Integers, Interval
from losscli.losses.registry import Unit, loss
from losscli.losses.softmax import clipped, negative_log
from losscli.losses.summing import mean, total
from losscli.losses.target_cost import target_cost
from losscli.losses.tempered import ClassLogits, Costs

# The options that an error may suggest for a target that is not a class.
_OPTIONS = ("ignore_index", "class_base")


def _tempered(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    ignore_index: Integers = -100,
    label_smoothing: float = 0.0,
    from_: str = "logits",
    clip: float | None = None,
    class_base: int = 0,
) -> ClassLogits:
    """The loss as a function of the temperature. The logits of probabilities are logarithms."""
    x = widen(input) if from_ == "logits" else 0.0 - negative_log(input, from_, clip)
    p = clipped(widen(input), clip) if from_ == "probs" else None
    classes = input.shape[CLASS_AXIS]
    weights = np.ones(classes) if weight is None else widen(weight)
    if target.ndim < input.ndim and not label_smoothing:
        indices, _ = class_indices(target, classes, ignore_index, class_base)
        return ClassLogits(x, Costs(weights[indices], indices=indices), p)
    shares, _ = class_probabilities(target, input.shape, ignore_index, class_base)
    dense = along_classes(weights, input.ndim) * _smoothed(shares, label_smoothing)
    return ClassLogits(x, Costs(total(dense, CLASS_AXIS), dense, target=shares), p)


def _smoothed(target: Floats, label_smoothing: float) -> Floats:
    """Class probabilities, with a share of them spread over all classes."""
    if not label_smoothing:
        return target
    classes = target.shape[CLASS_AXIS]
    smoothed: Floats = (1.0 - label_smoothing) * target + label_smoothing / classes
    return smoothed


Clip = Annotated[float | None, Interval(0.0, 0.5, low_included=False), If("from_", ("probs",))]


@loss(
    group="classification",
    layout=index_targets,
    checks=(
        Check(rows_are_what_from_says),
        Check(impossible_entries, everywhere=True),
        Check(padding_that_counts, everywhere=True),
        Check(infinite_costs, everywhere=True),
        Check(negative_weights),
    ),
    unit=Unit.NATS,
    picks_if=If("from_", ("log-probs", "probs")),
    temper=_tempered,
)
def nll(
    input: LogProbabilities,
    target: ClassIndices,
    *,
    weight: Weights | None = None,
    ignore_index: Integers = -100,
    from_: Literal["log-probs", "logits", "probs"] = "log-probs",
    clip: Clip = None,
    class_base: ClassBase = 0,
) -> PerElement:
    """Negative log-likelihood of the target class, from log-probabilities.

        -weight[y] · x[y]

    where x is a row of the input and y its target. The mean divides by the sum of weight[y].

    Args:
        input: log-probabilities, (C), (N, C) or (N, C, d1, ..., dK); the class axis is second
        target: class indices from 0 to C-1, (), (N) or (N, d1, ..., dK)
        weight: weight classes by these numbers, (C)
        ignore_index: ignore targets of this class index. Repeat for several
        from_: read the input as log-probabilities, logits or probabilities
        clip: clip probabilities to NUMBER..1-NUMBER
        class_base: count the classes of the target from this number [default: 0, or detected from
            the names of the input's columns]

    Raises:
        DataError: for shapes that do not fit, and targets outside 0..C-1 that are not ignored

    Example:
        >>> import losscli
        >>> losscli.nll([[-0.5, -1.25], [-2.0, -0.25]], [0, 1])
        np.float64(0.375)

    Source: torch.nn.functional.nll_loss
    """
    indices, ignored = class_indices(
        target, input.shape[CLASS_AXIS], ignore_index, class_base, options=_OPTIONS
    )
    if from_ == "logits":
        values = target_cost(input, indices)
    else:
        values = negative_log(pick(input, indices), from_, clip)
    if weight is None:
        return PerElement.without(ignored, values)
    weights = widen(weight)[indices]
    return PerElement.without(ignored, weights * values, weights)


@loss(
    group="classification",
    layout=index_or_probability_targets,
    alias="ce",
    checks=(
        Check(rows_are_what_from_says),
        Check(padding_that_counts, everywhere=True),
        Check(infinite_costs, everywhere=True),
        Check(negative_target_rows),
        Check(negative_weights),
    ),
    unit=Unit.NATS,
    unit_if=If("label_smoothing", (0.0,)),
    temper=_tempered,
)
def cross_entropy(
    input: Logits,
    target: ClassIndices,
    *,
    weight: Weights | None = None,
    ignore_index: Integers = -100,
    label_smoothing: Annotated[float, Interval(0.0, 1.0)] = 0.0,
    from_: Literal["logits", "probs"] = "logits",
    clip: Clip = None,
    class_base: ClassBase = 0,
) -> PerElement:
    """Cross-entropy of logits, for class indices or class probabilities.

        class y: -(1-ε) · weight[y] · log p[y] - ε/C · Σ_c weight[c] · log p[c]
        probabilities q: -Σ_c weight[c] · ((1-ε) · q[c] + ε/C) · log p[c]

    where p = softmax(x) of a row x of the input and ε is the label smoothing. The mean divides
    by the sum of weight[y] for class indices, smoothed or not, and by the number of elements for
    class probabilities, which need not sum to 1.

    Args:
        input: logits, (C), (N, C) or (N, C, d1, ..., dK); the class axis is second
        target: class indices from 0 to C-1, (), (N) or (N, d1, ..., dK); or class
            probabilities of the input's shape
        weight: weight classes by these numbers, (C)
        ignore_index: ignore targets of this class index. Repeat for several
        label_smoothing: spread this share of each target over all classes
        from_: read the input as logits, or as probabilities, which are not renormalised
        clip: clip probabilities to NUMBER..1-NUMBER
        class_base: count the classes of the target from this number [default: 0, or detected from
            the names of the input's columns]

    Raises:
        DataError: for shapes that do not fit, targets outside 0..C-1 that are not ignored, and
            class probabilities with an ignore_index of 0 or more
        UsageError: for a label smoothing outside 0..1

    Example:
        >>> import losscli
        >>> losscli.cross_entropy([[0.0, 0.0], [0.0, 0.0]], [0, 1])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.cross_entropy
    """
    if target.ndim < input.ndim and from_ == "logits" and not label_smoothing:
        return nll(
            input,
            target,
            weight=weight,
            ignore_index=ignore_index,
            from_=from_,
            class_base=class_base,
        )
    costs = negative_log(input, from_, clip)
    class_weights = None if weight is None else along_classes(widen(weight), costs.ndim)
    weighted = costs if class_weights is None else class_weights * costs
    if target.ndim == input.ndim:
        return PerElement(
            _of_probabilities(weighted, widen(target), ignore_index, label_smoothing, from_)
        )
    indices, ignored = class_indices(
        target, input.shape[CLASS_AXIS], ignore_index, class_base, options=_OPTIONS
    )
    values = pick(weighted, indices)
    if label_smoothing:
        spread = mean(weighted, CLASS_AXIS)
        values = (1.0 - label_smoothing) * values + label_smoothing * spread
    weights = None if weight is None else widen(weight)[indices]
    return PerElement.without(ignored, values, weights)


def _of_probabilities(
    weighted: Floats, target: Floats, ignore_index: Integers, label_smoothing: float, kind: str
) -> Floats:
    require_no_class_index(ignore_index)
    target = _smoothed(target, label_smoothing)
    terms = weighted * target
    if kind == "probs":  # 0 · log 0 is 0
        terms = np.where(target == 0.0, 0.0, terms)
    return total(terms, CLASS_AXIS)
