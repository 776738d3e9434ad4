"""Losses of yes-or-no targets, element by element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np

from losscli.elements import PerElement
from losscli.losses.checks import (
    Check,
    Doubt,
    first,
    negative_weights,
    outside_0_1,
    yes_or_no_targets,
)
from losscli.losses.layout import class_rows, same_shape
from losscli.losses.numerics import clipped, refuse, softplus_of_both, widen
from losscli.losses.registry import Array, Interval, loss

# PyTorch holds each logarithm of bce at this or above.
LOWEST_LOG = -100.0


def _held(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Probabilities of exactly 0 or 1 where the target differs."""
    x, y = blocks["input"], blocks["target"]
    held = ((x == 0) & (y > 0)) | ((x == 1) & (y < 1))
    if options["clip"] is None and held.any():
        at = first(held)
        yield Doubt(
            "held",
            "input",
            f"is exactly {x[at]:g} where the target is {y[at]:g}: its logarithm is held at -100, "
            "as in PyTorch; --clip EPS holds probabilities within EPS..1-EPS, as scikit-learn's "
            "log_loss does",
            at,
            int(np.count_nonzero(held)),
        )


@loss(layout=same_shape, checks=(Check(_held, everywhere=True),), input_kind="probs")
def bce(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    clip: Annotated[float | None, Interval(0.0, 0.5, low_included=False)] = None,
) -> PerElement:
    """Binary cross-entropy of probabilities.

        -weight · (y · log x + (1-y) · log(1-x))

    where x is the input, y the target and each logarithm is at least -100. The mean divides by
    the number of elements, whatever the weights.

    Args:
        input: probabilities of the class 1, from 0 to 1, any shape
        target: 0, 1 or probabilities, from 0 to 1, the input's shape
        weight: a weight for each element, of a shape that broadcasts to the input's
        clip: hold the input within clip..1-clip, as scikit-learn's log_loss does

    Raises:
        DataError: for shapes that do not fit, and an input or target outside 0..1

    Example:
        >>> import losscli
        >>> losscli.bce([0.5, 0.5], [0, 1])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.binary_cross_entropy
    """
    expected = "a probability from 0 to 1"
    refuse(outside_0_1(input), "input", input, f"{expected}; bce-with-logits takes logits")
    refuse(outside_0_1(target), "target", target, expected)
    x, y = clipped(widen(input), clip), widen(target)
    log_yes = np.maximum(np.log(x), LOWEST_LOG)
    log_no = np.maximum(np.log1p(-x), LOWEST_LOG)
    values = (y - 1.0) * log_no - y * log_yes
    return PerElement(values if weight is None else widen(weight) * values)


def _probabilities(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Nothing but numbers from 0 to 1, of which logits are few: 1 in 3 of a standard normal."""
    x = blocks["input"]
    if x.size >= _ENOUGH and not outside_0_1(x).any():
        yield Doubt(
            "probabilities",
            "input",
            "holds nothing but numbers from 0 to 1, as probabilities do, and is taken for logits; "
            "the command bce takes probabilities",
        )


# Numbers of which it is no accident that all lie within 0..1.
_ENOUGH = 32


@loss(
    layout=same_shape,
    checks=(Check(yes_or_no_targets), Check(_probabilities)),
    input_kind="logits",
)
def bce_with_logits(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    pos_weight: Array | None = None,
) -> PerElement:
    """Binary cross-entropy of the sigmoid of logits.

        weight · (pos_weight · y · log(1 + exp(-x)) + (1-y) · log(1 + exp(x)))

    where x is the input and y the target. The mean divides by the number of elements, whatever
    the weights.

    Args:
        input: logits, any shape
        target: 0, 1 or probabilities, from 0 to 1, the input's shape
        weight: a weight for each element, of a shape that broadcasts to the input's
        pos_weight: a weight for the class 1, of a shape that broadcasts to the input's

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.bce_with_logits([0.0, 0.0], [0, 1])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.binary_cross_entropy_with_logits
    """
    x, y = widen(input), widen(target)
    # PyTorch's form, (1-y)·x + (1 + (p-1)·y)·log(1 + exp(-x)), is the same number but cancels
    # where x is very negative: at x = -50, y = 0 it gives 0 instead of 1.9e-22.
    cost_of_no, cost_of_yes = softplus_of_both(x)
    yes = y * cost_of_yes
    if pos_weight is not None:
        yes = widen(pos_weight) * yes
    values = yes + (1.0 - y) * cost_of_no
    values = np.where(np.isneginf(x), np.nan, values)  # as PyTorch's form: -inf + inf
    return PerElement(values if weight is None else widen(weight) * values)


@loss(
    layout=class_rows,
    checks=(Check(yes_or_no_targets), Check(negative_weights)),
    input_kind="logits",
)
def multilabel_soft_margin(
    input: Array, target: Array, *, weight: Array | None = None
) -> PerElement:
    """Binary cross-entropy of logits, averaged over the classes of a row.

        1/C · Σ_c weight[c] · (y[c] · log(1 + exp(-x[c])) + (1-y[c]) · log(1 + exp(x[c])))

    where x is a row of the input and y of the target. The mean divides by the number of rows,
    whatever the weights.

    Args:
        input: logits, (..., C)
        target: 0, 1 or probabilities, from 0 to 1, the input's shape
        weight: a weight for each class, (C), or of another shape that broadcasts to the input's

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.multilabel_soft_margin([[0.0, 0.0]], [[0, 1]])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.multilabel_soft_margin_loss
    """
    x, y = widen(input), widen(target)
    cost_of_no, cost_of_yes = softplus_of_both(x)
    values = y * cost_of_yes + (1.0 - y) * cost_of_no
    if weight is not None:
        values = widen(weight) * values
    return PerElement(values.sum(axis=-1) / input.shape[-1])
