"""Losses of sequences. Blocks are whole sequences: log_probs (n, T, C), targets (n, S)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from losscli.elements import Array, Floats, PerElement
from losscli.errors import ArrayError
from losscli.losses.arrays import ClassIndices, Lengths, LogProbabilities
from losscli.losses.checks import INFINITE, Check, Doubt, first, odd_sums, rounding, sum_tolerance
from losscli.losses.class_checks import USE_FROM_LOGITS
from losscli.losses.indices import class_indices
from losscli.losses.layout.sequences import sequences
from losscli.losses.numerics import refuse, widen
from losscli.losses.registry import loss
from losscli.losses.softmax import negative_log

_CLASSES = 2


def _are_log_probabilities(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report steps whose probabilities do not sum to 1. Raises ArrayError for log-probabilities
    above 0."""
    x = blocks["log_probs"]
    if options["from_"] != "log-probs":
        return
    counted = np.arange(x.shape[1]) < blocks["input_lengths"][:, np.newaxis]
    above = counted[..., np.newaxis] & (x > rounding(x))
    if above.any():
        at = first(above)
        raise ArrayError(
            "log_probs",
            f"is {x[at]}; expected log-probabilities, which are at most 0. Use --from logits for "
            "logits, --from probs for probabilities, or --no-check to skip this check.",
            at,
        )
    yield from odd_sums(
        "log_probs",
        np.exp(widen(x)),
        _CLASSES,
        tolerance=sum_tolerance(x, 1),
        advice=USE_FROM_LOGITS,
        counted=counted,
    )


def _blanks_in_targets(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report targets that contain the blank as a label."""
    targets, lengths = blocks["targets"], blocks["target_lengths"]
    inside = np.arange(targets.shape[1]) < lengths[:, np.newaxis]
    blanks = inside & (targets == options["blank"])
    if blanks.any():
        yield Doubt(
            "blanks",
            "targets",
            f"is {options['blank']}, which is the blank and cannot be a label",
            first(blanks),
            int(np.count_nonzero(blanks)),
            "Set the blank with --blank, or check the target lengths.",
        )


def _infinite(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report infinite losses, such as those of targets that are too long for their steps."""
    infinite = np.isposinf(losses.values)
    if infinite.any():
        yield Doubt(
            INFINITE,
            "targets",
            "begins a target that is too long for the steps of its input, which makes the loss "
            "infinite",
            (*first(infinite), 0),
            int(np.count_nonzero(infinite)),
            "Use --zero-infinity to count infinite losses as 0.",
        )


@loss(
    group="ranking",
    layout=sequences,
    checks=(
        Check(_are_log_probabilities),
        Check(_blanks_in_targets),
        Check(_infinite, everywhere=True),
    ),
)
def ctc(
    log_probs: LogProbabilities,
    targets: ClassIndices,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    blank: int = 0,
    zero_infinity: bool = False,
    from_: Literal["log-probs", "logits", "probs"] = "log-probs",
) -> PerElement:
    """Connectionist temporal classification of unaligned label sequences.

        -log Σ_a Π_t p[t, a[t]]

    where p[t, c] is the probability of class c at step t, and a is an alignment: a class for each
    step, which gives the target after repeated classes are merged and blanks are removed. The mean
    first divides each loss by the length of its target, or by 1 if the target is empty.

    Args:
        log_probs: log-probabilities of the classes at each step, (T, N, C) or (T, C)
        targets: class indices, (N, S) or (S), or the class indices of all samples concatenated
        input_lengths: the number of steps of each sample, at most T, (N) or one number for all
        target_lengths: the number of labels of each sample, at most S, (N) or one number for all
        blank: use this class index as the blank
        zero_infinity: count 0 instead of an infinite loss, such as for a target that is too long
        from_: read log_probs as log-probabilities, logits or probabilities

    Raises:
        DataError: for shapes that do not fit, lengths out of range, and targets outside 0..C-1

    Example:
        >>> import numpy as np, losscli
        >>> losscli.ctc(np.log(np.full((2, 1, 2), 0.5)), [[1]], [2], [1])
        np.float64(0.2876820724517809)

    Source: torch.nn.functional.ctc_loss
    Graves et al., Connectionist Temporal Classification, ICML 2006
    """
    samples, steps, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise ArrayError("log_probs", f"has classes 0 to {classes - 1}, but --blank is {blank}")
    times = _lengths(input_lengths, "input_lengths", steps, samples)
    lengths = _lengths(target_lengths, "target_lengths", targets.shape[1], samples)
    inside = np.arange(targets.shape[1]) < lengths[:, np.newaxis]
    labels, _ = class_indices(np.where(inside, targets, 0), classes, name="targets")
    x = -negative_log(log_probs, from_, None, _CLASSES)
    values = 0.0 - _log_likelihood(x, labels, times, lengths, blank)
    if zero_infinity:
        values = np.where(np.isposinf(values), 0.0, values)
    return PerElement(values, scale=1.0 / np.maximum(lengths, 1))


def _lengths(
    array: Array, name: str, most: int, samples: int
) -> np.ndarray[Any, np.dtype[np.intp]]:
    refuse(
        ~((array >= 0) & (array <= most) & (array == np.floor(array))),
        name,
        array,
        f"a length from 0 to {most}",
    )
    return np.broadcast_to(array.astype(np.intp), (samples,))


def _log_likelihood(x: Floats, labels: Array, times: Array, lengths: Array, blank: int) -> Floats:
    """log Σ_a Π_t exp(x[t, a[t]]) by the forward recursion, for all samples of a block at once.

    The path is blank, label, blank, label, ..., blank. A step stays, advances by one, or advances
    by two if that skips a blank between two different labels.
    """
    samples, steps, _ = x.shape
    path = np.full((samples, 2 * labels.shape[1] + 1), blank)
    path[:, 1::2] = labels
    skips = np.zeros(path.shape, dtype=np.bool_)
    skips[:, 2:] = path[:, 2:] != path[:, :-2]
    # Two extra entries precede the path. The first step is at the first blank or the first label.
    forward = np.full((samples, path.shape[1] + 2), -np.inf)
    reached = forward[:, 2:]
    for t in range(steps):
        if t == 0:
            arriving = np.where(np.arange(path.shape[1]) < 2, 0.0, -np.inf)
        else:
            by_two = np.where(skips, forward[:, :-2], -np.inf)
            arriving = _log_sum_exp(reached, forward[:, 1:-1], by_two)
        stepped = arriving + np.take_along_axis(x[:, t], path, axis=1)
        reached[...] = np.where((t < times)[:, np.newaxis], stepped, reached)
    return np.where(times > 0, _ends(reached, lengths), np.where(lengths > 0, -np.inf, 0.0))


def _ends(reached: Floats, lengths: Array) -> Floats:
    """The log-likelihood of paths that end at the last label or at the blank after it."""
    last = 2 * lengths[:, np.newaxis]
    at_blank = np.take_along_axis(reached, last, axis=1)[:, 0]
    at_label = np.take_along_axis(reached, np.maximum(last - 1, 0), axis=1)[:, 0]
    at_label = np.where(lengths > 0, at_label, -np.inf)
    return _log_sum_exp(at_blank, at_label, np.full_like(at_label, -np.inf))


def _log_sum_exp(a: Floats, b: Floats, c: Floats) -> Floats:
    """log(exp a + exp b + exp c); -inf if all are -inf, NaN if one is NaN or +inf."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    largest, middle = np.maximum(high, c), np.maximum(low, np.minimum(high, c))
    smallest = np.minimum(low, c)
    # The largest term, which is 1, stays out of the sum, so that the others keep their digits.
    base = np.where(np.isneginf(largest), 0.0, largest)
    others = np.exp(middle - base) + np.exp(smallest - base) + (base - base)
    result: Floats = largest + np.log1p(others)
    return result
