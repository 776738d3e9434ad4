"""Convert the arguments of a command to a request and a `Showing`."""

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
from losscli.report import PAGE
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.request.wanted import Execution, Wanted
from losscli.statistics import options

# The number of significant digits of float64.
_MOST_DECIMALS = 17

# The values of a command's parameters, by name.
Words = Mapping[str, Any]


class Showing(NamedTuple):
    """How to show the result, and what else to do with it.

    Args:
        format: the output format; None depends on the stream
        output: the file for per-element losses
        gate: the limit that decides the exit code
        fails_if_worse: whether the exit code is 3 if the second model is worse
        quiet: whether notes are hidden
        signature: whether the signature is shown
        on: the address of a cluster that computes the result; None is this process
        record: the file for the record of the run
        report: the file for a page about the result
        added: the statistics that only the page shows, by name
        decimals: the number of decimals on a terminal; None means four digits
        notes: notes about the command's words
    """

    format: str | None = None
    output: str | None = None
    gate: Gate | None = None
    fails_if_worse: bool = False
    quiet: bool = False
    signature: bool = False
    decimals: int | None = None
    on: str | None = None
    record: str | None = None
    report: str | None = None
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def request_of(loss: Loss, words: Words, interval: bool) -> Request:
    """The request of a command."""
    return bind(
        loss,
        _arguments(loss, words),
        _reduction(words),
        _parameters(loss, words),
        _wanted(words, interval),
        _execution(words),
    )


def models_of(loss: Loss, words: Words) -> tuple[Request, Request]:
    """The requests of the two models that a command compares. Raises UsageError for
    arguments that a comparison does not support."""
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
    """How to show the result of a command. Raises UsageError for options that are out of range, and
    for --fail-on without --fail-above."""
    above, on = words.get("fail_above"), words.get("fail_on")
    if above is None and on is not None:
        raise UsageError(f"--fail-on {on} needs a limit. Add --fail-above NUMBER.")
    notes: tuple[str, ...] = ()
    if any(words.get(name) is not None for name in LEGACY):
        notes = (
            "--size-average and --reduce are deprecated, as in PyTorch. "
            f"Use --reduction {_reduction(words)}.",
        )
    return Showing(
        words["format"],
        words.get("output"),
        None if above is None else Gate(above, on or "loss"),
        words.get("fail_if_worse", False),
        words["quiet"],
        words.get("signature", False),
        _decimals(words),
        _address(words),
        words.get("record"),
        words.get("report"),
        tuple(_added(words)),
        notes,
    )


def _decimals(words: Words) -> int | None:
    decimals: int | None = words["decimals"]
    if decimals is not None and not 0 <= decimals <= _MOST_DECIMALS:
        raise option_error("decimals", decimals, f"a number from 0 to {_MOST_DECIMALS}")
    return decimals


def _address(words: Words) -> str | None:
    """The address of a cluster. Raises UsageError for other words."""
    address: str | None = words.get("on")
    if address is None or address == "local" or "://" in address:
        return address
    error = option_error("on", address, "local, or an address such as tcp://host:8786")
    raise UsageError(f"{error}. To pair rows by a key, use --id.")


def _arguments(loss: Loss, words: Words) -> list[str | list[float]]:
    """The arrays that were given as arguments, in order."""
    first, *others = (f"{array.name}_argument" for array in loss.arrays)
    given = [words.get(name) for name in (first, "second_argument", *others)]
    given += words.get("more") or []
    return [_array(word) for word in given if word is not None]


def _parameters(loss: Loss, words: Words) -> dict[str, Any]:
    """The arrays, columns and options that were given by name."""
    arrays = [array.name for array in loss.inputs]
    columns = (f"{array.name}_column" for array in loss.inputs)
    names = (*arrays, *columns, *(option.name for option in loss.options), *_READING)
    given = {name: words[name] for name in names if words.get(name) is not None}
    named = {name: _parts_of(v) if name in arrays else v for name, v in given.items()}
    nones = {
        option.name: None
        for option in loss.options
        if option.has_none and given.get(option.name) == NONE
    }
    return {**named, **nones}


# Options for reading files and choosing rows, which `evaluate` takes too.
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
    "anonymous",
)


def _wanted(words: Words, interval: bool) -> Wanted:
    """What to report in addition to the number."""
    top = words.get("top")
    if top is not None and top < 1:
        raise option_error("top", top, "a number of at least 1")
    names = (option.name for option in options())
    asked = {name: words[name] for name in names if words.get(name) is not None}
    requested = {**asked, **_added(words)}
    by, by_column = _split(words.get("by")), tuple(words.get("by_column") or ())
    is_alone = not (by or by_column or any(requested.values()))
    return Wanted(
        interval or not is_alone,  # tables have columns for the interval
        by,
        by_column,
        words.get("cluster"),
        words["digest"],
        **requested,
    )


def _added(words: Words) -> Mapping[str, Any]:
    """The statistics that were not requested and that a page needs. A command that cannot have
    them, such as `merge`, has no such options."""
    has_page = words.get("report") is not None or words.get("format") == PAGE
    if not has_page or words.get("reduction") not in _OF_STATISTICS:
        return {}
    return {
        option.name: option.on_page
        for option in options()
        if option.on_page is not None and option.name in words and not words[option.name]
    }


# The reductions that allow statistics of elements.
_OF_STATISTICS = ("mean", "sum", "batchmean")


def _execution(words: Words) -> Execution:
    return Execution(
        words.get("broadcast", False),
        not words["no_check"],
        words["strict"],
        words["on_nan"],
        words["threads"],
    )


def _reduction(words: Words) -> str:
    """The reduction, also from PyTorch's deprecated switches."""
    size_average, reduce = (words.get(name) for name in LEGACY)
    if size_average is None and reduce is None:
        reduction: str = words["reduction"]
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _split(texts: Sequence[str] | None) -> tuple[str, ...]:
    """The parts of all texts between commas, without surrounding blanks."""
    return tuple(part.strip() for text in texts or () for part in text.split(","))


def _parts_of(values: list[str]) -> str | list[float] | list[str]:
    """The array of an option: numbers, a path, or several paths that make one array."""
    return _array(values[0]) if len(values) == 1 else values


def _array(text: str) -> str | list[float]:
    """An array if the text is numbers separated by commas, else a path."""
    return [float(part) for part in text.split(",")] if is_numbers(text) else text
