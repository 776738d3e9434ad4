"""Warnings and notes about a result."""

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
    """Warnings about the arrays."""
    suspicions = collected.get(Suspicions)
    return () if suspicions is None else suspicions.texts()


def of_number(result: Result, collected: Collected) -> Iterator[str]:
    """Warnings about NaN and infinity. With --no-check, only a NaN result and skipped elements are
    reported."""
    non_finite = _non_finite(collected)
    suspicions = collected.get(Suspicions)
    nan, infinite = non_finite.nan, non_finite.infinite
    if result.value is not None and math.isnan(result.value):
        yield f"the result is NaN: {_why_nan(result, collected.total, nan)}"
    elif result.skipped and nan is not None:
        yield f"skipped {nan} with a NaN loss, first at {list(nan.index)}"
    elif suspicions is not None and nan is not None:
        yield f"the loss of {nan} is NaN, first at {list(nan.index)}"
    if suspicions is not None and infinite is not None and INFINITE not in suspicions.by_kind:
        yield f"the loss of {infinite} is infinite, first at {list(infinite.index)}"


def idle_conditions(request: Request, selected: Selected | None) -> Iterator[str]:
    """Warnings for conditions that exclude no rows, for instance because of a misspelt label."""
    if selected is not None and not selected.dropped:
        for condition in request.where:
            if condition.negated:
                yield f"--where {condition} excludes no rows"


def skipped(collected: Collected, request: Request) -> int:
    """The number of elements that were skipped because their loss is NaN."""
    nan = _non_finite(collected).nan
    return nan.count if nan is not None and request.execution.on_nan == "skip" else 0


def _non_finite(collected: Collected) -> NonFinite:
    non_finite = collected.get(NonFinite)
    assert non_finite is not None
    return non_finite


def worse_than_guessing(value: float, prior: float) -> str:
    """The warning for a loss that is larger than the loss of guessing by label frequencies."""
    return (
        f"the loss ({value:.6g}) is worse than guessing by label frequencies ({prior:.6g}). "
        "Check whether classes are numbered from 1 or in another order. If they are not, "
        "--calibration shows whether the model is overconfident."
    )


def explanations(result: Result, total: Total, loss: Loss) -> Iterator[str]:
    """Yield notes on why another program may report a different number."""
    if result.value is None or math.isnan(result.value):
        return
    # With sample weights, the user expects a mean that is divided by the sum of the weights.
    plain_mean = result.reduction == "mean" and not result.has_sample_weights
    if plain_mean and result.weight_sum != result.count:
        yield (
            f"the mean is divided by the sum of the weights ({result.weight_sum:.6g}), not by the "
            f"number of elements ({result.count})"
        )
    if plain_mean and "batchmean" in loss.reductions and len(result.shape) > 1:
        samples = "1 sample" if total.ledger.rows == 1 else f"{total.ledger.rows} samples"
        yield (
            f"the mean is divided by {result.count} elements, classes included. Use --reduction "
            f"batchmean to divide by the {samples} and get the divergence "
            f"({total.batchmean():.6g})."
        )
    rounded = _rounded(result.value, result.inputs[0].dtype)
    if rounded is not None:
        yield (
            f"the input is {result.inputs[0].dtype}; PyTorch would round the result to that dtype: "
            f"{rounded}"
        )


def so_far(total: Total) -> str:
    """The message for a run that was interrupted."""
    done = f"interrupted after {total.elements:,} elements"
    if total.reduction == "none" or not total.count:
        return done
    if total.reduction == "sum":
        return f"{done}; their sum is {total.ledger.losses():.6g}"
    weights = total.weight_sum
    mean = total.ledger.losses() / weights if weights else math.nan
    return f"{done}; their mean is {mean:.6g}"


def signature(result: Result, loss: Loss) -> str:
    """One line that identifies the computation, so that two results can be compared."""
    changed = {kebab(name): _plain(value) for name, value in result.changed.items()}
    required = {array.name for array in loss.arrays if array.required}
    optional = {array.name for array in loss.inputs} - required
    given = {array.role: show(array.shape) for array in result.inputs if array.role in optional}
    fields = {
        "loss": result.loss,
        "reduction": result.reduction,
        **changed,
        **given,
        **({} if result.selected is None else _selection(result.selected)),
        "count": result.count,
        **({"ignored": result.ignored} if result.ignored else {}),
        "dtype": "+".join(array.dtype for array in result.inputs if array.role in required),
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
    """The value rounded to a 16-bit type; None for other types."""
    with np.errstate(over="ignore"):
        if dtype == "float16":
            # Whether str uses an exponent depends on the version of NumPy.
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
        return f"the loss of {nan} is NaN, first at {list(nan.index)}"
    return "losses include both inf and -inf"
