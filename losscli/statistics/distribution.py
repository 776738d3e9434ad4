"""The distribution of the losses: quantiles and a histogram."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

from losscli.elements import Elements
from losscli.errors import option_error
from losscli.result import Bars, Column, Kind, Table
from losscli.statistics.sketch import Sketch
from losscli.statistics.statistic import Option, OptionValue, Setting, Statistic, Whole


@dataclass(frozen=True)
class Bar:
    """The number of losses from `low` to `high`."""

    low: float
    high: float
    count: int


def _shares(value: Any) -> OptionValue:
    """The shares as written, without duplicates. Raises UsageError for text that is not a number
    from 0 to 1."""
    texts = (value,) if isinstance(value, int | float | str) else value or ()
    shares = tuple(dict.fromkeys(part.strip() for text in texts for part in str(text).split(",")))
    for share in shares:
        if not _is_share(share):
            raise option_error("quantiles", share, "numbers from 0 to 1")
    return shares


@dataclass(frozen=True)
class Quantile:
    """A quantile of the losses: the smallest loss that this share of the losses do not exceed."""

    quantile: str
    loss: float


class Distribution(Statistic):
    """Quantiles and a histogram, from counts of the losses by size."""

    options = (
        Option(
            "quantiles",
            tuple,
            "Show these quantiles of the losses, such as 0.5,0.9,0.99 (accurate to 0.1%).",
            metavar="SHARES",
            parse=_shares,
            in_comparison=True,
            on_page="0.05,0.25,0.5,0.75,0.95,0.99",
        ),
        Option(
            "histogram",
            bool,
            "Show a histogram of the losses.",
            in_comparison=True,
            on_page=True,
        ),
    )
    order = 80

    def __init__(self, shares: Sequence[str], histogram: bool) -> None:
        self._shares = tuple(shares)
        self._histogram = histogram
        self._sketch = Sketch()

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        shares, histogram = setting.asked.get("quantiles"), bool(setting.asked.get("histogram"))
        shares = shares if isinstance(shares, tuple) else ()
        return cls(shares, histogram) if shares or histogram else None

    def add(self, elements: Elements) -> None:
        losses = elements.losses
        self._sketch.add(
            losses.values.ravel() if losses.ignored is None else losses.values[losses.counted]
        )

    def merge(self, later: Self) -> None:
        self._sketch = self._sketch.merge(later._sketch)

    def result(self, whole: Whole) -> Iterable[Table]:
        loss = "difference" if whole.setting.is_difference else "loss"
        losses = "differences" if whole.setting.is_difference else "losses"
        if self._shares:
            values = self._sketch.quantiles([_fraction(share) for share in self._shares])
            rows = tuple(map(Quantile, self._shares, values))
            columns: tuple[Column, ...] = (
                Column("quantile", Kind.PLAIN, heading="quantile"),
                Column("loss", Kind.LOSS, heading=loss, row_name=loss),
            )
            yield Table(
                "quantiles",
                columns,
                rows,
                title=f"Quantiles of the {losses}",
                what="quantiles",
                is_mapping=True,
                is_overview=True,
            )
        if self._histogram:
            bars = tuple(Bar(*bar) for bar in self._sketch.histogram())
            columns = (
                Column("low", Kind.LOSS, heading="from", row_name="from"),
                Column("high", Kind.LOSS, heading="to", row_name="to"),
                Column("count", Kind.COUNT, heading="count"),
            )
            yield Table(
                "histogram",
                columns,
                bars,
                title=f"Distribution of the {losses}",
                what="bars",
                chart=Bars("low", "high", "count"),
                is_overview=True,
            )


def _fraction(text: str) -> Fraction:
    """The exact value of a number as text. Raises ValueError for NaN, infinity and other text."""
    # A Fraction with the huge exponent of a number that underflows would take long to compute.
    return Fraction(text) if float(text) else Fraction(0)


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1 and 0 <= _fraction(text) <= 1
    except ValueError:
        return False
