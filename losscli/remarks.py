"""What a result should be read with: the traps that lie in the number itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from losscli.losses.registry import Loss
from losscli.reduction import Result, Totals


def suspicions(result: Result, totals: Totals) -> Iterator[str]:
    """What tells that the number is no answer."""
    if result.value is not None and math.isnan(result.value):
        yield f"the result is NaN: {_why_nan(result, totals)}"


def explanations(result: Result, totals: Totals, loss: Loss) -> Iterator[str]:
    """Why another's number, computed as rightly, may differ."""
    if result.value is None or math.isnan(result.value):
        return
    if result.reduction == "mean" and result.weight_sum != result.count:
        yield (
            f"the mean is divided by the sum of the weights, {result.weight_sum:.6g}, and not by "
            f"the {result.count} elements"
        )
    if result.reduction == "mean" and "batchmean" in loss.reductions and len(result.shape) > 1:
        yield (
            f"the mean divides by {result.count} elements, classes included; --reduction batchmean "
            f"divides by the {totals.samples} samples and gives the divergence, "
            f"{totals.reduce('batchmean'):.6g}"
        )
    if result.inputs[0].dtype.endswith("float16"):
        with np.errstate(over="ignore"):
            rounded = np.float16(result.value)
        yield f"computed from float16 in float64; PyTorch's answer is a float16, {rounded}"


def _why_nan(result: Result, totals: Totals) -> str:
    if totals.elements == 0 or (result.reduction == "batchmean" and totals.samples == 0):
        return "the input is empty"
    if totals.count == 0:
        return "every element is ignored"
    if result.reduction == "mean" and result.weight_sum == 0.0:
        return "the weights add up to 0"
    return "the loss of at least one element is; --reduction none shows which"
