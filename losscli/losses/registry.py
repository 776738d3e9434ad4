"""The one list of losses. A decorator fills it; commands, help, API, tests and tables read it."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from numpy.typing import NDArray

from losscli.errors import UsageError
from losscli.losses.layout import ArrayInfo, Layout, broadcasting
from losscli.reduction import PerElement

Array = NDArray[Any]
Integers = int | Sequence[int]
LossFunction = TypeVar("LossFunction", bound=Callable[..., PerElement])


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
class ArrayParameter:
    """An array that a loss takes: one command-line option, and an argument where required."""

    name: str
    required: bool
    help: str


@dataclass(frozen=True)
class Option:
    """A plain parameter of a loss. `kind` is int, float, bool, or `Integers` (one or several)."""

    name: str
    kind: Any
    default: Any
    interval: Interval
    help: str

    def check(self, value: Any) -> Any:
        """The value, several integers as a list. Raises UsageError if it is out of range."""
        if self.kind is Integers:
            return [int(one) for one in ([value] if isinstance(value, Integral) else value)]
        if value not in self.interval:
            raise UsageError(f"{self.name} is {value}; expected a value {self.interval}")
        return value


@dataclass(frozen=True)
class Loss:
    """A registered loss: a pure function on blocks, and what its signature and docstring say."""

    name: str
    alias: str | None
    function: Callable[..., PerElement]
    layout: Callable[[Mapping[str, ArrayInfo]], Layout]
    arrays: tuple[ArrayParameter, ...]
    options: tuple[Option, ...]
    summary: str
    formula: str
    source: str

    @property
    def python_name(self) -> str:
        return self.name.replace("-", "_")

    @property
    def broadcasts(self) -> bool:
        """Whether input and target may have differing shapes."""
        return self.layout is broadcasting


LOSSES: dict[str, Loss] = {}


def loss(
    *, layout: Callable[[Mapping[str, ArrayInfo]], Layout], alias: str | None = None
) -> Callable[[LossFunction], LossFunction]:
    """Register a function on blocks as a loss.

    Its positional parameters are the arrays it needs; the keyword parameters are further
    arrays (annotated `Array | None`) and options. The docstring gives the summary, the formula
    (the first indented lines), the help of each parameter and the source.
    """

    def register(function: LossFunction) -> LossFunction:
        entry = _describe(function, layout, alias)
        LOSSES[entry.name] = entry
        return function

    return register


def find(name: str) -> Loss:
    """The loss of that name or alias, with dashes or underscores."""
    wanted = name.replace("_", "-")
    for entry in LOSSES.values():
        if wanted in (entry.name, entry.alias):
            return entry
    raise UsageError(f"no loss is named {name!r}; there are {', '.join(LOSSES)}")


def _describe(
    function: Callable[..., PerElement],
    layout: Callable[[Mapping[str, ArrayInfo]], Layout],
    alias: str | None,
) -> Loss:
    docstring = inspect.cleandoc(function.__doc__ or "")
    parameter_help = _parameter_help(docstring)
    hints = get_type_hints(function, include_extras=True)
    arrays, options = [], []
    for parameter in inspect.signature(function).parameters.values():
        name, hint = parameter.name, hints[parameter.name]
        if hint in (Array, Array | None):
            required = parameter.default is parameter.empty
            arrays.append(ArrayParameter(name, required, parameter_help[name]))
        else:
            kind, interval = _kind(hint)
            options.append(Option(name, kind, parameter.default, interval, parameter_help[name]))
    return Loss(
        name=function.__name__.replace("_", "-"),
        alias=alias,
        function=function,
        layout=layout,
        arrays=tuple(arrays),
        options=tuple(options),
        summary=docstring.partition("\n")[0],
        formula=_search(r"\n\n((?:    \S.*\n)+)", docstring),
        source=_search(r"^Source: (.*)$", docstring),
    )


def _kind(hint: Any) -> tuple[Any, Interval]:
    if get_origin(hint) is Annotated:
        kind, interval = get_args(hint)
        return kind, interval
    return hint, Interval()


def _parameter_help(docstring: str) -> dict[str, str]:
    """The text behind each name under `Args:`."""
    section = _search(r"\nArgs:\n((?:    .*\n)+)", docstring)
    entries = re.split(r"^(\w+): ", inspect.cleandoc(section), flags=re.MULTILINE)[1:]
    texts = (" ".join(text.split()) for text in entries[1::2])
    return dict(zip(entries[0::2], texts, strict=True))


def _search(pattern: str, docstring: str) -> str:
    match = re.search(pattern, docstring, flags=re.MULTILINE)
    if match is None:
        raise TypeError(f"a loss's docstring lacks {pattern!r}:\n{docstring}")
    return inspect.cleandoc(match[1])
