"""The Brier score: squared errors of probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from losscli.elements import Array, Floats, Mask, PerElement
from losscli.errors import ArrayError
from losscli.losses.arrays import ClassIndices, Probabilities
from losscli.losses.checks import Check, Doubt, odd_sums, outside_0_1, rounding, sum_tolerance
from losscli.losses.class_checks import rows_are_what_from_says
from losscli.losses.indices import class_probabilities, ignored_targets, require_no_class_index
from losscli.losses.layout.classes import classes_or_binary
from losscli.losses.numerics import CLASS_AXIS, refuse, softplus, widen
from losscli.losses.options import ClassBase, Integers
from losscli.losses.registry import loss
from losscli.losses.softmax import negative_log
from losscli.losses.summing import total


def _are_distributions(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report rows of the input or of the target that are not probabilities of classes. Raises
    ArrayError if each column may be a prediction, or a label, of its own."""
    x, target = blocks["input"], blocks["target"]
    if x.ndim == 1:
        return
    for doubt in rows_are_what_from_says(blocks, options, losses):
        if doubt.kind == "sums of input" and x.shape[CLASS_AXIS] == 2:
            raise _ambiguous(doubt, "Use -i with one column if each column predicts class 1")
        yield doubt
    if target.ndim == x.ndim:
        outside = outside_0_1(target)
        refuse(outside, "target", target, "a probability from 0 to 1, or one class per element")
        tolerance = sum_tolerance(target, target.shape[CLASS_AXIS])
        for doubt in odd_sums("target", widen(target), CLASS_AXIS, tolerance=tolerance):
            if np.all((target == 0) | (target == 1)):
                raise _ambiguous(doubt, "Use losscli mse if each column is a 0/1 label of its own")
            yield doubt


def _ambiguous(doubt: Doubt, advice: str) -> ArrayError:
    problem = f"{doubt.problem}. {advice}, or --no-check if rows contain class probabilities."
    return ArrayError(doubt.array, problem, doubt.position)


@loss(
    group="classification",
    layout=classes_or_binary,
    checks=(Check(_are_distributions),),
)
def brier(
    input: Probabilities,
    target: ClassIndices,
    *,
    scale_by_half: bool | None = None,
    ignore_index: Integers = -100,
    from_: Literal["probs", "logits", "log-probs"] = "probs",
    class_base: ClassBase = 0,
) -> PerElement:
    """Brier score: squared error of probabilities, summed over classes.

        s · Σ_c (p[c] - q[c])²

    where p is a row of the input and q is 1 for the target class and 0 for other classes, or the
    target's probabilities. The factor s is 1/2 for two classes and 1 for more. For the probability
    p of class 1, the score is (p - y)².

    Args:
        input: probabilities, (N, C) or (N, C, d1, ..., dK) with the class axis second; or (N), the
            probability of class 1
        target: class indices from 0 to C-1, (N) or (N, d1, ..., dK); or class probabilities of the
            input's shape; for an input (N), 0, 1 or probabilities
        scale_by_half: divide the sum over classes by 2 [default: only for two classes]
        ignore_index: ignore targets of this class index. Repeat for several
        from_: read the input as probabilities, which are not renormalised, logits or
            log-probabilities
        class_base: count the classes of the target from this number [default: 0, or detected from
            the names of the input's columns]

    Raises:
        DataError: for shapes that do not fit, targets outside 0..C-1 that are not ignored, class
            probabilities with an ignore_index of 0 or more, and an input (N) outside 0..1

    Example:
        >>> import losscli
        >>> losscli.brier([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], [0, 1])
        np.float64(0.1875)
        >>> losscli.brier([0.5, 1.0], [0, 1])
        np.float64(0.125)

    Source: sklearn.metrics.brier_score_loss
    https://scikit-learn.org/stable/modules/generated/sklearn.metrics.brier_score_loss.html
    Brier, Verification of Forecasts Expressed in Terms of Probability, 1950
    """
    ignored: Mask | None
    if input.ndim == 1:
        classes = 2
        ignored = ignored_targets(target, ignore_index)
        q = _probability_of_1(target, class_base, ignored)
        _require_probabilities(input, from_, ignored)
        squares = 2.0 * np.square(_errors(input, from_, q))  # class 0 has the same error
    else:
        classes = input.shape[CLASS_AXIS]
        if target.ndim == input.ndim:
            require_no_class_index(ignore_index)
        q, ignored = class_probabilities(
            target, input.shape, ignore_index, class_base, options=("ignore_index", "class_base")
        )
        squares = total(np.square(_errors(input, from_, q)), CLASS_AXIS)
    is_half = classes == 2 if scale_by_half is None else scale_by_half
    values = 0.5 * squares if is_half else squares
    return PerElement(values) if ignored is None else PerElement.without(ignored, values)


def _probability_of_1(target: Array, class_base: int, ignored: Mask) -> Floats:
    """The probability of class 1 from labels or probabilities. Raises ArrayError if it is outside
    0..1."""
    y = widen(target) - class_base
    expected = f"{class_base}, {class_base + 1} or a number between"
    advice = "Use --class-base for other labels, or --ignore-index to ignore this one."
    refuse(outside_0_1(y) & ~ignored, "target", target, f"{expected}. {advice}")
    return y


def _require_probabilities(x: Array, kind: str, ignored: Mask) -> None:
    """Raise ArrayError for a probability outside 0..1, or a log-probability above 0."""
    if kind == "probs":
        advice = "For logits, use --from logits. Divide percentages by 100."
        refuse(outside_0_1(x) & ~ignored, "input", x, f"a probability from 0 to 1. {advice}")
    elif kind == "log-probs":
        advice = "Use --from probs or --from logits for other values."
        refuse((x > rounding(x)) & ~ignored, "input", x, f"a log-probability, at most 0. {advice}")


def _errors(x: Array, kind: str, q: Floats) -> Floats:
    """p - q, at full precision even if p is almost 0 or almost 1.

    If p is computed, so is 1-p. For q above 1/2, (1-q) - (1-p) does not lose the digits of 1-p.
    """
    if kind == "probs":
        return widen(x) - q
    is_binary = x.ndim == 1
    costs = softplus(-widen(x)) if kind == "logits" and is_binary else negative_log(x, kind, None)
    p, others = np.exp(-costs), -np.expm1(-costs)
    result: Floats = np.where(q > 0.5, (1.0 - q) - others, p - q)
    return result
