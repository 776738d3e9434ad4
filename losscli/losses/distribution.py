"""Losses of distributions, from log-probabilities or from parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np

from losscli.elements import REDUCTIONS, Array, Floats, Mask, PerElement
from losscli.errors import ArrayError
from losscli.losses.arrays import (
    Counts,
    LogCounts,
    LogProbabilities,
    Numbers,
    Probabilities,
    Variances,
)
from losscli.losses.checks import INFINITE, Check, Doubt, first, odd_sums, rounding, sum_tolerance
from losscli.losses.layout.distributions import distributions, with_variance
from losscli.losses.layout.elementwise import broadcasting
from losscli.losses.numerics import refuse, widen
from losscli.losses.options import If, Interval
from losscli.losses.registry import loss
from losscli.losses.softmax import negative_log
from losscli.losses.summing import total

Kind = Literal["log-probs", "logits", "probs"]

# Logits are normalised along the last axis of a block.
_CLASSES = -1


def _are_distributions(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report rows whose probabilities do not sum to 1. Raises ArrayError for values that cannot be
    probabilities or log-probabilities."""
    kinds = {"input": options["from_"], "target": _target_kind(options)}
    for name, kind in kinds.items():
        x = blocks[name]
        wrong = _impossible(x, kind)
        if wrong.any():
            at = first(wrong)
            flag = "--from" if name == "input" else "--target-from"
            others = [f"{flag} {other}" for other in ("log-probs", "probs", "logits")]
            choices = [other for other in others if not other.endswith(f" {kind}")]
            raise ArrayError(
                name,
                f"is {x[at]}; expected {_RANGES[kind]}. Use {' or '.join(choices)} for other "
                "values, or --no-check to skip this check.",
                at,
            )
        if kind in _RANGES:
            yield from _odd_rows(name, x, kind)


def _odd_rows(name: str, x: Array, kind: str) -> Iterator[Doubt]:
    """Report rows of `x` if their probabilities do not sum to 1 along any axis but the first.

    A block of a single row is not checked, because the row may be incomplete.
    """
    if x.ndim < 2 or len(x) < 2 or x.size == 0:
        return
    p = np.exp(widen(x)) if kind == "log-probs" else widen(x)
    doubts: list[Doubt] = []
    for axis in range(1, x.ndim):
        tolerance = sum_tolerance(x, 1 if kind == "log-probs" else x.shape[axis])
        doubts = list(odd_sums(name, p, axis, tolerance=tolerance))
        if not doubts:
            return
    yield from doubts


_RANGES = {
    "log-probs": "a log-probability, at most 0",
    "probs": "a probability, from 0 to 1",
}


def _impossible(x: Array, kind: str) -> Mask:
    if kind == "log-probs":
        return x > rounding(x)
    if kind == "probs":
        return (x < -rounding(x)) | (x > 1.0 + rounding(x))
    return np.zeros(x.shape, dtype=np.bool_)


def _infinite(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report probabilities of 0 whose target is not 0."""
    infinite = np.isposinf(losses.values)
    if options["from_"] == "probs" and infinite.any():
        yield Doubt(
            INFINITE,
            "input",
            "is 0 where the target is not, which makes the loss infinite",
            first(infinite) if infinite.shape == blocks["input"].shape else None,
            int(np.count_nonzero(infinite)),
            "Use --clip EPS to clip probabilities to EPS..1-EPS.",
        )


@loss(
    group="classification",
    layout=distributions,
    reductions=(*REDUCTIONS, "batchmean"),
    checks=(Check(_are_distributions), Check(_infinite, everywhere=True)),
)
def kl_div(
    input: LogProbabilities,
    target: Probabilities,
    *,
    log_target: bool = False,
    from_: Kind = "log-probs",
    target_from: Annotated[Kind | None, If("log_target", (False,))] = None,
    clip: Annotated[
        float | None, Interval(0.0, 0.5, low_included=False), If("from_", ("probs",))
    ] = None,
) -> PerElement:
    """Kullback-Leibler divergence KL(target || input).

        p · (log p - x)

    where x is the input (a log-probability) and p is the target (a probability). The loss is 0
    where p is 0. The mean divides by the number of elements, classes included. batchmean divides by
    the number of samples, which gives the divergence.

    Args:
        input: log-probabilities, any shape
        target: probabilities, from 0 to 1, of a shape that broadcasts with the input's
        log_target: read the target as log-probabilities
        from_: read the input as log-probabilities, logits or probabilities
        target_from: read the target as log-probabilities, logits or probabilities [default:
            probs]
        clip: clip the input's probabilities to NUMBER..1-NUMBER

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.kl_div([[-0.6931471805599453] * 2], [[1.0, 0.0]], reduction="batchmean")
        np.float64(0.6931471805599453)

    Source: torch.nn.functional.kl_div
    """
    kind = _target_kind({"log_target": log_target, "target_from": target_from})
    x = -negative_log(input, from_, clip, _CLASSES)
    if kind == "log-probs":
        log_p = widen(target)
        return PerElement(np.exp(log_p) * (log_p - x))
    log_p = -negative_log(target, kind, None, _CLASSES)
    p = widen(target) if kind == "probs" else np.exp(log_p)
    ratio = log_p - x
    if from_ == kind == "logits":
        ratio = _close_ratio(widen(target) - widen(input), x, ratio)
    # 0 · log 0 is 0, but an infinite x gives NaN, as in PyTorch.
    return PerElement(np.where(p == 0.0, 0.0 - p * x, p * ratio))


def _close_ratio(d: Floats, log_q: Floats, ratio: Floats) -> Floats:
    """log p - log q, at full precision even if the two distributions are almost equal.

    With d the difference between the logits of p and of q,

        d - log Σ_c q[c] · exp(d[c]) = d - log1p(Σ_c q[c] · (exp(d[c]) - 1))

    in which only numbers of the size of d cancel, not numbers of the size of log p. For rows with
    a large d, the result is `ratio`.
    """
    close = np.all(np.abs(d) < 1.0, axis=_CLASSES, keepdims=True)
    shift = np.log1p(total(np.exp(log_q) * np.expm1(d), _CLASSES))
    return np.where(close, d - np.expand_dims(shift, _CLASSES), ratio)


def _target_kind(options: Mapping[str, Any]) -> str:
    return options["target_from"] or ("log-probs" if options["log_target"] else "probs")


@loss(group="regression", layout=broadcasting)
def poisson_nll(
    input: LogCounts,
    target: Counts,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
) -> PerElement:
    """Poisson negative log-likelihood of counts.

        exp(x) - y · x, or x - y · log(x + eps) without log_input

    where x is the input (the logarithm of the expected count) and y is the target. With full,
    Stirling's y · log y - y + log(2πy)/2 is added where y > 1.

    Args:
        input: logarithms of expected counts, any shape
        target: counts, of a shape that broadcasts with the input's
        log_input: read the input as logarithms
        full: add the terms that do not depend on the input
        eps: add this to the input before its logarithm is taken

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.poisson_nll([0.0, 0.0], [0, 3])
        np.float64(1.0)

    Source: torch.nn.functional.poisson_nll_loss
    """
    x, y = widen(input), widen(target)
    values = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    return PerElement(values + _stirling(y) if full else values)


def _stirling(y: Floats) -> Floats:
    approximation = y * np.log(y) - y + 0.5 * np.log(2.0 * math.pi * y)
    return np.where(y > 1.0, approximation, 0.0)


@loss(group="regression", layout=with_variance)
def gaussian_nll(
    input: Numbers, target: Numbers, var: Variances, *, full: bool = False, eps: float = 1e-6
) -> PerElement:
    """Gaussian negative log-likelihood of targets, with predicted variances.

        (log v + (x - y)²/v) / 2 with v = max(var, eps)

    where x is the input (the expected value) and y is the target. With full, log(2π)/2 is added.

    Args:
        input: expected values, any shape
        target: numbers, of a shape that broadcasts with the input's
        var: variances, at least 0: one number, or an array of the input's shape, which may lack
            the last axis or have one axis of size 1
        full: add the term that does not depend on the input
        eps: raise smaller variances to this number

    Raises:
        DataError: for shapes that do not fit, and negative variances

    Example:
        >>> import losscli
        >>> losscli.gaussian_nll([1.0, 2.0], [1.0, 4.0], [1.0, 1.0])
        np.float64(1.0)

    Source: torch.nn.functional.gaussian_nll_loss
    """
    refuse(var < 0, "var", var, "a variance, at least 0")
    v = np.maximum(widen(var), eps)
    values = 0.5 * (np.log(v) + np.square(widen(input) - widen(target)) / v)
    return PerElement(values + 0.5 * math.log(2.0 * math.pi) if full else values)
