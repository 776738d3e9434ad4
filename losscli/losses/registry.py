"""The one list of losses. A decorator fills it; commands, help, API, tests and tables read it."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from numbers import Integral
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from numpy.typing import NDArray

from losscli.elements import REDUCTIONS, SAMPLE_WEIGHT, PerElement
from losscli.errors import UsageError
from losscli.losses import LISTED, Listed, kebab
from losscli.losses.checks import Check
from losscli.losses.layout import (
    BROADCASTING,
    ELEMENTWISE,
    OF_ROWS,
    WITH_CLASSES,
    WITH_TARGET_ROWS,
    ArrayInfo,
    Layout,
    label_rows,
)

Array = NDArray[Any]
Integers = int | Sequence[int]
LossFunction = TypeVar("LossFunction", bound=Callable[..., PerElement])
LayoutRule = Callable[..., Layout]


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


@dataclass(frozen=True)
class Needs:
    """An option that means something only beside another of a certain value."""

    option: str
    value: Any


@dataclass(frozen=True)
class Detected:
    """An option whose value may follow from the names of columns, unless it is given."""


@dataclass(frozen=True)
class ArrayParameter:
    """An array that a loss takes: one command-line option, and an argument where required."""

    name: str
    required: bool
    help: str


# The arrays that every loss takes in addition to its own.
COMMON_ARRAYS = (
    ArrayParameter(
        "mask",
        required=False,
        help="0 where an element does not count, of the elements' shape or their first axes",
    ),
    ArrayParameter(
        SAMPLE_WEIGHT,
        required=False,
        help="weight each element by a number of at least 0, of the elements' shape or their "
        "first axes",
    ),
)


@dataclass(frozen=True)
class Option:
    """A plain parameter of a loss.

    `kind` is int, float, bool, a Literal, or `Integers` (one or several); the value may also be
    None where that is the default.
    """

    name: str
    kind: Any
    default: Any
    help: str
    interval: Interval = Interval()
    needs: Needs | None = None
    detected: bool = False

    @property
    def several(self) -> bool:
        """Whether it takes several values."""
        return self.kind is Integers

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values it may take, where they are few."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    def check(self, value: Any, others: Mapping[str, Any]) -> Any:
        """The value, several integers as a list. Raises UsageError if it cannot be meant."""
        if self.several:
            return [int(one) for one in ([value] if isinstance(value, Integral) else value)]
        if value is None and self.default is None:
            return None
        if self.choices and value not in self.choices:
            raise self._refused(value, f"one of {', '.join(map(str, self.choices))}")
        if self.kind is int and not -(1 << 63) <= value < 1 << 63:
            raise self._refused(value, "a whole number of 64 bits")
        if not self.choices and value not in self.interval:
            raise self._refused(value, f"a value {self.interval}")
        if self.needs and others[self.needs.option] != self.needs.value:
            needed = f"--{kebab(self.needs.option)} {self.needs.value}"
            raise UsageError(f"{self.name} is {value}, which needs {needed}")
        return value

    def _refused(self, value: Any, expected: str) -> UsageError:
        return UsageError(f"{self.name} is {value!r}; expected {expected}")


@dataclass(frozen=True)
class Loss:
    """A registered loss: a pure function on blocks, and what its signature and docstring say.

    `picks` tells whether, with such options, it reads nothing of an input's row of classes but the
    target's entry; `is_log_loss` whether it is then the negative logarithm of the probability of
    the target's class. `input_kind` is what the input holds, such as logits, where no option says.
    `is_squared_error`: the root of its mean is the RMSE.
    """

    name: str
    alias: str | None
    function: Callable[..., PerElement]
    rule: LayoutRule
    reductions: tuple[str, ...]
    checks: tuple[Check, ...]
    picks: Callable[[Mapping[str, Any]], bool]
    is_log_loss: Callable[[Mapping[str, Any]], bool]
    input_kind: str | None
    is_squared_error: bool
    arrays: tuple[ArrayParameter, ...]
    options: tuple[Option, ...]
    summary: str
    formula: str
    source: str

    @property
    def python_name(self) -> str:
        return self.name.replace("-", "_")

    @property
    def inputs(self) -> tuple[ArrayParameter, ...]:
        """Its arrays, and those that every loss takes."""
        return (*self.arrays, *COMMON_ARRAYS)

    @property
    def broadcasts(self) -> bool:
        """Whether input and target may have differing shapes."""
        return self.rule in BROADCASTING

    @property
    def has_classes(self) -> bool:
        """Whether targets are indices of classes, or may be."""
        return self.rule in WITH_CLASSES

    @property
    def takes_rows(self) -> bool:
        """Whether each sample's input is a row of values, as the scores of classes are."""
        return self.rule in OF_ROWS

    @property
    def takes_target_rows(self) -> bool:
        """Whether the target may have a row of values for each sample."""
        return self.rule in WITH_TARGET_ROWS

    @property
    def pairs_columns(self) -> bool:
        """Whether a column of the target belongs to a column of the input."""
        return self.takes_target_rows and self.rule is not label_rows

    @property
    def is_elementwise(self) -> bool:
        """Whether input and target hold the same things, value by value."""
        return self.rule in ELEMENTWISE

    def kind_of_input(self, options: Mapping[str, Any]) -> str | None:
        """What the input holds: logits, probs or log-probs; None for anything else."""
        kind: str | None = options.get("from_", self.input_kind)
        return kind

    def on_blocks(self, options: Mapping[str, Any]) -> Callable[..., PerElement]:
        """The function of blocks alone, with these options."""
        return partial(self.function, **_taken(self.function, options))

    def lay_out(self, arrays: Mapping[str, ArrayInfo], options: Mapping[str, Any]) -> Layout:
        """The layout of arrays of these shapes."""
        return self.rule(arrays, **_taken(self.rule, options))


def _taken(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in parameters}


class _Losses(Mapping[str, Loss]):
    """Every loss by name; the family of one is imported when the loss is first asked for."""

    def __getitem__(self, name: str) -> Loss:
        if name not in REGISTERED:
            import_module(LISTED[name].family)
        return REGISTERED[name]

    def __iter__(self) -> Iterator[str]:
        return iter(LISTED)

    def __len__(self) -> int:
        return len(LISTED)


# The losses of the families that are imported, and those of all.
REGISTERED: dict[str, Loss] = {}
LOSSES = _Losses()


def loss(
    *,
    layout: LayoutRule,
    alias: str | None = None,
    reductions: tuple[str, ...] = REDUCTIONS,
    checks: tuple[Check, ...] = (),
    picks: Callable[[Mapping[str, Any]], bool] = lambda options: False,
    is_log_loss: Callable[[Mapping[str, Any]], bool] = lambda options: False,
    input_kind: str | None = None,
    is_squared_error: bool = False,
) -> Callable[[LossFunction], LossFunction]:
    """Register a function on blocks as a loss.

    Its positional parameters are the arrays it needs; the keyword parameters are further
    arrays (annotated `Array | None`) and options. The docstring gives the summary, the formula
    (the first indented lines), the help of each parameter and the source.
    """

    def register(function: LossFunction) -> LossFunction:
        docstring = inspect.cleandoc(function.__doc__ or "")
        arrays, options = _parameters(function)
        known = {option.name for option in options}
        options += [option for option in _parameters(layout)[1] if option.name not in known]
        entry = Loss(
            name=kebab(function.__name__),
            alias=alias,
            function=function,
            rule=layout,
            reductions=reductions,
            checks=checks,
            picks=picks,
            is_log_loss=is_log_loss,
            input_kind=input_kind,
            is_squared_error=is_squared_error,
            arrays=tuple(arrays),
            options=tuple(options),
            summary=docstring.partition("\n")[0],
            formula=_search(r"\n\n((?:    \S.*\n)+)", docstring),
            source=_search(r"^Source: (.*)$", docstring),
        )
        REGISTERED[entry.name] = entry
        LISTED[entry.name] = Listed(
            entry.name, entry.alias, function.__module__, entry.summary, entry.formula
        )
        return function

    return register


def find(name: str) -> Loss:
    """The loss of that name or alias, with dashes or underscores."""
    wanted = kebab(name)
    for listed in LISTED.values():
        if wanted in (listed.name, listed.alias):
            return LOSSES[listed.name]
    raise UsageError(f"no loss is named {name!r}; there are {', '.join(LOSSES)}")


def _parameters(function: Callable[..., Any]) -> tuple[list[ArrayParameter], list[Option]]:
    """The arrays and the options that a function takes, by its signature and docstring."""
    parameter_help = _parameter_help(inspect.cleandoc(function.__doc__ or ""))
    hints = get_type_hints(function, include_extras=True)
    arrays, options = [], []
    for parameter in inspect.signature(function).parameters.values():
        name, hint, default = parameter.name, hints[parameter.name], parameter.default
        if hint in (Array, Array | None):
            required = default is parameter.empty
            arrays.append(ArrayParameter(name, required, parameter_help[name]))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            options.append(_option(name, hint, default, parameter_help))
    return arrays, options


def _option(name: str, hint: Any, default: Any, parameter_help: Mapping[str, str]) -> Option:
    kind, *annotations = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if get_origin(kind) in (UnionType, Union) and kind != Integers:
        kind = next(one for one in get_args(kind) if one is not type(None))
    limits = [one for one in annotations if isinstance(one, Interval)]
    needs = [one for one in annotations if isinstance(one, Needs)]
    return Option(
        name,
        kind,
        default,
        parameter_help.get(name, ""),
        limits[0] if limits else Interval(),
        needs[0] if needs else None,
        any(isinstance(one, Detected) for one in annotations),
    )


def _parameter_help(docstring: str) -> dict[str, str]:
    """The text behind each name under `Args:`, if there is any."""
    if "\nArgs:\n" not in docstring:
        return {}
    section = _search(r"\nArgs:\n((?:    .*(?:\n|\Z))+)", docstring)
    entries = re.split(r"^(\w+): ", inspect.cleandoc(section), flags=re.MULTILINE)[1:]
    texts = (" ".join(text.split()) for text in entries[1::2])
    return dict(zip(entries[0::2], texts, strict=True))


def _search(pattern: str, docstring: str) -> str:
    match = re.search(pattern, docstring, flags=re.MULTILINE)
    if match is None:
        raise TypeError(f"a loss's docstring lacks {pattern!r}:\n{docstring}")
    return inspect.cleandoc(match[1])
