"""Losses of sequences. Blocks are whole sequences: log_probs (n, T, C), targets (n, S)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from losscli.elements import Array, Floats, PerElement
from losscli.errors import ArrayError
from losscli.losses.arrays import ClassIndices, Lengths, LogProbabilities
from losscli.losses.checks import INFINITE, Check, Doubt, first, odd_sums, rounding, sum_tolerance
from losscli.losses.indices import class_indices
from losscli.losses.layout.sequences import sequences
from losscli.losses.numerics import refuse, widen
from losscli.losses.registry import loss
from losscli.losses.softmax import negative_log

_CLASSES = 2


def _are_log_probabilities(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Log-probabilities are at most 0, and those of a step sum to 1 as probabilities."""
    x = blocks["log_probs"]
    if options["from_"] != "log-probs":
        return
    counted = np.arange(x.shape[1]) < blocks["input_lengths"][:, np.newaxis]
    above = counted[..., np.newaxis] & (x > rounding(x))
    if above.any():
        at = first(above)
        raise ArrayError(
            "log_probs",
            f"is {x[at]}; expected log-probabilities, which are at most 0; --from logits takes "
            "logits, --from probs probabilities, and --no-check anything",
            at,
        )
    yield from odd_sums(
        "log_probs",
        np.exp(widen(x)),
        _CLASSES,
        tolerance=sum_tolerance(x, 1),
        expected="log-probabilities, which sum to 1; --from logits normalises them",
        counted=counted,
    )


def _labels_are_no_blanks(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Blanks among the labels of a target, which stand for no label."""
    targets, lengths = blocks["targets"], blocks["target_lengths"]
    inside = np.arange(targets.shape[1]) < lengths[:, np.newaxis]
    blanks = inside & (targets == options["blank"])
    if blanks.any():
        yield Doubt(
            "blanks",
            "targets",
            f"is {options['blank']}, the blank, which no target holds; --blank says which class "
            "it is, the target lengths where targets end",
            first(blanks),
            int(np.count_nonzero(blanks)),
        )


def _infinite(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Targets that do not fit into their steps."""
    infinite = np.isposinf(losses.values)
    if infinite.any():
        yield Doubt(
            INFINITE,
            "targets",
            "begins a target that cannot be written in as many steps as its input has, which "
            "costs infinity; --zero-infinity lets it cost 0",
            (*first(infinite), 0),
            int(np.count_nonzero(infinite)),
        )


@loss(
    group="ranking",
    layout=sequences,
    checks=(
        Check(_are_log_probabilities),
        Check(_labels_are_no_blanks),
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

    over all ways a of writing the target, with blanks between labels and labels repeated, in as
    many steps as the input has. The mean first divides each loss by its target's length, or 1.

    Args:
        log_probs: log-probabilities of the classes at each step, (T, N, C) or (T, C)
        targets: class indices, (N, S), (S), or those of all samples end to end
        input_lengths: the number of steps of each sample, at most T, (N) or one for all
        target_lengths: the number of labels of each sample, at most S, (N) or one for all
        blank: use this class index as the blank
        zero_infinity: count 0 instead of infinity where the target does not fit into the steps
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
        raise ArrayError("log_probs", f"has the classes 0 to {classes - 1}, and no blank {blank}")
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

    The path runs through blank, label, blank, label, ..., blank; a step stays, goes on by one, or
    by two where that skips a blank between two labels that differ.
    """
    samples, steps, _ = x.shape
    path = np.full((samples, 2 * labels.shape[1] + 1), blank)
    path[:, 1::2] = labels
    skips = np.zeros(path.shape, dtype=np.bool_)
    skips[:, 2:] = path[:, 2:] != path[:, :-2]
    # Before the first step a path is ahead of its first blank: one step enters at blank or label.
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
    """A path may end at its last label or at the blank behind it."""
    last = 2 * lengths[:, np.newaxis]
    at_blank = np.take_along_axis(reached, last, axis=1)[:, 0]
    at_label = np.take_along_axis(reached, np.maximum(last - 1, 0), axis=1)[:, 0]
    at_label = np.where(lengths > 0, at_label, -np.inf)
    return _log_sum_exp(at_blank, at_label, np.full_like(at_label, -np.inf))


def _log_sum_exp(a: Floats, b: Floats, c: Floats) -> Floats:
    """log(exp a + exp b + exp c); -inf where all are, NaN where one is NaN or +inf."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    largest, middle = np.maximum(high, c), np.maximum(low, np.minimum(high, c))
    smallest = np.minimum(low, c)
    # The largest term, which is 1, stays out of the sum, so that what is almost certain keeps its
    # digits.
    base = np.where(np.isneginf(largest), 0.0, largest)
    others = np.exp(middle - base) + np.exp(smallest - base) + (base - base)
    result: Floats = largest + np.log1p(others)
    return result
