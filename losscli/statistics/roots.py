"""Find where the slope of a convex function is 0, one evaluation at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

# A step of log β below this size is the last: Newton's next step would be about its square.
_ENOUGH = 1e-8

# The first limit of a step of log β, which doubles with each step that reaches it, and the last.
_STRIDE, _LONGEST = 3.0, 96.0


@dataclass(frozen=True)
class Root:
    """A search for the β > 0 at which an increasing slope is 0.

    Args:
        beta: where to evaluate the slope next, or the root
        low: the largest β with a slope below 0 so far
        high: the smallest β with a slope above 0 so far
        stride: the limit of the next step of log β
        is_found: whether `beta` is the root
    """

    beta: float = 1.0
    low: float = 0.0
    high: float = math.inf
    stride: float = _STRIDE
    is_found: bool = False

    def after(self, slope: float, curvature: float) -> Root:
        """The search after an evaluation at `beta`.

        Newton's step of log β from a slope g and a curvature h is s = -g / (β · h). Upwards, the
        step is log(1 + s), Newton's step of β itself, which is shorter: slopes flatten as β grows,
        and s would go too far. A step that leaves the known bounds is replaced by their middle.
        """
        if slope == 0.0:
            return replace(self, is_found=True)
        step = _newton(slope, self.beta * curvature)
        beta = self.beta * math.exp(max(-self.stride, min(step, self.stride)))
        if abs(step) < _ENOUGH:
            return replace(self, beta=beta, is_found=True)
        low, high = (self.beta, self.high) if slope < 0.0 else (self.low, self.beta)
        if not low < beta < high:
            beta = math.sqrt(low) * math.sqrt(high)
        if not low < beta < high:  # no number is between the bounds
            return replace(self, is_found=True)
        stride = min(2.0 * self.stride, _LONGEST) if abs(step) > self.stride else self.stride
        return Root(beta, low, high, stride)


def _newton(slope: float, curvature: float) -> float:
    """The step of log β from a slope and from β times the curvature."""
    if not curvature > 0.0:
        return math.copysign(math.inf, -slope)
    step = -slope / curvature
    return math.log1p(step) if step > 0.0 else step
