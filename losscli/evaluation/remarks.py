"""What a result should be read with: the traps that lie in the number itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from losscli.losses import kebab
from losscli.losses.checks import INFINITE
from losscli.losses.layout import show
from losscli.losses.registry import Loss
from losscli.request.request import Request
from losscli.result import Result, Selected
from losscli.statistics.collected import Collected
from losscli.statistics.nonfinite import NonFinite, Places
from losscli.statistics.suspicions import Suspicions
from losscli.statistics.total import Total


def of_data(collected: Collected) -> tuple[str, ...]:
    """What looked wrong in the arrays."""
    suspicions = collected.get(Suspicions)
    return () if suspicions is None else suspicions.texts()


def of_number(result: Result, collected: Collected) -> Iterator[str]:
    """What says that the number is no answer; without checks, of the number alone."""
    non_finite = _non_finite(collected)
    suspicions = collected.get(Suspicions)
    nan, infinite = non_finite.nan, non_finite.infinite
    if result.value is not None and math.isnan(result.value):
        yield f"the result is NaN: {_why_nan(result, collected.total, nan)}"
    elif result.skipped and nan is not None:
        yield f"left out {nan} whose loss is NaN, first at {list(nan.index)}"
    elif suspicions is not None and nan is not None:
        yield f"the loss of {nan} is NaN, first at {list(nan.index)}"
    if suspicions is not None and infinite is not None and INFINITE not in suspicions.by_kind:
        yield f"the loss of {infinite} is infinite, first at {list(infinite.index)}"


def idle_conditions(request: Request, selected: Selected | None) -> Iterator[str]:
    """A warning for conditions that are to leave rows out and do not, as a misspelt label does."""
    if selected is not None and not selected.dropped:
        for condition in request.where:
            if condition.negated:
                yield f"--where {condition} leaves out no row"


def skipped(collected: Collected, request: Request) -> int:
    """How many elements are ignored since their loss is NaN."""
    nan = _non_finite(collected).nan
    return nan.count if nan is not None and request.execution.on_nan == "skip" else 0


def _non_finite(collected: Collected) -> NonFinite:
    found = collected.get(NonFinite)
    assert found is not None
    return found


def worse_than_guessing(value: float, prior: float) -> str:
    """A loss above that of a model which knows nothing but how often each class is the label."""
    return (
        f"the loss, {value:.6g}, is worse than guessing by label frequencies, {prior:.6g}: are "
        "classes counted from 1, or in another order?"
    )


def explanations(result: Result, total: Total, loss: Loss) -> Iterator[str]:
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
            f"divides by the {total.ledger.rows} samples and gives the divergence, "
            f"{total.batchmean():.6g}"
        )
    rounded = _rounded(result.value, result.inputs[0].dtype)
    if rounded is not None:
        yield (
            f"computed from {result.inputs[0].dtype} in float64; PyTorch's answer is rounded to "
            f"that type, {rounded}"
        )


def so_far(total: Total) -> str:
    """What there is to say of a run that was interrupted."""
    done = f"interrupted after {total.elements:,} elements"
    if total.reduction == "none" or not total.count:
        return done
    if total.reduction == "sum":
        return f"{done}; their sum is {total.ledger.losses():.6g}"
    weights = total.weight_sum
    mean = total.ledger.losses() / weights if weights else math.nan
    return f"{done}; their mean is {mean:.6g}"


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
    if value is None:
        return "none"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _rounded(value: float, dtype: str) -> str | None:
    """The value in a type of 16 bits."""
    with np.errstate(over="ignore"):
        if dtype == "float16":
            # Which numbers str shows with an exponent depends on the version of NumPy.
            return np.format_float_positional(np.float16(value), trim="0")
        if dtype == "bfloat16":  # the upper half of a float32, rounded to even
            bits = int(np.float32(value).view(np.uint32))
            upper = np.uint32((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000)
            return f"{upper.view(np.float32):.4g}"
    return None


def _why_nan(result: Result, total: Total, nan: Places | None) -> str:
    if total.elements == 0 or (result.reduction == "batchmean" and result.samples == 0):
        return "the input is empty"
    if total.count == 0:
        return "every element is ignored"
    if result.reduction == "mean" and result.weight_sum == 0.0:
        return "the weights add up to 0"
    if nan is not None:
        return f"the loss of {nan} is, first at {list(nan.index)}"
    return "losses of inf and -inf add up to no number"
