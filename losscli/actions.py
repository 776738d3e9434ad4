"""What a command does once its words are understood: evaluate, report, write, judge."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.elements import Elements
from losscli.errors import DataError, GateError, UsageError
from losscli.evaluation import evaluate, hand_on
from losscli.losses.registry import find
from losscli.readers.origin import STANDARD_INPUT
from losscli.readers.shards import files_of
from losscli.report import is_number_alone, open_report, write_comparison
from losscli.request import WORDS, Wanted
from losscli.result import Result

if TYPE_CHECKING:
    from losscli.comparison import Comparison


@dataclass(frozen=True)
class Gate:
    """A limit on the loss, or on the upper end of its interval."""

    above: float
    on: str = "loss"

    def __post_init__(self) -> None:
        if math.isnan(self.above):
            raise UsageError("--fail-above is nan, which nothing is above; expected a number")

    def judge(self, result: Result) -> None:
        """Raise GateError if the limit is crossed, or there is nothing to compare."""
        found = result.value if self.on == "loss" else _upper(result)
        what = "the loss" if self.on == "loss" else "the upper end of the interval"
        if found is None or math.isnan(found):
            raise GateError(f"{what} is {'not known' if found is None else 'NaN'} (--fail-above)")
        if found > self.above:
            raise GateError(
                f"{what}, {found:.6g}, is {found - self.above:.6g} above {self.above:.6g} "
                "(--fail-above)"
            )


def _upper(result: Result) -> float | None:
    return None if result.ci is None else result.ci[1]


@dataclass(frozen=True)
class Showing:
    """How the result is to be shown, and what is to happen beside that."""

    format: str | None = None
    output: str | None = None
    gate: Gate | None = None
    quiet: bool = False


def answer(
    loss: str,
    inputs: Sequence[Any],
    wanted: Mapping[str, Any],
    showing: Showing,
    parameters: Mapping[str, Any],
) -> Result:
    """Evaluate a loss, report it, and judge it by the gate."""
    reduction = parameters.get("reduction", "mean")
    if showing.gate is not None and reduction == "none":
        raise UsageError("--fail-above judges one number, and --reduction none gives many")
    if not (showing.output or wanted["top"] or reduction == "none"):
        _require_no_keep(parameters, "--top, --output or --reduction none")
    if showing.output is not None:
        _require_not_read(showing.output, _paths(loss, inputs, wanted, parameters))
    on_upper = showing.gate is not None and showing.gate.on == "upper"
    alone = is_number_alone(showing.format, sys.stdout)
    with ExitStack() as stack:
        takers: list[Callable[[Elements], None]] = []
        report = open_report(showing.format, sys.stdout)
        if reduction == "none":
            takers.append(report.elements)
        output = None
        if showing.output is not None:
            from losscli.report.output import Output, undisturbed  # noqa: PLC0415 - for this alone

            with undisturbed():
                output = stack.enter_context(Output(showing.output))
            takers.append(output.elements)
        result = evaluate(
            loss,
            *inputs,
            wanted=Wanted(interval=not alone or on_upper, **wanted),
            on_elements=partial(hand_on, takers) if takers else None,
            on_progress=_progress(stack),
            **parameters,
        )
        if output is not None:
            output.finish(result)
    report.result(result)
    return result


def answer_comparison(
    loss: str,
    inputs: Sequence[Any],
    wanted: Mapping[str, Any],
    showing: Showing,
    parameters: Mapping[str, Any],
) -> Comparison:
    """Compare two models and report it."""
    from losscli.comparison import compare  # noqa: PLC0415 - for this alone

    if not wanted["top"]:
        _require_no_keep(parameters, "--top")
    with ExitStack() as stack:
        found = compare(
            loss, *inputs, wanted=Wanted(**wanted), on_progress=_progress(stack), **parameters
        )
    write_comparison(showing.format, sys.stdout, found)
    return found


def _require_no_keep(parameters: Mapping[str, Any], options: str) -> None:
    """Raise UsageError for columns to show where no element is shown."""
    if parameters.get("keep"):
        raise UsageError(f"--keep shows a column with each element. Use it with {options}.")


def judge(comparison: Comparison) -> None:
    """Raise GateError if the second model is worse."""
    from losscli.comparison import is_worse  # noqa: PLC0415 - for this alone

    if is_worse(comparison):
        ci = comparison.ci
        if math.isnan(comparison.difference):
            raise GateError("the difference of B from A is NaN (--fail-if-worse)")
        within = "" if ci is None else f" (95 % interval {ci[0]:.6g} to {ci[1]:.6g})"
        raise GateError(f"B is worse than A by {comparison.difference:.6g}{within}")


def _paths(
    loss: str, inputs: Sequence[Any], wanted: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Iterator[str]:
    """What may name a file: the arrays of the loss, the classes' names and the labels."""
    arrays = (parameters.get(array.name) for array in find(loss).inputs)
    labels = (name for name in (*wanted["by"], wanted["cluster"]) if name not in WORDS)
    for given in (*inputs, *arrays, parameters.get("classes"), *labels):
        yield from (one for one in _several(given) if isinstance(one, str))


def _several(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _require_not_read(output: str, paths: Iterable[str]) -> None:
    """Raise UsageError if the output would take the place of a file that is read."""
    if any(_is_same(file, output) for path in paths for file in _files(path)):
        raise UsageError(f"--output is {output!r}, which is read as well; give another name")


def _files(path: str) -> Sequence[str | int]:
    """The files that a path, a directory or a glob stands for, or the number of an open one."""
    if path == STANDARD_INPUT:
        return [0]
    try:
        return files_of(path)
    except (DataError, OSError):  # opening it says what is wrong
        return []


def _is_same(one: str | int, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _progress(stack: ExitStack) -> Callable[[int, int | None], None] | None:
    """A bar on a terminal; never a byte of it elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    from losscli.report.progress import Progress  # noqa: PLC0415 - on a terminal alone

    return stack.enter_context(Progress(sys.stderr)).update
