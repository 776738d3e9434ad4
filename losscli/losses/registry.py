"""The registry of losses, which the decorator `loss` fills."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from importlib import import_module
from typing import Any, TypeVar, get_type_hints

import numpy as np

from losscli.elements import REDUCTIONS, Floats, PerElement, Tempered
from losscli.errors import UsageError
from losscli.losses import LISTED, Listed, docstrings, kebab
from losscli.losses.arrays import COMMON_ARRAYS, ArrayParameter, declared_values
from losscli.losses.catalogue import Group
from losscli.losses.checks import Check
from losscli.losses.docstrings import Source, docstring_of
from losscli.losses.layout import ArrayInfo, Layout, Shape
from losscli.losses.layout.classes import classes_or_binary, is_probability_of_1, label_rows
from losscli.losses.layout.rules import (
    BROADCASTING,
    ELEMENTWISE,
    OF_ROWS,
    WITH_CLASSES,
    WITH_TARGET_ROWS,
)
from losscli.losses.numerics import widen
from losscli.losses.options import If, Interval, Option, Options
from losscli.losses.tempered import Temper

# The option of losses of logits, which are divided by it before the loss is computed.
TEMPERATURE = "temperature"

Bound = TypeVar("Bound")
LossFunction = TypeVar("LossFunction", bound=Callable[..., PerElement])
LayoutRule = Callable[..., Layout]

# Computes the loss of a data set from its options and the exact sums of its terms,
# (terms, classes).
Pool = Callable[[Options, Floats], float]


class Unit(Enum):
    """The unit of per-element losses, if their mean gives a named metric."""

    NATS = "nats"  # -log p of the target's class; exp of the mean is the perplexity
    SQUARES = "squares"  # of differences; the root of the mean is the RMSE


@dataclass(frozen=True)
class Loss:
    """A registered loss: a pure function on blocks, with metadata from its docstring.

    Args:
        rule: maps the shapes of arrays to the elements
        unit: the unit of its values, if `unit_if` is true or None
        picks_if: if this is true, the loss reads only the target's entry of each row of classes
        input_kind: the content of the input, such as "logits"; None if the option `from_` names the
            content
        pool: computes the loss of a data set from sums of terms; None if the loss is a mean of
            per-element losses
        temper: maps the arrays of a block to its losses as functions of a temperature; None for
            losses without probabilities
        is_binary: whether targets are 0, 1 or probabilities, so that two classes may have names
    """

    name: str
    alias: str | None
    group: Group
    function: Callable[..., PerElement]
    rule: LayoutRule
    reductions: tuple[str, ...]
    checks: tuple[Check, ...]
    unit: Unit | None
    unit_if: If | None
    picks_if: If | None
    input_kind: str | None
    pool: Pool | None
    temper: Temper | None
    is_binary: bool
    arrays: tuple[ArrayParameter, ...]
    options: tuple[Option, ...]
    summary: str
    formula: str
    symbols: str
    source: Source

    @property
    def python_name(self) -> str:
        return self.name.replace("-", "_")

    @property
    def inputs(self) -> tuple[ArrayParameter, ...]:
        """The arrays of this loss, and those that every loss takes."""
        return (*self.arrays, *COMMON_ARRAYS)

    @property
    def default_reduction(self) -> str:
        """The mean, or the first reduction of a loss without a mean."""
        return "mean" if "mean" in self.reductions else self.reductions[0]

    @property
    def broadcasts(self) -> bool:
        """Whether input and target may have different shapes."""
        return self.rule in BROADCASTING

    @property
    def has_classes(self) -> bool:
        """Whether targets may be class indices."""
        return self.rule in WITH_CLASSES

    @property
    def takes_rows(self) -> bool:
        """Whether each sample's input is a row of values, such as the scores of classes."""
        return self.rule in OF_ROWS

    @property
    def takes_rows_or_numbers(self) -> bool:
        """Whether each sample's input may also be a single number instead of a row."""
        return self.rule is classes_or_binary

    def has_two_classes(self, shape: Shape) -> bool:
        """Whether targets are 0, 1 or probabilities for an input of this shape."""
        return self.is_binary or (self.takes_rows_or_numbers and is_probability_of_1(shape))

    @property
    def takes_target_rows(self) -> bool:
        """Whether the target may have a row of values for each sample."""
        return self.rule in WITH_TARGET_ROWS

    @property
    def pairs_columns(self) -> bool:
        """Whether each column of the target corresponds to a column of the input."""
        return self.takes_target_rows and self.rule is not label_rows

    @property
    def is_elementwise(self) -> bool:
        """Whether input and target are compared value by value."""
        return self.rule in ELEMENTWISE

    @property
    def is_squared_error(self) -> bool:
        """Whether the root of its mean is the RMSE."""
        return self.unit is Unit.SQUARES

    def is_log_loss(self, options: Options) -> bool:
        """Whether the loss is the negative logarithm of the target class's probability."""
        return self.unit is Unit.NATS and (self.unit_if is None or self.unit_if.holds(options))

    def picks(self, options: Options) -> bool:
        """Whether the loss reads only the target's entry of each row of classes."""
        is_picked = self.picks_if is not None and self.picks_if.holds(options)
        return is_picked and options.get(TEMPERATURE) is None

    def kind_of_input(self, options: Options) -> str | None:
        """What the input contains: logits, probs or log-probs; None for anything else."""
        kind = options.get("from_", self.input_kind)
        return kind if isinstance(kind, str) else None

    def on_blocks(self, options: Options) -> Callable[..., PerElement]:
        """The loss as a function of blocks, with these options bound."""
        function = _on_forward(self.function, options)
        temperature: Any = options.get(TEMPERATURE)
        if temperature is None:
            return function
        if self.kind_of_input(options) == "logits":
            first = self.arrays[0].name
            return lambda **blocks: function(
                **{**blocks, first: widen(_forward(blocks[first])) / temperature}
            )
        temper = self.tempered_blocks(options)
        assert temper is not None
        return lambda **blocks: _with_values(function(**blocks), temper(**blocks))

    def tempered_blocks(self, options: Options) -> Callable[..., Tempered] | None:
        """The loss as a function of blocks and a temperature; None for other losses."""
        if self.temper is None:
            return None
        temper = _on_forward(self.temper, options)
        temperature: Any = options.get(TEMPERATURE)
        if temperature is None:
            return temper
        return lambda **blocks: temper(**blocks).divided_by(temperature)

    def lay_out(self, arrays: Mapping[str, ArrayInfo], options: Options) -> Layout:
        """The layout of arrays of these shapes. Raises ArrayError for shapes that do not fit."""
        return self.rule(arrays, **_accepted(self.rule, options))


def _on_forward(function: Callable[..., Bound], options: Options) -> Callable[..., Bound]:
    """A function of blocks, with its options bound."""
    bound = partial(function, **_accepted(function, options))
    return lambda **blocks: bound(**{name: _forward(block) for name, block in blocks.items()})


def _with_values(losses: PerElement, tempered: Tempered) -> PerElement:
    """The losses with the values of logits that were divided by their temperature."""
    values = tempered.losses(np.ones(losses.values.shape))
    if losses.ignored is not None:
        values = np.where(losses.ignored, 0.0, values)
    return replace(losses, values=values)


def _forward(block: Any) -> Any:
    """The block, copied if it is misaligned or has a negative stride.

    With negative strides, NumPy computes `log`, `log1p`, `expm1` and `power` with other
    instructions, and half of the logarithms differ in the last bit. All other strides give the
    same bits.
    """
    if not isinstance(block, np.ndarray):
        return block
    backwards = any(stride < 0 for stride in block.strides)
    return block.copy(order="C") if backwards or not block.flags.aligned else block


def _accepted(function: Callable[..., Any], options: Options) -> dict[str, Any]:
    """The options that are parameters of the function."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in parameters}


class _Losses(Mapping[str, Loss]):
    """All losses by name. The module of a loss is imported when the loss is first requested."""

    def __getitem__(self, name: str) -> Loss:
        if name not in REGISTERED:
            import_module(LISTED[name].family)
        return REGISTERED[name]

    def __iter__(self) -> Iterator[str]:
        return iter(LISTED)

    def __len__(self) -> int:
        return len(LISTED)


# The losses whose modules have been imported, and all losses.
REGISTERED: dict[str, Loss] = {}
LOSSES = _Losses()


def loss(
    *,
    group: Group,
    layout: LayoutRule,
    alias: str | None = None,
    reductions: tuple[str, ...] = REDUCTIONS,
    checks: tuple[Check, ...] = (),
    unit: Unit | None = None,
    unit_if: If | None = None,
    picks_if: If | None = None,
    input_kind: str | None = None,
    pool: Pool | None = None,
    temper: Temper | None = None,
    is_binary: bool = False,
) -> Callable[[LossFunction], LossFunction]:
    """Register a function on blocks as a loss.

    Its positional parameters are the required arrays; its keyword parameters are optional
    arrays and options. `group` is its section of the help. The docstring gives the summary, the
    formula (the first indented lines), the symbols of the formula (the next paragraph), the help
    of each parameter and the source.
    """

    def register(function: LossFunction) -> LossFunction:
        docstring = docstring_of(function)
        arrays, options = _parameters(function)
        known = {option.name for option in options}
        options += [option for option in _parameters(layout)[1] if option.name not in known]
        options += _temperature(arrays, options, temper)
        entry = Loss(
            name=kebab(function.__name__),
            alias=alias,
            group=group,
            function=function,
            rule=layout,
            reductions=reductions,
            checks=checks,
            unit=unit,
            unit_if=unit_if,
            picks_if=picks_if,
            input_kind=input_kind,
            pool=pool,
            temper=temper,
            is_binary=is_binary,
            arrays=tuple(arrays),
            options=tuple(options),
            summary=docstrings.summary(docstring),
            formula=docstrings.formula(docstring),
            symbols=docstrings.symbols(docstring),
            source=docstrings.source(docstring),
        )
        if entry.name in REGISTERED:
            raise TypeError(f"two losses are called {entry.name}")
        REGISTERED[entry.name] = entry
        LISTED[entry.name] = Listed(
            entry.name, entry.alias, function.__module__, entry.group, entry.summary
        )
        return function

    return register


def _temperature(
    arrays: list[ArrayParameter], options: list[Option], temper: Temper | None
) -> list[Option]:
    """The option for a temperature, if the loss takes logits, or has a function of it."""
    kinds = next((option.choices for option in options if option.name == "from_"), ())
    if not (arrays[0].values.name == "logits" or "logits" in kinds or temper is not None):
        return []
    needs = If("from_", ("logits",)) if kinds and temper is None else None
    text = "divide the logits, or the logarithms of probabilities, by this number"
    if temper is None or (arrays[0].values.name == "logits" and not kinds):
        text = "divide the logits by this number"
    interval = Interval(0.0, low_included=False)
    return [Option(TEMPERATURE, float, None, text, interval, needs, optional=True)]


def find(name: str) -> Loss:
    """The loss with this name or alias, spelled with dashes or underscores. Raises UsageError if
    there is none."""
    spelled = kebab(name)
    for listed in LISTED.values():
        if spelled in (listed.name, listed.alias):
            return LOSSES[listed.name]
    raise UsageError(f"no loss is named {name!r}. Use one of {', '.join(LOSSES)}.")


def _parameters(function: Callable[..., Any]) -> tuple[list[ArrayParameter], list[Option]]:
    """The arrays and options of a function, from its signature and docstring."""
    texts = docstrings.parameter_help(docstring_of(function))
    hints = get_type_hints(function, include_extras=True)
    arrays, options = [], []
    for parameter in inspect.signature(function).parameters.values():
        name, hint, default = parameter.name, hints[parameter.name], parameter.default
        values = declared_values(hint)
        if values is not None:
            required = default is parameter.empty
            arrays.append(ArrayParameter(name, required, texts[name], values))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            options.append(Option.annotated(name, hint, default, texts.get(name, "")))
    return arrays, options
