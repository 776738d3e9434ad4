"""Losses of one class out of several. Blocks are (n, C, d1..dK), targets (n, d1..dK)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np

from losscli.elements import Floats, Mask, PerElement
from losscli.errors import ArrayError
from losscli.losses.checks import (
    INFINITE,
    Check,
    Doubt,
    first,
    negative_weights,
    odd_sums,
    rounding,
    sum_tolerance,
)
from losscli.losses.layout import (
    index_or_probability_targets,
    index_targets,
    label_rows,
    row_index_targets,
)
from losscli.losses.numerics import (
    CLASS_AXIS,
    along_classes,
    class_indices,
    each,
    hinge,
    negative_log,
    pick,
    target_cost,
    widen,
)
from losscli.losses.registry import Array, Detected, Integers, Interval, Needs, loss

# What may help a target that is no class.
_OPTIONS = ("ignore_index", "class_base")

ClassBase = Annotated[int, Detected()]

Clip = Annotated[float | None, Interval(0.0, 0.5, low_included=False), Needs("from_", "probs")]


def _impossible_entries(
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


def _rows_are(
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


def _infinite(
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


def _padding(
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


def _odd_target_rows(
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
    sums = widen(x).sum(axis=CLASS_AXIS)
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


@loss(
    layout=index_targets,
    checks=(
        Check(_rows_are),
        Check(_impossible_entries, everywhere=True),
        Check(_padding, everywhere=True),
        Check(_infinite, everywhere=True),
        Check(negative_weights),
    ),
    picks=lambda options: options["from_"] != "logits",
    is_log_loss=lambda options: True,
)
def nll(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    ignore_index: Integers = -100,
    from_: Literal["log-probs", "logits", "probs"] = "log-probs",
    clip: Clip = None,
    class_base: ClassBase = 0,
) -> PerElement:
    """Negative log-likelihood of each target class, from log-probabilities.

        -weight[y] · x[y]

    where x is a row of the input and y its target. The mean divides by the sum of weight[y].

    Args:
        input: log-probabilities, (C), (N, C) or (N, C, d1, ..., dK); class axis second
        target: class indices from 0 to C-1, (), (N) or (N, d1, ..., dK)
        weight: a weight for each class, (C)
        ignore_index: a target that does not count; may be repeated
        from_: what the input holds
        clip: hold probabilities within clip..1-clip
        class_base: the number of the first class in the target; unless given, 0, or what the names
            of the input's columns say

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
    layout=index_or_probability_targets,
    alias="ce",
    checks=(
        Check(_rows_are),
        Check(_padding, everywhere=True),
        Check(_infinite, everywhere=True),
        Check(_odd_target_rows),
        Check(negative_weights),
    ),
    is_log_loss=lambda options: not options["label_smoothing"],
)
def cross_entropy(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    ignore_index: Integers = -100,
    label_smoothing: Annotated[float, Interval(0.0, 1.0)] = 0.0,
    from_: Literal["logits", "probs"] = "logits",
    clip: Clip = None,
    class_base: ClassBase = 0,
) -> PerElement:
    """Cross-entropy of the softmax of logits with classes, or with class probabilities.

        class y: -(1-ε) · weight[y] · log p[y] - ε/C · Σ_c weight[c] · log p[c]
        probabilities q: -Σ_c weight[c] · ((1-ε) · q[c] + ε/C) · log p[c]

    where p = softmax(x) of a row x of the input and ε is the label smoothing. The mean divides
    by the sum of weight[y] for classes, also when smoothed, and by the number of elements for
    probabilities, which need not sum to 1.

    Args:
        input: logits, (C), (N, C) or (N, C, d1, ..., dK); class axis second
        target: class indices from 0 to C-1, (), (N) or (N, d1, ..., dK); or class
            probabilities of the input's shape
        weight: a weight for each class, (C)
        ignore_index: a target that does not count; may be repeated
        label_smoothing: the share of every target that is spread over all classes
        from_: what the input holds; probabilities are taken as they are, never renormalised
        clip: hold probabilities within clip..1-clip
        class_base: the number of the first class in the target; unless given, 0, or what the names
            of the input's columns say

    Raises:
        DataError: for shapes that do not fit, targets outside 0..C-1 that are not ignored, and
            an ignored class beside probability targets
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
        spread = weighted.mean(axis=CLASS_AXIS)
        values = (1.0 - label_smoothing) * values + label_smoothing * spread
    weights = None if weight is None else widen(weight)[indices]
    return PerElement.without(ignored, values, weights)


def _of_probabilities(
    weighted: Floats, target: Floats, ignore_index: Integers, label_smoothing: float, kind: str
) -> Floats:
    largest = max(each(ignore_index), default=-1)
    if largest >= 0:
        raise ArrayError(
            "target", f"holds class probabilities; --ignore-index {largest} needs class indices"
        )
    if label_smoothing:
        classes = target.shape[CLASS_AXIS]
        target = (1.0 - label_smoothing) * target + label_smoothing / classes
    terms = weighted * target
    if kind == "probs":  # log 0 counts for nothing where the target's probability is 0 as well
        terms = np.where(target == 0.0, 0.0, terms)
    total: Floats = terms.sum(axis=CLASS_AXIS)
    return total


@loss(layout=row_index_targets, checks=(Check(negative_weights),))
def multi_margin(
    input: Array,
    target: Array,
    *,
    p: Annotated[int, Interval(1, 2)] = 1,
    margin: float = 1.0,
    weight: Array | None = None,
    class_base: ClassBase = 0,
) -> PerElement:
    """Margin by which the target class's score leads each other class's.

        1/C · Σ_{c≠y} weight[y] · max(0, margin - x[y] + x[c])^p

    where x is a row of the input and y its target. The mean divides by the number of rows,
    whatever the weights.

    Args:
        input: scores, (), (C) or (N, C)
        target: class indices from 0 to C-1, () or (N)
        p: the power, 1 or 2
        margin: the lead that costs nothing
        weight: a weight for each class, (C)
        class_base: the number of the first class in the target; unless given, 0, or what the names
            of the input's columns say

    Raises:
        DataError: for shapes that do not fit, and targets outside 0..C-1

    Example:
        >>> import losscli
        >>> losscli.multi_margin([[1.0, 2.0, 4.0, 8.0]], [2])
        np.float64(1.25)

    Source: torch.nn.functional.multi_margin_loss
    """
    classes = input.shape[CLASS_AXIS]
    indices, _ = class_indices(target, classes, class_base=class_base, options=("class_base",))
    x = widen(input)
    lead = margin - np.expand_dims(pick(x, indices), CLASS_AXIS) + x
    np.put_along_axis(lead, np.expand_dims(indices, CLASS_AXIS), 0.0, CLASS_AXIS)
    short = hinge(lead)
    values = (short if p == 1 else np.square(short)).sum(axis=CLASS_AXIS) / classes
    return PerElement(values if weight is None else widen(weight)[indices] * values)


@loss(layout=label_rows)
def multilabel_margin(input: Array, target: Array) -> PerElement:
    """Margin by which the scores of a row's classes lead those of all other classes.

        1/C · Σ_{y in Y} Σ_{c not in Y} max(0, 1 - (x[y] - x[c]))

    where x is a row of the input and Y the classes of its target up to the first -1.

    Args:
        input: scores, (), (C) or (N, C)
        target: the classes of each row from 0 to C-1 and then -1, the input's shape

    Raises:
        DataError: for shapes that do not fit, and targets outside -1..C-1

    Example:
        >>> import losscli
        >>> losscli.multilabel_margin([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]])
        np.float64(0.8500000000000001)

    Source: torch.nn.functional.multilabel_margin_loss
    """
    classes = input.shape[CLASS_AXIS]
    absent = target == -1
    ends = np.where(absent.any(axis=CLASS_AXIS), absent.argmax(axis=CLASS_AXIS), classes)
    if target.size and not (target.min() >= -1 and target.max() < classes):
        class_indices(target, classes, -1)  # says which is none, behind the first -1 as well
    # Of many columns a few list classes, and only they need be looked at one by one: a third of
    # the time of all columns.
    most = int(ends.max(initial=0))
    indices, _ = class_indices(target[:, :most], classes, -1)
    listed = np.arange(most) < ends[:, np.newaxis]
    rows = np.arange(len(input))
    x = widen(input)
    others = x.copy()  # those that are listed are led by any lead
    for k in range(most):
        others[rows[listed[:, k]], indices[listed[:, k], k]] = -np.inf
    values = np.zeros(len(input))
    short = np.empty(x.shape)  # of each class in turn, in the same memory
    for k in range(most):
        np.add((1.0 - x[rows, indices[:, k]])[:, np.newaxis], others, out=short)
        np.fmax(short, 0.0, out=short)
        values += np.where(listed[:, k], np.einsum("nc->n", short), 0.0)
    return PerElement(values / classes)
