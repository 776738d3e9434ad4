"""What a command was given: its words as a request, and how the answer is to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from losscli.api import models
from losscli.cli.gate import Gate
from losscli.cli.options import LEGACY
from losscli.cli.text import is_numbers
from losscli.errors import UsageError, option_error
from losscli.losses.options import NONE
from losscli.losses.registry import Loss
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.request.wanted import Execution, Wanted
from losscli.statistics import options

# float64 has no more digits.
_MOST_DECIMALS = 17

# Words of a command as typer gives them, by the names of its parameters.
Words = Mapping[str, Any]


class Showing(NamedTuple):
    """How the result is to be shown, and what is to happen beside that.

    Args:
        format: the output format; None is chosen by the stream
        output: the file that takes the losses
        gate: the limit that decides the exit code
        fails_if_worse: whether a second model that is worse decides the exit code
        quiet: whether notes are hidden
        signature: whether people see the signature
        decimals: how many decimals people see; None is as many as tell
        notes: notes on the words themselves
    """

    format: str | None = None
    output: str | None = None
    gate: Gate | None = None
    fails_if_worse: bool = False
    quiet: bool = False
    signature: bool = False
    decimals: int | None = None
    notes: tuple[str, ...] = ()


def request_of(loss: Loss, words: Words, interval: bool) -> Request:
    """The request that a command makes."""
    return bind(
        loss,
        _arguments(loss, words),
        _reduction(words),
        _parameters(loss, words),
        _wanted(words, interval),
        _execution(words),
    )


def models_of(loss: Loss, words: Words) -> tuple[Request, Request]:
    """The requests of two models that a command compares."""
    a, *inputs = _arguments(loss, words)
    return models(
        loss,
        a,
        inputs,
        _reduction(words),
        _parameters(loss, words),
        _wanted(words, interval=True),
        _execution(words),
    )


def showing_of(words: Words) -> Showing:
    above, on = words.get("fail_above"), words.get("fail_on")
    if above is None and on is not None:
        raise UsageError(f"--fail-on {on} says what --fail-above judges, and that is missing")
    notes: tuple[str, ...] = ()
    if any(words.get(name) is not None for name in LEGACY):
        notes = (
            "--size-average and --reduce are deprecated, as in PyTorch; "
            f"--reduction {_reduction(words)} says the same",
        )
    return Showing(
        words["format"],
        words.get("output"),
        None if above is None else Gate(above, on or "loss"),
        words.get("fail_if_worse", False),
        words["quiet"],
        words.get("signature", False),
        _decimals(words),
        notes,
    )


def _decimals(words: Words) -> int | None:
    decimals: int | None = words["decimals"]
    if decimals is not None and not 0 <= decimals <= _MOST_DECIMALS:
        raise option_error("decimals", decimals, f"0 to {_MOST_DECIMALS}")
    return decimals


def _arguments(loss: Loss, words: Words) -> list[str | list[float]]:
    """The arrays that were given without a name, in their order."""
    first, *others = (f"{array.name}_argument" for array in loss.arrays)
    given = [words.get(name) for name in (first, "second_argument", *others)]
    given += words.get("more") or []
    return [_array(word) for word in given if word is not None]


def _parameters(loss: Loss, words: Words) -> dict[str, Any]:
    """The arrays, columns, options and ways of reading that were given by name."""
    arrays = [array.name for array in loss.inputs]
    columns = (f"{array.name}_column" for array in loss.inputs)
    names = (*arrays, *columns, *(option.name for option in loss.options), *_READING)
    given = {name: words[name] for name in names if words.get(name) is not None}
    named = {name: _one_array(one) if name in arrays else one for name, one in given.items()}
    without = {
        option.name: None
        for option in loss.options
        if option.has_none and given.get(option.name) == NONE
    }
    return {**named, **without}


# How files are read and rows are chosen, as the command line and `evaluate` call it.
_READING = (
    "id",
    "join",
    "pair",
    "where",
    "keep",
    "classes",
    "skip_missing",
    "input_format",
    "header",
    "delimiter",
)


def _wanted(words: Words, interval: bool) -> Wanted:
    """What is to be reported beside the number."""
    top = words.get("top")
    if top is not None and top < 1:
        raise option_error("top", top, "at least 1")
    asked = {one.name: words[one.name] for one in options() if words.get(one.name) is not None}
    by, by_column = _parts(words.get("by")), tuple(words.get("by_column") or ())
    is_alone = not (by or by_column or any(asked.values()))
    return Wanted(
        interval or not is_alone,  # tables have columns for it
        by,
        by_column,
        words.get("cluster"),
        words["digest"],
        **asked,
    )


def _execution(words: Words) -> Execution:
    return Execution(
        words.get("broadcast", False),
        not words["no_check"],
        words["strict"],
        words["on_nan"],
        words["threads"],
    )


def _reduction(words: Words) -> str:
    """The reduction, or what PyTorch's deprecated switches stand for."""
    size_average, reduce = (words.get(name) for name in LEGACY)
    if size_average is None and reduce is None:
        reduction: str = words["reduction"]
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _parts(texts: Sequence[str] | None) -> tuple[str, ...]:
    """What is between the commas of each."""
    return tuple(part.strip() for text in texts or () for part in text.split(","))


def _one_array(words: Any) -> str | list[float] | list[str]:
    """What an option was given: numbers, a path, or the paths of several parts."""
    several: list[str] = words
    return _array(several[0]) if len(several) == 1 else several


def _array(text: str) -> str | list[float]:
    """Numbers with commas between them are an array, anything else is a path."""
    return [float(part) for part in text.split(",")] if is_numbers(text) else text
