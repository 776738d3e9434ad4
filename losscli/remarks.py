"""What a result should be read with: the traps that lie in the number itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from losscli.engine import NonFinite, Outcome
from losscli.losses import kebab
from losscli.losses.checks import INFINITE
from losscli.losses.layout import show
from losscli.losses.registry import Loss
from losscli.reduction import Totals
from losscli.result import Result, Selected


def suspicions(result: Result, outcome: Outcome, looked: bool) -> Iterator[str]:
    """What tells that the number is no answer; unless `looked`, of the number alone."""
    nan, infinite = outcome.nan, outcome.infinite
    if result.value is not None and math.isnan(result.value):
        yield f"the result is NaN: {_why_nan(result, outcome)}"
    elif result.skipped and nan is not None:
        yield f"left out {_elements(nan)} whose loss is NaN, first at {list(nan.index)}"
    elif looked and nan is not None:
        yield f"the loss of {_elements(nan)} is NaN, first at {list(nan.index)}"
    if looked and infinite is not None and INFINITE not in outcome.told:
        yield f"the loss of {_elements(infinite)} is infinite, first at {list(infinite.index)}"


def worse_than_guessing(value: float, prior: float) -> str:
    """A loss above that of a model which knows nothing but how often each class is the label."""
    return (
        f"the loss, {value:.6g}, is worse than guessing by label frequencies, {prior:.6g}: are "
        "classes counted from 1, or in another order?"
    )


def explanations(result: Result, totals: Totals, loss: Loss) -> Iterator[str]:
    """Why another's number, computed as rightly, may differ."""
    if result.value is None or math.isnan(result.value):
        return
    # With sample weights the mean's denominator is the one that the user asked for.
    plain_mean = result.reduction == "mean" and not result.has_sample_weights
    if plain_mean and result.weight_sum != result.count:
        yield (
            f"the mean is divided by the sum of the weights, {result.weight_sum:.6g}, and not by "
            f"the {result.count} elements"
        )
    if plain_mean and "batchmean" in loss.reductions and len(result.shape) > 1:
        yield (
            f"the mean divides by {result.count} elements, classes included; --reduction batchmean "
            f"divides by the {totals.samples} samples and gives the divergence, "
            f"{totals.reduce('batchmean'):.6g}"
        )
    rounded = _rounded(result.value, result.inputs[0].dtype)
    if rounded is not None:
        yield (
            f"computed from {result.inputs[0].dtype} in float64; PyTorch's answer is rounded to "
            f"that type, {rounded}"
        )


def so_far(totals: Totals, reduction: str) -> str:
    """What can be told of a run that was interrupted."""
    if reduction == "none" or not totals.count:
        return f"interrupted after {totals.elements:,} elements"
    found = totals.reduce("sum" if reduction == "sum" else "mean")
    return (
        f"interrupted after {totals.elements:,} elements; their "
        f"{'sum' if reduction == 'sum' else 'mean'} is {found:.6g}"
    )


def signature(result: Result, loss: Loss) -> str:
    """One line by which two people can tell whether they computed the same thing."""
    changed = {kebab(name): _plain(value) for name, value in result.changed.items()}
    required = {array.name for array in loss.arrays if array.required}
    optional = {array.name for array in loss.inputs} - required
    given = {one.role: show(one.shape) for one in result.inputs if one.role in optional}
    fields = {
        "loss": result.loss,
        "reduction": result.reduction,
        **changed,
        **given,
        **({} if result.selected is None else _selection(result.selected)),
        "count": result.count,
        **({"ignored": result.ignored} if result.ignored else {}),
        "dtype": "+".join(one.dtype for one in result.inputs if one.role in required),
        "losscli": result.version,
    }
    return "|".join(f"{name}:{value}" for name, value in fields.items())


def _selection(selected: Selected) -> dict[str, object]:
    return {"where": "&".join(selected.where), "dropped": selected.dropped}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _rounded(value: float, dtype: str) -> str | None:
    """The value in a type of 16 bits."""
    with np.errstate(over="ignore"):
        if dtype == "float16":
            return str(np.float16(value))
        if dtype == "bfloat16":  # the upper half of a float32, rounded to even
            bits = int(np.float32(value).view(np.uint32))
            upper = np.uint32((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000)
            return f"{upper.view(np.float32):.4g}"
    return None


def _why_nan(result: Result, outcome: Outcome) -> str:
    totals = outcome.totals
    if totals.elements == 0 or (result.reduction == "batchmean" and totals.samples == 0):
        return "the input is empty"
    if totals.count == 0:
        return "every element is ignored"
    if result.reduction == "mean" and result.weight_sum == 0.0:
        return "the weights add up to 0"
    if outcome.nan is not None:
        return f"the loss of {_elements(outcome.nan)} is, first at {list(outcome.nan.index)}"
    return "losses of inf and -inf add up to no number"


def _elements(which: NonFinite) -> str:
    return "1 element" if which.count == 1 else f"{which.count} elements"
