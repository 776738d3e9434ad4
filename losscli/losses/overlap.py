"""Losses computed from the overlap of predictions and targets in the whole data set."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np

from losscli.elements import Floats, PerElement
from losscli.losses.arrays import ClassIndices, Probabilities
from losscli.losses.checks import Check
from losscli.losses.class_checks import negative_target_rows, rows_are_what_from_says
from losscli.losses.indices import class_probabilities
from losscli.losses.layout.classes import index_or_probability_targets
from losscli.losses.numerics import CLASS_AXIS, widen
from losscli.losses.options import ClassBase, Integers, Interval, Options
from losscli.losses.registry import loss
from losscli.losses.softmax import negative_log


def _soft_dice(options: Options, sums: Floats) -> float:
    """The loss from the sums Σpt, Σp and Σt of each class, (3, C)."""
    smooth = options["smooth"]
    assert isinstance(smooth, int | float)
    if options["average"] == "micro":
        return _one_minus_overlap([math.fsum(of_classes) for of_classes in sums.tolist()], smooth)
    each = [_one_minus_overlap(of_class, smooth) for of_class in sums.T.tolist()]
    return math.fsum(each) / len(each)


def _one_minus_overlap(sums: list[float], smooth: float) -> float:
    overlap, predicted, actual = sums
    # 1 - (2·Σpt + smooth) / (Σp + Σt + smooth), without cancellation.
    whole = predicted + actual + smooth
    return (predicted + actual - 2.0 * overlap) / whole if whole else math.nan


@loss(
    group="classification",
    layout=index_or_probability_targets,
    checks=(Check(rows_are_what_from_says), Check(negative_target_rows)),
    reductions=("pooled",),
    pool=_soft_dice,
)
def dice(
    input: Probabilities,
    target: ClassIndices,
    *,
    average: Literal["micro", "macro"] = "micro",
    smooth: Annotated[float, Interval(0.0)] = 1.0,
    ignore_index: Integers = -100,
    from_: Literal["probs", "logits"] = "probs",
    class_base: ClassBase = 0,
) -> PerElement:
    """Soft Dice loss: one minus the overlap of probabilities and targets.

        1 - (2·Σpt + smooth) / (Σp + Σt + smooth)

    where p is the probability of a class and t its target, 1 or 0. The sums run over all elements
    of the data set. With average micro, they also run over all classes. With macro, each class has
    its own sums, and the loss is the mean over classes. There are no per-element losses.

    Args:
        input: probabilities, (C), (N, C) or (N, C, d1, ..., dK); the class axis is second
        target: class indices from 0 to C-1, (), (N) or (N, d1, ..., dK); or probabilities of the
            input's shape
        average: compute one overlap of all classes (micro), or the mean over classes (macro)
        smooth: add this to the numerator and the denominator, so that an absent class costs 0
        ignore_index: ignore targets of this class index. Repeat for several
        from_: read the input as probabilities, or as logits, which softmax normalises
        class_base: count the classes of the target from this number [default: 0, or detected from
            the names of the input's columns]

    Raises:
        DataError: for shapes that do not fit, and targets outside 0..C-1 that are not ignored
        UsageError: for a smooth below 0

    Example:
        >>> import losscli
        >>> losscli.dice([[0.75, 0.25], [0.25, 0.75]], [0, 1], smooth=0.0)
        np.float64(0.25)

    Source: soft Dice of Drozdzal et al., 2016
    Drozdzal et al., The Importance of Skip Connections in Biomedical Image Segmentation, 2016
    """
    p = np.exp(-negative_log(input, from_, None)) if from_ == "logits" else widen(input)
    t, ignored = class_probabilities(
        target, input.shape, ignore_index, class_base, options=("ignore_index", "class_base")
    )
    terms = np.moveaxis(np.stack([p * t, p, t]), 1 + CLASS_AXIS, -1)
    is_number = np.isfinite(terms).all(axis=(0, -1))
    losses = PerElement(np.where(is_number, 0.0, np.nan), terms=terms)
    return losses if ignored is None or not ignored.any() else losses.ignoring(ignored)
