"""The command line: one command a loss, made from the registry, and the error boundary."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import typer

from losscli._version import __version__
from losscli.errors import DataError, LosscliError, UsageError
from losscli.evaluate import evaluate
from losscli.losses.registry import LOSSES, ArrayParameter, Integers, Loss, Option, kebab
from losscli.report import FORMATS, open_report, write_rows

INTERNAL_ERROR = 1
INTERRUPTED = 130
CLOSED_PIPE = 141

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")

_SHORT = {"input": "-i", "target": "-t", "weight": "-w"}

_ARRAYS, _LOSS, _RESULT = "Arrays", "Loss", "Result"

_REDUCTION_HELP = "One number, or the loss of each element."
_FORMAT_HELP = "How to print it; unless given, a table on a terminal and plain text in a pipe."

# PyTorch's deprecated switches in place of `reduction`.
_LEGACY = ("size_average", "reduce")

# In the help, a switch that takes no value.
_FLAG = " "

# What a command does, once its words are understood.
Action = Callable[[], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line. Every error ends here, as one line on stderr and an exit code."""
    try:
        action = _app()(arguments, prog_name="losscli", standalone_mode=False)
        if isinstance(action, int):  # --help and --version have answered by themselves
            return action
        action()
        sys.stdout.flush()
        return 0
    except LosscliError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(error.format_message(), UsageError.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except OSError as error:
        return _output_failed(error)
    except Exception as error:  # noqa: BLE001 - the boundary: a user never sees a traceback
        return _internal_error(error)


def _output_failed(error: OSError) -> int:
    """What readers meet is a DataError, so this is stdout: a reader that left, or a full disk."""
    # Python flushes stdout again at exit; there it must not fail once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE
    return _fail(f"cannot write the result: {error.strerror}", DataError.exit_code)


def _internal_error(error: Exception) -> int:
    if sys.flags.dev_mode:
        raise error
    return _fail(
        f"internal error, please report it: {type(error).__name__}: {error} "
        "(python -X dev -m losscli shows where)",
        INTERNAL_ERROR,
    )


def _fail(message: str, exit_code: int) -> int:
    if message:  # there is none where the help was shown instead
        _say("error", message)
    return exit_code


def _say(kind: str, message: str) -> None:
    print(f"losscli: {kind}: {' '.join(message.split())}", file=sys.stderr)


def _app() -> typer.Typer:
    app = typer.Typer(
        name="losscli",
        no_args_is_help=True,
        epilog="losscli nll preds.npy labels.npy prints the loss; losscli LOSS --help says what a "
        "loss takes.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for loss in LOSSES.values():
        app.command(loss.name, help=_help(loss))(_command(loss))
        if loss.alias:
            app.command(loss.alias, hidden=True, help=_help(loss))(_command(loss))
    app.command("losses")(_losses)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"losscli {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    "--version",
    "-V",
    metavar=_FLAG,
    callback=_show_version,
    is_eager=True,
    help="Show the version and exit.",
)


def _root(version: Annotated[bool, _VERSION] = False) -> None:
    """The loss of saved model outputs, as PyTorch computes it."""


def _losses(
    format: Annotated[
        Literal[FORMATS] | None,  # type: ignore[valid-type]
        typer.Option("--format", "-f", help=_FORMAT_HELP, show_default=False),
    ] = None,
) -> Action:
    """List the losses with their formulas."""
    header = ("loss", "inputs", "formula", "PyTorch")
    rows = [
        (loss.name, _inputs(loss), loss.formula, loss.source.removeprefix("torch.nn.functional."))
        for loss in LOSSES.values()
    ]
    return partial(write_rows, format, sys.stdout, header, rows)


def _inputs(loss: Loss) -> str:
    """Its arrays; those that may be left out in brackets."""
    return " ".join(one.name if one.required else f"[{one.name}]" for one in loss.arrays)


def _help(loss: Loss) -> str:
    """The summary, and the formula line for line."""
    alias = f" Short: {loss.alias}." if loss.alias else ""
    return _escaped(f"{loss.summary}{alias}\n\n\b\n{loss.formula}")


def _command(loss: Loss) -> Callable[..., Action]:
    """The command of a loss; its options follow from the loss's signature and docstring."""

    def command(**words: Any) -> Action:
        return partial(_answer, loss, words)

    parameters = _parameters(loss)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _parameters(loss: Loss) -> list[inspect.Parameter]:
    arrays = [one for array in loss.inputs for one in _array_parameters(loss, array)]
    return [*arrays, *map(_option, loss.options), *_common(loss)]


def _array_parameters(loss: Loss, array: ArrayParameter) -> list[inspect.Parameter]:
    """An argument if the array is required, an option for its file and one for its columns."""
    option, first = f"--{kebab(array.name)}", loss.arrays[0]
    short = [_SHORT[array.name]] if array.name in _SHORT else []
    file = typer.Option(
        option,
        *([] if array.required else short),
        metavar="FILE",
        help=f"The same as {array.name.upper()}." if array.required else _escaped(array.help),
        rich_help_panel=_ARRAYS,
    )
    how = "names or globs, with commas between them; may be repeated. Without a file, columns of "
    column = typer.Option(
        f"{option}-column",
        *(short if array.required else []),
        metavar="COLUMN",
        help=f"Columns of a table to take as {array.name}"
        + (f": {how}{first.name.upper()}." if array == first else "."),
        rich_help_panel=_ARRAYS,
    )
    parameters = [
        _parameter(array.name, str | None, file, None),
        _parameter(f"{array.name}_column", list[str] | None, column, None),
    ]
    if array.required:
        argument = typer.Argument(metavar=array.name.upper(), help=_escaped(array.help))
        parameters.insert(0, _parameter(f"{array.name}_argument", str | None, argument, None))
    return parameters


def _option(option: Option) -> inspect.Parameter:
    several = option.kind is Integers
    info = typer.Option(
        _names(option),
        help=_escaped(option.help),
        metavar="INDEX" if several else None,
        show_default=f"{option.default}" if several else option.default is not None,
        rich_help_panel=_LOSS,
    )
    kind = list[int] if several else option.kind
    without = several or option.default is None
    return _parameter(
        option.name, kind | None if without else kind, info, None if without else option.default
    )


def _names(option: Option) -> str:
    name = kebab(option.name)
    return f"--{name}/--no-{name}" if option.kind is bool else f"--{name}"


def _common(loss: Loss) -> list[inspect.Parameter]:
    """What every loss takes."""
    reduction = typer.Option("--reduction", "-r", help=_REDUCTION_HELP, rich_help_panel=_RESULT)
    format_name = typer.Option("--format", "-f", help=_FORMAT_HELP, rich_help_panel=_RESULT)
    broadcast = "Let input and target broadcast to more elements than either has."
    return [
        _parameter("reduction", Literal[loss.reductions], reduction, "mean"),
        _parameter("format", Literal[FORMATS] | None, format_name, None),
        *([_switch("broadcast", broadcast)] if loss.broadcasts else []),
        _switch("no_check", "Do not look for mistakes in what the arrays hold."),
        _switch("strict", "Take what looks wrong for an error."),
        _switch("quiet", "No notes on stderr on what was chosen.", "-q"),
        *(_legacy_switch(name) for name in _LEGACY),
    ]


def _legacy_switch(name: str) -> inspect.Parameter:
    option = kebab(name)
    info = typer.Option(f"--{option}/--no-{option}", hidden=True)
    return _parameter(name, bool | None, info, None)


def _legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """What PyTorch's deprecated switches stand for."""
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _switch(name: str, text: str, *short: str) -> inspect.Parameter:
    info = typer.Option(
        f"--{kebab(name)}", *short, metavar=_FLAG, help=text, rich_help_panel=_RESULT
    )
    return _parameter(name, bool, info, False)


def _parameter(name: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, info],
    )


def _answer(loss: Loss, words: dict[str, Any]) -> None:
    """Evaluate what a command was given and report it."""
    format_name, strict, quiet, unchecked = (
        words.pop(name) for name in ("format", "strict", "quiet", "no_check")
    )
    legacy = {name: words.pop(name) for name in _LEGACY}
    if set(legacy.values()) != {None}:
        words["reduction"] = _legacy_reduction(**legacy)
    given = {name: value for name, value in words.items() if value is not None}
    inputs = [
        _array(given.pop(f"{array.name}_argument"))
        for array in loss.arrays
        if f"{array.name}_argument" in given
    ]
    named = {array.name: _array(given[array.name]) for array in loss.inputs if array.name in given}
    if sys.stdout is None:
        raise DataError("cannot write the result: standard output is closed")
    report = open_report(format_name, sys.stdout)
    each = report.elements if given["reduction"] == "none" else None
    result = evaluate(loss.name, *inputs, on_elements=each, check=not unchecked, **(given | named))
    if strict and result.suspicious:
        raise DataError(f"{result.suspicious[0]} (--strict)")
    report.result(result)
    notes = list(result.notes)
    if set(legacy.values()) != {None}:
        notes.append(
            "--size-average and --reduce are deprecated, as in PyTorch; "
            f"--reduction {result.reduction} says the same"
        )
    for note in () if quiet else notes:
        _say("note", note)
    for warning in result.warnings:
        _say("warning", warning)


def _array(text: str) -> str | list[float]:
    """Numbers with commas between them are an array, anything else is a path."""
    parts = text.split(",")
    if all(_NUMBER.fullmatch(part) for part in parts):
        return [float(part) for part in parts]
    if text == "-":
        raise UsageError("reading from standard input (-) is not there yet; give a file")
    return text


def _escaped(text: str) -> str:
    """A sentence for the help, where brackets would be markup."""
    return (text[0].upper() + text[1:]).replace("[", "\\[")
