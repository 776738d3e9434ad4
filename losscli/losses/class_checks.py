"""Checks of rows with an entry for each class, and of their targets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from losscli.elements import Array, Mask, PerElement
from losscli.errors import ArrayError
from losscli.losses.checks import INFINITE, Doubt, first, odd_sums, rounding, sum_tolerance
from losscli.losses.indices import class_indices, pick
from losscli.losses.numerics import CLASS_AXIS, widen
from losscli.losses.summing import total

USE_FROM_LOGITS = "If they are logits, use --from logits."
USE_CLIP = "Use --clip EPS to clip probabilities to EPS..1-EPS, as scikit-learn's log_loss does."


def impossible_entries(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Raise ArrayError if the entry of a target class is a log-probability above 0 or a probability
    above 1."""
    x, kind = blocks["input"], options["from_"]
    if kind != "logits" and np.any(losses.values < 0.0):
        indices, ignored = class_indices(
            blocks["target"], x.shape[CLASS_AXIS], options["ignore_index"], options["class_base"]
        )
        entries = pick(x, indices)
        wrong = (entries > (1.0 if kind == "probs" else rounding(x))) & ~ignored
        if wrong.any():
            n, *rest = at = first(wrong)
            place = (n, int(indices[at]), *rest)
            if kind == "probs":
                raise _outside(entries[at], place)
            raise _above_0(entries, entries[at], place)
    yield from ()


def rows_are_what_from_says(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report rows of the input that do not contain what the option `from_` declares.

    Raises ArrayError for log-probabilities above 0 and for probabilities outside 0..1.
    """
    x, kind = blocks["input"], options["from_"]
    counted = _counted(x, losses)
    if not counted.any():
        return
    if kind == "log-probs":
        above = np.expand_dims(counted, CLASS_AXIS) & (x > rounding(x))
        if above.any():
            raise _above_0(x, x[first(above)], first(above))
        yield from odd_sums(
            "input",
            np.exp(widen(x)),
            CLASS_AXIS,
            tolerance=sum_tolerance(x, 1),
            advice=USE_FROM_LOGITS,
            counted=counted,
        )
    elif kind == "probs":
        outside = np.expand_dims(counted, CLASS_AXIS) & ~((x >= 0) & (x <= 1))
        if outside.any():
            raise _outside(x[first(outside)], first(outside))
        yield from odd_sums(
            "input",
            widen(x),
            CLASS_AXIS,
            tolerance=sum_tolerance(x, x.shape[CLASS_AXIS]),
            advice="Probabilities are not renormalised.",
            counted=counted,
        )
    elif np.all(_are_probabilities(x) | ~counted):
        yield Doubt(
            "probabilities",
            "input",
            "looks like probabilities (all rows sum to 1) but is treated as logits",
            advice="If they are probabilities, use --from probs.",
        )


def infinite_costs(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report target classes that have the probability 0."""
    if options["from_"] != "probs":
        return
    infinite = np.isinf(losses.values)
    if infinite.any():
        yield Doubt(
            INFINITE,
            "target",
            "has predicted probability 0, which makes the loss infinite",
            first(infinite) if blocks["target"].ndim == losses.values.ndim else None,
            int(np.count_nonzero(infinite)),
            USE_CLIP,
        )


def _counted(x: Array, losses: PerElement) -> Mask:
    elements = x.shape[:CLASS_AXIS] + x.shape[CLASS_AXIS + 1 :]
    if losses.ignored is None:
        return np.ones(elements, dtype=np.bool_)
    return ~np.broadcast_to(losses.ignored, elements)


def padding_that_counts(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report rows of -100 whose targets are not ignored. Trainers pad logits with -100.

    Padding often comes last, so every block is checked. The loss of such a row is log C from logits
    and 100 from log-probabilities. Only rows with this loss are compared with -100.
    """
    x = blocks["input"]
    if options["from_"] == "probs" or not isinstance(x, np.ndarray) or x.shape[CLASS_AXIS] < 2:
        return
    cost = 100.0 if options["from_"] == "log-probs" else math.log(x.shape[CLASS_AXIS])
    costs = cost if losses.weights is None else cost * losses.weights
    alike = np.abs(losses.values - costs) <= 1e-12 * cost
    if losses.ignored is not None:
        alike &= ~losses.ignored
    if not alike.any():
        return
    places = np.argwhere(alike)
    padded = np.all(np.moveaxis(x, CLASS_AXIS, -1)[alike] == -100, axis=-1)
    if padded.any():
        n, *rest = places[padded.argmax()].tolist()
        yield Doubt(
            "padding",
            "input",
            "begins a row of only -100, which looks like padding, but its target is not ignored",
            (n, 0, *rest),
            int(np.count_nonzero(padded)),
            "Use --mask or --ignore-index to ignore it.",
        )


def negative_target_rows(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Report negative targets if the target has the shape of the input and should contain class
    probabilities."""
    target = blocks["target"]
    if target.ndim == blocks["input"].ndim and np.any(target < 0):
        at = first(target < 0)
        problem = f"is {target[at]}; expected a probability, or a class index for each element"
        yield Doubt("targets", "target", problem, at, int(np.count_nonzero(target < 0)))


def _are_probabilities(x: Array) -> Mask:
    if x.shape[CLASS_AXIS] < 2:
        return np.zeros(x.shape[:CLASS_AXIS] + x.shape[CLASS_AXIS + 1 :], dtype=np.bool_)
    sums = total(widen(x), CLASS_AXIS)
    near_1 = np.abs(sums - 1.0) <= sum_tolerance(x, x.shape[CLASS_AXIS])
    result: Mask = near_1 & np.all(x >= 0, axis=CLASS_AXIS)
    return result


def _outside(value: Any, position: tuple[int, ...]) -> ArrayError:
    problem = f"is {value}; expected a probability from 0 to 1 (--from probs)"
    return ArrayError("input", problem, position)


def _above_0(values: Array, value: Any, position: tuple[int, ...]) -> ArrayError:
    are_probabilities = np.all((values >= 0) & (values <= 1))
    advice = "--from probs for probabilities" if are_probabilities else "--from logits for logits"
    return ArrayError(
        "input",
        f"is {value}; expected log-probabilities, which are at most 0. Use {advice}, or "
        "--no-check to skip this check.",
        position,
    )
