"""Checks of rows of classes: whether the input is what `from_` says, and its targets."""

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


def impossible_entries(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """No log-probability that a loss was read from is above 0, and no probability above 1."""
    x, kind = blocks["input"], options["from_"]
    if kind != "logits" and np.any(losses.values < 0.0):
        indices, ignored = class_indices(
            blocks["target"], x.shape[CLASS_AXIS], options["ignore_index"], options["class_base"]
        )
        found = pick(x, indices)
        wrong = (found > (1.0 if kind == "probs" else rounding(x))) & ~ignored
        if wrong.any():
            n, *rest = at = first(wrong)
            place = (n, int(indices[at]), *rest)
            if kind == "probs":
                raise _outside(found[at], place)
            raise _above_0(found, found[at], place)
    yield from ()


def rows_are_what_from_says(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Whether rows of the input are what `from_` says."""
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
            expected="log-probabilities, which sum to 1; --from logits normalises them",
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
            expected="probabilities, which sum to 1; they are taken as they are",
            counted=counted,
        )
    elif np.all(_are_probabilities(x) | ~counted):
        yield Doubt(
            "probabilities",
            "input",
            "holds probabilities, from 0 to 1 and with rows that sum to 1, and is taken for "
            "logits, of which the softmax is taken; --from probs takes probabilities",
        )


def infinite_costs(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Probabilities of 0 where the target is."""
    if options["from_"] != "probs":
        return
    infinite = np.isinf(losses.values)
    if infinite.any():
        yield Doubt(
            INFINITE,
            "target",
            "has the probability 0, which costs infinity; --clip EPS holds probabilities within "
            "EPS..1-EPS, as scikit-learn's log_loss does",
            first(infinite) if blocks["target"].ndim == losses.values.ndim else None,
            int(np.count_nonzero(infinite)),
        )


def _counted(x: Array, losses: PerElement) -> Mask:
    elements = x.shape[:CLASS_AXIS] + x.shape[CLASS_AXIS + 1 :]
    if losses.ignored is None:
        return np.ones(elements, dtype=np.bool_)
    return ~np.broadcast_to(losses.ignored, elements)


def padding_that_counts(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Rows of -100, with which trainers fill up logits, whose targets count all the same.

    They often come last, so every block is looked at: first at the losses, which such rows make
    log C from logits and 100 from log-probabilities, and then at the few rows that cost that.
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
            "begins a row of nothing but -100, as padding is, whose target counts; --mask or "
            "--ignore-index leaves it out",
            (n, 0, *rest),
            int(np.count_nonzero(padded)),
        )


def negative_target_rows(
    blocks: Mapping[str, Array], options: Mapping[str, Any], losses: PerElement
) -> Iterator[Doubt]:
    """Targets of the input's shape that are no probabilities; they need not sum to 1."""
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


def _outside(found: Any, position: tuple[int, ...]) -> ArrayError:
    problem = f"is {found}; expected a probability from 0 to 1 (--from probs)"
    return ArrayError("input", problem, position)


def _above_0(values: Array, found: Any, position: tuple[int, ...]) -> ArrayError:
    looks_like = "probs" if np.all((values >= 0) & (values <= 1)) else "logits"
    return ArrayError(
        "input",
        f"is {found}; expected log-probabilities, which are at most 0; --from {looks_like} "
        f"takes {'probabilities' if looks_like == 'probs' else 'logits'}, and --no-check anything",
        position,
    )
