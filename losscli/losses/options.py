"""The options of a loss: the values that each option takes, and the other options that it needs."""

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

# The value of an option.
OptionValue = bool | int | float | str | Sequence[int] | None

# The options of one run, by name.
Options = Mapping[str, OptionValue]

# The value None, as written on the command line.
NONE = "none"


@dataclass(frozen=True)
class Interval:
    """The numbers that an option may take: from low to high. `high` is allowed, and so is `low`
    unless `low_included` is false."""

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
    """The condition that an option has one of these values."""

    option: str
    values: tuple[OptionValue, ...]

    def holds(self, options: Options) -> bool:
        return options[self.option] in self.values

    def __str__(self) -> str:
        name, value = kebab(self.option), self.values[0]
        return f"--no-{name}" if value is False else f"--{name} {value}"


@dataclass(frozen=True)
class Detected:
    """Marks an option whose default is detected from column names."""


# The type of an option that is the index of the first class.
ClassBase = Annotated[int, Detected()]


class Option(NamedTuple):
    """A plain parameter of a loss.

    `kind` is int, float, bool, a Literal, or `Integers` (one or several). `default` is the default,
    which is `detected` from column names if possible. An `optional` option may also be None.
    `needs` is a condition on another option, which must be true unless the value is None.
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
        """The option that the annotation of a function's parameter declares."""
        kind, *annotations = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        optional = False
        if get_origin(kind) in (UnionType, Union) and kind != Integers:
            optional = type(None) in get_args(kind)
            kind = next(part for part in get_args(kind) if part is not type(None))
        interval = next((item for item in annotations if isinstance(item, Interval)), Interval())
        needs = next((item for item in annotations if isinstance(item, If)), None)
        detected = any(isinstance(item, Detected) for item in annotations)
        return cls(name, kind, default, text, interval, needs, detected, optional)

    @property
    def several(self) -> bool:
        """Whether the option takes several values."""
        return self.kind is Integers

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values of a Literal; empty for other kinds."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def has_none(self) -> bool:
        """Whether None is a value that differs from leaving the option out."""
        return self.optional and self.default is not None

    def is_given(self, value: OptionValue) -> bool:
        """Whether this value differs from leaving the option out."""
        return value is not None or self.has_none

    def check(self, value: Any, others: Options) -> OptionValue:
        """The value, with one or several integers as a list. Raises UsageError if the value is not
        allowed, or if it needs another value of one of the `others`."""
        if self.several:
            return [int(item) for item in ([value] if isinstance(value, Integral) else value)]
        if value is None and self.optional:
            return None
        if self.choices and value not in self.choices:
            raise self._refused(value, f"one of {', '.join(map(str, self.choices))}")
        if self.kind is int and not -(1 << 63) <= value < 1 << 63:
            raise self._refused(value, "a 64-bit integer")
        if not self.choices and value not in self.interval:
            raise self._refused(value, f"a number {self.interval}")
        if self.needs and not self.needs.holds(others):
            raise UsageError(f"--{kebab(self.name)} {value} needs {self.needs}")
        return value  # type: ignore[no-any-return]

    def _refused(self, value: Any, expected: str) -> UsageError:
        return option_error(self.name, value, expected)
