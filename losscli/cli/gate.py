"""Limits on the loss, which decide the exit code."""

from __future__ import annotations

import math
from dataclasses import dataclass

from losscli.errors import GateError, option_error
from losscli.result import Comparison, Result


@dataclass(frozen=True)
class Gate:
    """A limit on the loss (`on` is "loss"), or on the upper end of its interval ("upper").

    Raises UsageError if `above` is NaN.
    """

    above: float
    on: str = "loss"

    def __post_init__(self) -> None:
        if math.isnan(self.above):
            raise option_error("fail_above", self.above, "a number")

    def judge(self, result: Result) -> None:
        """Raise GateError if the value is above the limit, NaN or unknown."""
        ci = result.ci
        value = result.value if self.on == "loss" else None if ci is None else ci[1]
        what = "the loss" if self.on == "loss" else "the upper end of the interval"
        if value is None or math.isnan(value):
            raise GateError(f"{what} is {'not known' if value is None else 'NaN'} (--fail-above)")
        if value > self.above:
            raise GateError(f"{what} ({value:.6g}) exceeds --fail-above {self.above:.6g}")


def judge_comparison(comparison: Comparison) -> None:
    """Raise GateError if the second model is worse."""
    if not comparison.is_worse:
        return
    ci = comparison.ci
    if math.isnan(comparison.difference):
        raise GateError("the difference between B and A is NaN (--fail-if-worse)")
    within = "" if ci is None else f" (95% interval {ci[0]:.6g} to {ci[1]:.6g})"
    raise GateError(f"B is worse than A by {comparison.difference:.6g}{within}")
