"""The options of a loss: which values each takes, and what a value means beside the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from losscli.errors import UsageError, option_error
from losscli.losses import kebab

Integers = int | Sequence[int]

# What an option may be.
OptionValue = bool | int | float | str | Sequence[int] | None

# The options of one run, by name.
Options = Mapping[str, OptionValue]

# The word on the command line for the value None.
NONE = "none"


@dataclass(frozen=True)
class Interval:
    """The values an option may take: low to high, ends included unless said otherwise."""

    low: float = -math.inf
    high: float = math.inf
    low_included: bool = True

    def __contains__(self, value: float) -> bool:
        above = self.low <= value if self.low_included else self.low < value
        return above and value <= self.high

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"from {self.low:g} to {self.high:g}"
        return f"{'at least' if self.low_included else 'above'} {self.low:g}"


class If(NamedTuple):
    """A condition on an option: it has one of these values."""

    option: str
    values: tuple[OptionValue, ...]

    def holds(self, options: Options) -> bool:
        return options[self.option] in self.values

    def __str__(self) -> str:
        name, value = kebab(self.option), self.values[0]
        return f"--no-{name}" if value is False else f"--{name} {value}"


@dataclass(frozen=True)
class Detected:
    """An option whose value may follow from the names of columns, unless it is given."""


# The number of the first class.
ClassBase = Annotated[int, Detected()]


class Option(NamedTuple):
    """A plain parameter of a loss.

    `kind` is int, float, bool, a Literal, or `Integers` (one or several). An `optional` option may
    also be None, whatever its default. A value of it that is not None `needs` another option.
    """

    name: str
    kind: Any
    default: OptionValue
    help: str
    interval: Interval = Interval()
    needs: If | None = None
    detected: bool = False
    optional: bool = False

    @classmethod
    def annotated(cls, name: str, hint: Any, default: OptionValue, text: str) -> Option:
        """The option that a parameter of a function declares by its annotation."""
        kind, *annotations = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        optional = False
        if get_origin(kind) in (UnionType, Union) and kind != Integers:
            optional = type(None) in get_args(kind)
            kind = next(one for one in get_args(kind) if one is not type(None))
        interval = next((one for one in annotations if isinstance(one, Interval)), Interval())
        needs = next((one for one in annotations if isinstance(one, If)), None)
        detected = any(isinstance(one, Detected) for one in annotations)
        return cls(name, kind, default, text, interval, needs, detected, optional)

    @property
    def several(self) -> bool:
        """Whether it takes several values."""
        return self.kind is Integers

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values it may take, where they are few."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def has_none(self) -> bool:
        """Whether None is a value of its own, and not the same as leaving the option out."""
        return self.optional and self.default is not None

    def is_given(self, value: OptionValue) -> bool:
        """Whether a user who passes this value chooses something."""
        return value is not None or self.has_none

    def check(self, value: Any, others: Options) -> OptionValue:
        """The value, several integers as a list. Raises UsageError if it cannot be meant."""
        if self.several:
            return [int(one) for one in ([value] if isinstance(value, Integral) else value)]
        if value is None and self.optional:
            return None
        if self.choices and value not in self.choices:
            raise self._refused(value, f"one of {', '.join(map(str, self.choices))}")
        if self.kind is int and not -(1 << 63) <= value < 1 << 63:
            raise self._refused(value, "a whole number of 64 bits")
        if not self.choices and value not in self.interval:
            raise self._refused(value, f"a number {self.interval}")
        if self.needs and not self.needs.holds(others):
            raise UsageError(f"--{kebab(self.name)} {value} needs {self.needs}")
        return value  # type: ignore[no-any-return]

    def _refused(self, value: Any, expected: str) -> UsageError:
        return option_error(self.name, value, expected)
