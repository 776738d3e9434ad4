"""Quantiles of Student's t distribution."""

from __future__ import annotations

import functools
import math

# The confidence level.
CONFIDENCE = 0.95

# The normal quantile of (1 + CONFIDENCE) / 2.
_NORMAL = 1.959963984540054

# From this many degrees of freedom on, the series in `_for_many` is accurate enough.
_MANY = 64


@functools.cache
def t_quantile(freedom: int) -> float:
    """The number that |t| exceeds with probability 1 - CONFIDENCE, for t with `freedom` degrees of
    freedom.

    >>> round(t_quantile(9), 6)
    2.262157

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3-26.7.5
    """
    if freedom >= _MANY:
        return _for_many(freedom)
    low, high = 0.0, math.pi / 2
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if _within(middle, freedom) < CONFIDENCE else (low, middle)
    return math.tan(low) * math.sqrt(freedom)


def _within(angle: float, freedom: int) -> float:
    """The probability that |t| < tan(angle) · sqrt(freedom)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2
    term = cosine if is_odd else 1.0
    total = 0.0
    for k in range(2 + is_odd, freedom + 1, 2):
        total += term
        term *= (k - 1) / k * cosine**2
    return (angle + sine * total) * 2 / math.pi if is_odd else sine * total


def _for_many(freedom: int) -> float:
    """The same number as `t_quantile`, from a series in 1/freedom."""
    z, v = _NORMAL, float(freedom)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / v**power for power, term in enumerate(terms, start=1))
