"""Numbers as people read them: four digits alone, and the same decimals in a column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Digits of a number by itself, decimals of a column, and the most decimals that are written out.
_DIGITS, _DECIMALS, _MOST_DECIMALS = 4, 4, 9

# Numbers from here on are written with an exponent.
_LARGE = 1e9

Interval = tuple[float, float]


class Numbers(NamedTuple):
    """How numbers are rounded; `decimals` are those that were asked for."""

    decimals: int | None = None

    def alone(self, value: float) -> str:
        """A number with four digits that tell."""
        return self.together([value])[0]

    def together(self, values: Sequence[float]) -> list[str]:
        """Numbers with the decimals that give the first of them four digits."""
        decimals = _decimals_for(values[0]) if self.decimals is None else self.decimals
        return [_fixed(value, decimals) for value in values]

    def column(self, values: Iterable[float]) -> list[str]:
        """Numbers with the same decimals: four, or as many as give the smallest four digits."""
        known = list(values)
        if self.decimals is not None:
            return [_fixed(value, self.decimals) for value in known]
        sizes = [abs(value) for value in known if value and math.isfinite(value)]
        decimals = max(_DECIMALS, _decimals_for(min(sizes, default=1.0)))
        return [_fixed(value, decimals) for value in known]

    def intervals(self, intervals: Sequence[Interval | None]) -> list[str]:
        """Intervals whose ends have the same decimals; nothing for None."""
        known = iter(self.column(end for one in intervals if one is not None for end in one))
        return ["" if one is None else _range(one, next(known), next(known)) for one in intervals]

    def interval(self, interval: Interval, value: float) -> str:
        """An interval with the decimals of the value that it is for."""
        return _range(interval, *self.together([value, *interval])[1:])


# Nothing was asked for.
AS_USUAL = Numbers()


def _decimals_for(value: float) -> int:
    """The decimals that give a number four digits."""
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
    """A dash would be read as a sign."""
    return f"{low} to {high}" if interval[0] < 0.0 or interval[1] < 0.0 else f"{low}-{high}"
