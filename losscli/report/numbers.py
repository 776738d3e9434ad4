"""Round numbers for people: to four digits, with the same number of decimals in a column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# The significant digits of a single number, the decimals of a column, and the most decimals. A
# number that needs more decimals is written with an exponent.
_DIGITS, _DECIMALS, _MOST_DECIMALS = 4, 4, 9

# Numbers of at least this size are written with an exponent.
_LARGE = 1e9

Interval = tuple[float, float]


class Numbers(NamedTuple):
    """How numbers are rounded. `decimals` overrides the default if it is given."""

    decimals: int | None = None

    def alone(self, value: float) -> str:
        """A number with four significant digits."""
        return self.together([value])[0]

    def together(self, values: Sequence[float]) -> list[str]:
        """Numbers with the same decimals. The first number has four significant digits."""
        decimals = _decimals_for(values[0]) if self.decimals is None else self.decimals
        return [_fixed(value, decimals) for value in values]

    def column(self, values: Iterable[float]) -> list[str]:
        """Numbers with the same decimals: four, or more if the smallest number needs more to have
        four significant digits."""
        known = list(values)
        if self.decimals is not None:
            return [_fixed(value, self.decimals) for value in known]
        sizes = [abs(value) for value in known if value and math.isfinite(value)]
        decimals = max(_DECIMALS, _decimals_for(min(sizes, default=1.0)))
        return [_fixed(value, decimals) for value in known]

    def intervals(self, intervals: Sequence[Interval | None]) -> list[str]:
        """Intervals whose ends all have the same decimals. None becomes an empty text."""
        known = [interval for interval in intervals if interval is not None]
        ends = iter(self.column(end for interval in known for end in interval))
        return [
            "" if interval is None else _range(interval, next(ends), next(ends))
            for interval in intervals
        ]

    def interval(self, interval: Interval, value: float) -> str:
        """An interval with the decimals that `value` has."""
        return _range(interval, *self.together([value, *interval])[1:])


# The default rounding.
AS_USUAL = Numbers()


def _decimals_for(value: float) -> int:
    """The decimals for four significant digits."""
    if not value or not math.isfinite(value):
        return 0
    return max(0, _DIGITS - 1 - int(f"{value:.{_DIGITS - 1}e}".partition("e")[2]))


def _fixed(value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return str(value)
    if decimals > _MOST_DECIMALS or abs(value) >= _LARGE:
        return f"{value:.{_DIGITS - 1}e}"
    return f"{value:.{decimals}f}"


def _range(interval: Interval, low: str, high: str) -> str:
    """An interval as text. Negative ends are joined by `to`, since a dash could be a minus sign."""
    return f"{low} to {high}" if interval[0] < 0.0 or interval[1] < 0.0 else f"{low}-{high}"
