"""Losses of binary targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import numpy as np

from losscli.elements import Array, Floats, PerElement
from losscli.losses.arrays import Logits, Probabilities, Weights
from losscli.losses.checks import (
    Check,
    Doubt,
    first,
    negative_weights,
    outside_0_1,
    yes_or_no_targets,
)
from losscli.losses.class_checks import USE_CLIP
from losscli.losses.layout.classes import class_rows
from losscli.losses.layout.elementwise import same_shape
from losscli.losses.numerics import power, refuse, softplus_of_both, widen
from losscli.losses.options import Interval
from losscli.losses.registry import loss
from losscli.losses.softmax import clipped
from losscli.losses.summing import mean
from losscli.losses.tempered import BinaryLogits, sigmoids

# PyTorch clamps each logarithm of bce to this value.
LOWEST_LOG = -100.0

_USE_LOGITS = "For logits, use losscli bce-with-logits. Divide percentages by 100."


def _clamped(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report probabilities of exactly 0 or 1 whose target is different."""
    x, y = blocks["input"], blocks["target"]
    clamped = ((x == 0) & (y > 0)) | ((x == 1) & (y < 1))
    if options["clip"] is None and clamped.any():
        at = first(clamped)
        yield Doubt(
            "clamped",
            "input",
            f"is exactly {x[at]:g} where the target is {y[at]:g}; its logarithm is clamped to "
            "-100, as in PyTorch",
            at,
            int(np.count_nonzero(clamped)),
            USE_CLIP,
        )


def _tempered_probabilities(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    clip: float | None = None,
) -> BinaryLogits:
    """The loss of probabilities as a function of the temperature of their logits."""
    log_no, log_yes = _logarithms(widen(input), clip)
    logits = _tempered(log_yes - log_no, target, weight=weight)
    return replace(logits, p=clipped(widen(input), clip))


def _tempered(
    input: Array, target: Array, *, weight: Array | None = None, pos_weight: Array | None = None
) -> BinaryLogits:
    """The loss of logits as a function of the temperature."""
    y = widen(target)
    no, yes = 1.0 - y, y
    if pos_weight is not None:
        yes = widen(pos_weight) * yes
    if weight is not None:
        no, yes = widen(weight) * no, widen(weight) * yes
    return BinaryLogits(widen(input), no, yes, y)


def _logarithms(p: Floats, clip: float | None) -> tuple[Floats, Floats]:
    """log(1-p) and log p, each at least -100."""
    x = clipped(p, clip)
    return np.maximum(np.log1p(-x), LOWEST_LOG), np.maximum(np.log(x), LOWEST_LOG)


@loss(
    group="classification",
    layout=same_shape,
    checks=(Check(_clamped, everywhere=True),),
    input_kind="probs",
    is_binary=True,
    temper=_tempered_probabilities,
)
def bce(
    input: Probabilities,
    target: Probabilities,
    *,
    weight: Weights | None = None,
    clip: Annotated[float | None, Interval(0.0, 0.5, low_included=False)] = None,
) -> PerElement:
    """Binary cross-entropy of probabilities.

        -weight · (y · log x + (1-y) · log(1-x))

    where x is the input, y the target and each logarithm is at least -100. The mean divides by
    the number of elements, whatever the weights.

    Args:
        input: probabilities of class 1, from 0 to 1, any shape
        target: 0, 1 or probabilities, in the input's shape
        weight: weight elements by these numbers, which broadcast to the input's shape
        clip: clip the input to NUMBER..1-NUMBER, as scikit-learn's log_loss does

    Raises:
        DataError: for shapes that do not fit, and an input or target outside 0..1

    Example:
        >>> import losscli
        >>> losscli.bce([0.5, 0.5], [0, 1])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.binary_cross_entropy
    """
    expected = "a probability from 0 to 1"
    refuse(outside_0_1(input), "input", input, f"{expected}. {_USE_LOGITS}")
    refuse(outside_0_1(target), "target", target, expected)
    y = widen(target)
    log_no, log_yes = _logarithms(widen(input), clip)
    values = (y - 1.0) * log_no - y * log_yes
    return PerElement(values if weight is None else widen(weight) * values)


def _probabilities(
    blocks: Mapping[str, Array],
    options: Mapping[str, Any],
    losses: PerElement,
    *,
    advice: str = "",
) -> Iterator[Doubt]:
    """Report inputs that are all from 0 to 1, unless there are too few to exclude chance."""
    x = blocks["input"]
    if x.size >= _ENOUGH and not outside_0_1(x).any():
        yield Doubt(
            "probabilities",
            "input",
            "looks like probabilities (all values are between 0 and 1) but is treated as logits",
            advice=advice,
        )


# This many logits are not all within 0..1 by chance: of standard normal logits, one in three is.
_ENOUGH = 32


_USE_BCE = "If they are probabilities, use losscli bce."


@loss(
    group="classification",
    layout=same_shape,
    checks=(Check(yes_or_no_targets), Check(partial(_probabilities, advice=_USE_BCE))),
    input_kind="logits",
    is_binary=True,
    temper=_tempered,
)
def bce_with_logits(
    input: Logits,
    target: Probabilities,
    *,
    weight: Weights | None = None,
    pos_weight: Weights | None = None,
) -> PerElement:
    """Binary cross-entropy of the sigmoid of logits.

        weight · (pos_weight · y · log(1 + exp(-x)) + (1-y) · log(1 + exp(x)))

    where x is the input and y the target. The mean divides by the number of elements, whatever
    the weights.

    Args:
        input: logits, any shape
        target: 0, 1 or probabilities, in the input's shape
        weight: weight elements by these numbers, which broadcast to the input's shape
        pos_weight: weight class 1 by these numbers, which broadcast to the input's shape

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.bce_with_logits([0.0, 0.0], [0, 1])
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.binary_cross_entropy_with_logits
    """
    x, y = widen(input), widen(target)
    values = _cost(x, y, None if pos_weight is None else widen(pos_weight))
    return PerElement(values if weight is None else widen(weight) * values)


def _cost(x: Floats, y: Floats, pos_weight: Floats | None = None) -> Floats:
    """The binary cross-entropy of logits x, targets y and weights p of class 1.

    PyTorch's formula, (1-y)·x + (1 + (p-1)·y)·log(1 + exp(-x)), is mathematically equal. It cancels
    if x is very negative: at x = -50 and y = 0 it gives 0 instead of 1.9e-22.
    """
    cost_of_no, cost_of_yes = softplus_of_both(x)
    yes = y * cost_of_yes
    if pos_weight is not None:
        yes = pos_weight * yes
    values = yes + (1.0 - y) * cost_of_no
    return np.where(np.isneginf(x), np.nan, values)  # PyTorch's formula gives -inf + inf


@loss(
    group="classification",
    layout=same_shape,
    alias="sigmoid-focal",
    checks=(Check(yes_or_no_targets), Check(_probabilities)),
    input_kind="logits",
    is_binary=True,
)
def focal(
    input: Logits,
    target: Probabilities,
    *,
    alpha: Annotated[float | None, Interval(0.0, 1.0)] = 0.25,
    gamma: Annotated[float, Interval(0.0)] = 2.0,
) -> PerElement:
    """Binary cross-entropy of logits, with less weight on well-predicted elements.

        a · (1 - q)^gamma · (y · log(1 + exp(-x)) + (1-y) · log(1 + exp(x)))

    where x is the input, y the target, p = 1/(1 + exp(-x)), q = y · p + (1-y) · (1-p) and
    a = alpha · y + (1-alpha) · (1-y), or 1 without alpha. The mean divides by the number of
    elements.

    Args:
        input: logits, any shape
        target: 0, 1 or probabilities, in the input's shape
        alpha: weight class 1 by alpha and class 0 by 1 - alpha; none for no weights (-1 in
            torchvision)
        gamma: reduce the weight of well-predicted elements with this exponent; 0 does not reduce it

    Raises:
        DataError: for shapes that do not fit
        UsageError: for an alpha outside 0..1, and a gamma below 0

    Example:
        >>> import losscli
        >>> losscli.focal([0.0, 0.0], [0, 1], alpha=None)
        np.float64(0.17328679513998632)

    Source: torchvision.ops.sigmoid_focal_loss
    https://pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html
    Lin et al., Focal Loss for Dense Object Detection, ICCV 2017
    """
    x, y = widen(input), widen(target)
    # 1 - q = y · (1-p) + (1-y) · p. torchvision subtracts q from 1, which loses probabilities below
    # 1e-16.
    p_of_no, p_of_yes = sigmoids(x)
    values = power(y * p_of_no + (1.0 - y) * p_of_yes, gamma) * _cost(x, y)
    if alpha is not None:
        values = (alpha * y + (1.0 - alpha) * (1.0 - y)) * values
    return PerElement(values)


@loss(
    group="classification",
    layout=class_rows,
    checks=(Check(yes_or_no_targets), Check(negative_weights)),
    input_kind="logits",
)
def multilabel_soft_margin(
    input: Logits, target: Probabilities, *, weight: Weights | None = None
) -> PerElement:
    """Binary cross-entropy of logits, averaged over the classes of a row.

        1/C · Σ_c weight[c] · (y[c] · log(1 + exp(-x[c])) + (1-y[c]) · log(1 + exp(x[c])))

    where x is a row of the input and y a row of the target. The mean divides by the number of
    rows, whatever the weights.

    Args:
        input: logits, (..., C)
        target: 0, 1 or probabilities, in the input's shape
        weight: weight classes by these numbers, (C) or a shape that broadcasts to the input's

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
    return PerElement(mean(values, -1))
