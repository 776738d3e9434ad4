"""The command line: one command a loss, made from the registry, and the error boundary."""

from __future__ import annotations

import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from losscli._version import __version__
from losscli.errors import DataError, LosscliError, UsageError
from losscli.losses import LISTED, Listed, kebab
from losscli.readers import FORMATS as FILE_FORMATS
from losscli.report import FORMATS, write_findings, write_rows
from losscli.text import printable

# What imports NumPy is imported where it is used: without it, `losscli --help` takes 115 ms and not
# 245, of which Typer and rich take 110.
if TYPE_CHECKING:
    from losscli.actions import Showing
    from losscli.losses.registry import ArrayParameter, Loss, Option

INTERNAL_ERROR = 1
INTERRUPTED = 130
TERMINATED = 143
CLOSED_PIPE = 141

_NUMBER = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)\s*", re.IGNORECASE)

_SHORT = {"input": "-i", "target": "-t", "weight": "-w"}

_ARRAYS, _FILES, _LOSS, _DETAIL, _RESULT = "Arrays", "Files", "Loss", "Detail", "Result"

_OUTPUT_HELP = "Write the loss of each element: .npy, .csv, .parquet or .jsonl."
_BY_HELP = (
    "The loss of each group, worst first: by a column, a file of labels, or class; may be repeated."
)
_CLUSTER_HELP = "What belongs together, as the tokens of a document, counts as one sample."
_QUANTILES_HELP = "Such as 0.5,0.9,0.99; at most 0.1 % off."
_FAIL_ON_HELP = "What --fail-above judges: the loss, or the upper end of its interval."

_REDUCTION_HELP = "One number, or the loss of each element."
_FORMAT_HELP = f"{', '.join(FORMATS)}; unless given, table on a terminal and plain in a pipe."

_INPUT_FORMAT = f"The format of the first file, whatever it is called: {', '.join(FILE_FORMATS)}."

# PyTorch's deprecated switches in place of `reduction`.
_LEGACY = ("size_average", "reduce")

# In the help, a switch that takes no value.
_FLAG = " "

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

# What a command does, once its words are understood.
Action = Callable[[], None]


class Terminated(BaseException):
    """The process is asked to end; nothing half done is to stay."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line. Every error ends here, as one line on stderr and an exit code."""
    _show_any_character()
    words = [_guarded(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    try:
        action = _app(words)(words, prog_name="losscli", standalone_mode=False)
        if isinstance(action, int):  # --help and --version have answered by themselves
            return action
        if sys.stdout is None:
            raise DataError("cannot write the result: standard output is closed")
        _keep_memory()
        action()
        sys.stdout.flush()
        return 0
    except LosscliError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(error.format_message().replace("Value error, ", ""), UsageError.exit_code)
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", INTERRUPTED)
    except Terminated:
        return _fail("terminated", TERMINATED)
    except MemoryError:
        return _fail("there is not enough memory", DataError.exit_code)
    except OSError as error:
        return _output_failed(error)
    except Exception as error:  # noqa: BLE001 - the boundary: a user never sees a traceback
        return _internal_error(error)


def _show_any_character() -> None:
    """Where the terminal's encoding lacks a character, its escape is shown instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _keep_memory() -> None:
    """Let the C library keep what blocks leave, and not give it back after each of them.

    Fresh pages are slower than what is computed on them: this takes `bce-with-logits` from 25 to 8
    ns an element, `mse` from 3.9 to 0.7. The constants are glibc's; other libraries lack the call.
    """
    import ctypes  # noqa: PLC0415 - for this alone

    with suppress(AttributeError, OSError):  # other libraries
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 25)
        mallopt(_M_TRIM_THRESHOLD, 1 << 26)


def _guarded(word: str) -> str:
    """A list of numbers that begins with a minus is no option; a blank says so to typer."""
    return f" {word}" if word.startswith("-") and _is_numbers(word) else word


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
    if sys.stderr is not None:  # print would take None for standard output
        print(f"losscli: {kind}: {printable(' '.join(message.split()))}", file=sys.stderr)


def _app(words: Sequence[str]) -> typer.Typer:
    """All commands; with their options only those that are asked for, which saves 50 ms."""
    completing = "_LOSSCLI_COMPLETE" in os.environ

    def is_wanted(names: Collection[str]) -> bool:
        return completing or any(name in words for name in names)

    app = typer.Typer(
        name="losscli",
        no_args_is_help=True,
        epilog="losscli nll preds.npy labels.npy prints the loss; losscli LOSS --help says what a "
        "loss takes.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for listed in LISTED.values():
        names = {listed.name: False, listed.alias: True} if listed.alias else {listed.name: False}
        command = _command(listed.name) if is_wanted(names) else _nothing
        for name, hidden in names.items():
            app.command(name, hidden=hidden, help=_help(listed))(command)
    app.add_typer(_comparisons(words), name="compare")
    app.command("losses")(_losses)
    app.command("inspect")(_inspect)
    return app


def _comparisons(words: Sequence[str]) -> typer.Typer:
    """The commands `compare LOSS`."""
    app = typer.Typer(
        no_args_is_help=True,
        help="Compare two models on the same targets: losscli compare LOSS A B TARGET.",
    )
    if "compare" in words or "_LOSSCLI_COMPLETE" in os.environ:
        for listed in LISTED.values():
            for name in filter(None, (listed.name, listed.alias)):
                command = _comparison_command(listed.name) if name in words else _nothing
                hidden = name == listed.alias
                app.command(name, hidden=hidden, help=_help(listed))(command)
    return app


def _nothing() -> None:
    """Stands in the list of commands."""


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
        typer.Option("--format", "-f", metavar="FORMAT", help=_FORMAT_HELP),
    ] = None,
) -> Action:
    """List the losses with their formulas."""
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    header = ("loss", "inputs", "formula", "PyTorch")
    rows = [
        (loss.name, _inputs(loss), loss.formula, loss.source.removeprefix("torch.nn.functional."))
        for loss in LOSSES.values()
    ]
    return partial(write_rows, format, sys.stdout, header, rows)


def _inspect(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of any format.")],
    full: Annotated[
        bool,
        typer.Option("--full", metavar=_FLAG, help="Look at all rows, not at the first alone."),
    ] = False,
    format: Annotated[
        Literal[FORMATS] | None,  # type: ignore[valid-type]
        typer.Option("--format", "-f", metavar="FORMAT", help=_FORMAT_HELP),
    ] = None,
    input_format: Annotated[str | None, typer.Option(metavar="FORMAT", help=_INPUT_FORMAT)] = None,
) -> Action:
    """Tell what files hold, and the command that is probably wanted."""

    def action() -> None:
        from losscli.inspection import inspect as inspect_files  # noqa: PLC0415
        from losscli.inspection import probable_command  # noqa: PLC0415
        from losscli.request import make_reading  # noqa: PLC0415

        findings = inspect_files(files, full, make_reading(input_format, None, None))
        command = probable_command(findings)
        write_findings(format, sys.stdout, findings, command)
        told = format in ("json", "table") or (format is None and sys.stdout.isatty())
        if command is not None and not told:
            _say("note", f"probably: {command}")

    return action


def _inputs(loss: Loss) -> str:
    """Its arrays; those that may be left out in brackets."""
    return " ".join(one.name if one.required else f"[{one.name}]" for one in loss.arrays)


def _help(listed: Listed) -> str:
    """The summary, and the formula line for line."""
    alias = f" Short: {listed.alias}." if listed.alias else ""
    return _escaped(f"{listed.summary}{alias}\n\n\b\n{listed.formula}")


def _command(name: str) -> Callable[..., Action]:
    """The command of a loss; its options follow from the loss's signature and docstring."""
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    loss = LOSSES[name]

    def command(**words: Any) -> Action:
        return partial(_answer, loss, words)

    parameters = _parameters(loss)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _comparison_command(name: str) -> Callable[..., Action]:
    """The command that compares two models by a loss: its own, with a second input."""
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    loss = LOSSES[name]

    def command(**words: Any) -> Action:
        return partial(_compare, loss, words)

    first = loss.arrays[0]
    second = typer.Argument(metavar="B", help=f"The {first.name} of the second model.")
    worse = typer.Option(
        "--fail-if-worse",
        metavar=_FLAG,
        help="Exit with 3 if B is worse than A by more than chance.",
        rich_help_panel=_DETAIL,
    )
    left_out = {
        *("more", "output", "quantiles", "histogram", "accuracy", "fail_above", "fail_on"),
        *(first.name, *_LEGACY),
    }
    parameters = [one for one in _parameters(loss) if one.name not in left_out]
    parameters[0] = _parameter(
        parameters[0].name,
        str,
        typer.Argument(metavar="A", help=f"The {first.name} of the first model."),
        inspect.Parameter.empty,
    )
    parameters.insert(1, _parameter("second_argument", str, second, inspect.Parameter.empty))
    parameters.append(_parameter("fail_if_worse", bool, worse, False))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _parameters(loss: Loss) -> list[inspect.Parameter]:
    arrays = [one for array in loss.inputs for one in _array_parameters(loss, array)]
    more = typer.Argument(hidden=True)
    return [
        *arrays,
        _parameter("more", list[str] | None, more, None),
        *_files(loss),
        *map(_option, loss.options),
        *_common(loss),
    ]


def _array_parameters(loss: Loss, array: ArrayParameter) -> list[inspect.Parameter]:
    """An argument if the array is required, an option for its file and one for its columns."""
    option, first = f"--{kebab(array.name)}", loss.arrays[0]
    short = [_SHORT[array.name]] if array.name in _SHORT else []
    file = typer.Option(
        option,
        *([] if array.required else short),
        metavar="FILE" if array.required else "FILE|NUMBERS",
        help=f"The same as {array.name.upper()}; may be repeated, for a file in several parts."
        if array.required
        else _escaped(array.help),
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
        _parameter(array.name, list[str] | None, file, None),
        _parameter(f"{array.name}_column", list[str] | None, column, None),
    ]
    if array.required:
        argument = typer.Argument(metavar=array.name.upper(), help=_escaped(array.help))
        parameters.insert(0, _parameter(f"{array.name}_argument", str | None, argument, None))
    return parameters


def _files(loss: Loss) -> list[inspect.Parameter]:
    """How files are read, where they do not tell themselves."""
    options: dict[str, tuple[str, Any, str]] = {
        "id": ("COLUMN", str | None, "Pair the rows of several tables by this column."),
        "skip_missing": (_FLAG, bool, "Leave out rows that lack a value, instead of an error."),
        "input_format": (
            "FORMAT",
            str | None,
            _INPUT_FORMAT,
        ),
        "header": (_FLAG, bool | None, "Whether CSV has a line of names; else its look decides."),
        "delimiter": ("CHARACTER", str | None, "What stands between the cells of CSV, or tab."),
    }
    if any(option.name == "class_base" for option in loss.options):
        names = "Names of the classes, with commas between them, or a file of one a line."
        options["classes"] = ("NAMES|FILE", str | None, names)
    return [
        _parameter(
            name,
            kind,
            typer.Option(
                _switch_names(name, kind), metavar=metavar, help=text, rich_help_panel=_FILES
            ),
            False if kind is bool else None,
        )
        for name, (metavar, kind, text) in options.items()
    ]


def _switch_names(name: str, kind: Any) -> str:
    option = kebab(name)
    return f"--{option}/--no-{option}" if kind == bool | None else f"--{option}"


def _option(option: Option) -> inspect.Parameter:
    unless = f"; {option.default} unless given" if option.several else ""
    info = typer.Option(
        _names(option),
        help=_escaped(option.help + unless),
        metavar="INDEX" if option.several else _FLAG if option.kind is bool else None,
        show_default=not option.several and option.default is not None,
        rich_help_panel=_LOSS,
    )
    kind = list[int] if option.several else option.kind
    without = option.several or option.default is None
    return _parameter(
        option.name, kind | None if without else kind, info, None if without else option.default
    )


def _names(option: Option) -> str:
    name = kebab(option.name)
    return f"--{name}/--no-{name}" if option.kind is bool else f"--{name}"


def _common(loss: Loss) -> list[inspect.Parameter]:
    """What every loss takes."""
    reduction = typer.Option("--reduction", "-r", help=_REDUCTION_HELP, rich_help_panel=_RESULT)
    format_name = typer.Option(
        "--format", "-f", metavar="FORMAT", help=_FORMAT_HELP, rich_help_panel=_RESULT
    )
    threads = typer.Option(
        "--threads",
        "-j",
        metavar="N",
        help="How many threads compute; unless given, one for each core. The result is the same.",
        rich_help_panel=_RESULT,
    )
    on_nan = typer.Option(
        "--on-nan",
        help="What a loss that is NaN does; skip leaves it out.",
        rich_help_panel=_RESULT,
    )
    broadcast = "Let input and target broadcast to more elements than either has."
    return [
        _parameter("reduction", Literal[loss.reductions], reduction, "mean"),
        _parameter("format", Literal[FORMATS] | None, format_name, None),
        *_details(loss),
        *([_switch("broadcast", broadcast)] if loss.broadcasts else []),
        _parameter("threads", int | None, threads, None),
        _parameter("on_nan", Literal["warn", "error", "skip"], on_nan, "warn"),
        _switch("no_check", "Do not look for mistakes in what the arrays hold."),
        _switch("strict", "Take what looks wrong for an error."),
        _switch("quiet", "No notes on stderr on what was chosen.", "-q"),
        *(_legacy_switch(name) for name in _LEGACY),
    ]


def _details(loss: Loss) -> list[inspect.Parameter]:
    """What can be told beside the number, where it goes, and when it is too large."""
    options: dict[str, tuple[Any, Any, list[str], str | None, str]] = {
        "output": (str | None, None, ["-o"], "FILE", _OUTPUT_HELP),
        "by": (list[str] | None, None, [], "COLUMN", _BY_HELP),
        "cluster": (str | None, None, [], "COLUMN", _CLUSTER_HELP),
        "top": (int | None, None, [], "K", "The K worst elements, with their index."),
        "quantiles": (str | None, None, [], "SHARES", _QUANTILES_HELP),
        "histogram": (bool, False, [], _FLAG, "How the losses are distributed."),
        "accuracy": (bool, False, [], _FLAG, "How often the largest input is the target."),
        "digest": (bool, False, [], _FLAG, "The SHA-256 of every file that was read."),
        "fail_above": (float | None, None, [], "NUMBER", "Exit with 3 if the loss is larger."),
        "fail_on": (Literal["loss", "upper"] | None, None, [], None, _FAIL_ON_HELP),
    }
    if not any(option.name == "class_base" for option in loss.options):
        del options["accuracy"]
    return [
        _parameter(
            name,
            kind,
            typer.Option(
                f"--{kebab(name)}", *short, metavar=metavar, help=text, rich_help_panel=_DETAIL
            ),
            default,
        )
        for name, (kind, default, short, metavar, text) in options.items()
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
    from losscli.actions import answer  # noqa: PLC0415

    legacy = {name: words.pop(name) for name in _LEGACY}
    if set(legacy.values()) != {None}:
        words["reduction"] = _legacy_reduction(**legacy)
    showing, wanted = _showing(words), _wanted(words)
    inputs, given = _given(loss, words)
    result = answer(loss.name, inputs, wanted, showing, given)
    notes = list(result.notes)
    if set(legacy.values()) != {None}:
        notes.append(
            "--size-average and --reduce are deprecated, as in PyTorch; "
            f"--reduction {result.reduction} says the same"
        )
    _tell(showing, notes, result.warnings)
    if showing.gate is not None:
        showing.gate.judge(result)


def _compare(loss: Loss, words: dict[str, Any]) -> None:
    """Compare what a command was given and report it."""
    from losscli.actions import answer_comparison, judge  # noqa: PLC0415

    fails = words.pop("fail_if_worse")
    showing, wanted = _showing(words), _wanted(words)
    inputs, given = _given(loss, words)
    found = answer_comparison(loss.name, inputs, wanted, showing, given)
    both = (found.a, found.b)
    _tell(
        showing,
        dict.fromkeys(note for result in both for note in result.notes),
        dict.fromkeys(text for result in both for text in result.warnings),
    )
    if fails:
        judge(found)


def _given(loss: Loss, words: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arrays in their order, and all else that was given."""
    words["check"] = not words.pop("no_check")
    given = {name: value for name, value in words.items() if value is not None}
    first, *others = (f"{array.name}_argument" for array in loss.arrays)
    arguments = [given.pop(name, None) for name in (first, "second_argument", *others)]
    arguments += given.pop("more", [])
    given |= {
        array.name: _one_array(given[array.name]) for array in loss.inputs if array.name in given
    }
    return [_array(word) for word in arguments if word is not None], given


def _tell(showing: Showing, notes: Iterable[str], warnings: Iterable[str]) -> None:
    """Say on stderr what there is to say beside the result, which is out by then."""
    sys.stdout.flush()
    for note in () if showing.quiet else notes:
        _say("note", note)
    for warning in warnings:
        _say("warning", warning)


def _showing(words: dict[str, Any]) -> Showing:
    from losscli.actions import Gate, Showing  # noqa: PLC0415

    above, on = words.pop("fail_above", None), words.pop("fail_on", None)
    if above is None and on is not None:
        raise UsageError(f"--fail-on {on} says what --fail-above judges, and that is missing")
    gate = None if above is None else Gate(above, on or "loss")
    return Showing(words.pop("format"), words.pop("output", None), gate, words.pop("quiet"))


def _wanted(words: dict[str, Any]) -> dict[str, Any]:
    """What is to be told beside the number."""
    quantiles, top = words.pop("quantiles", None), words.pop("top")
    if top is not None and top < 1:
        raise UsageError(f"--top is {top}; expected at least 1")
    return {
        "by": _parts(words.pop("by")),
        "cluster": words.pop("cluster"),
        "accuracy": words.pop("accuracy", False),
        "top": top or 0,
        "quantiles": _parts([quantiles] if quantiles else None),
        "histogram": words.pop("histogram", False),
        "digest": words.pop("digest"),
    }


def _parts(texts: Sequence[str] | None) -> tuple[str, ...]:
    """What stands between the commas of each."""
    return tuple(part.strip() for text in texts or () for part in text.split(",") if part.strip())


def _one_array(words: list[str]) -> str | list[float] | list[str]:
    """What an option was given: numbers, a path, or the paths of several parts."""
    return _array(words[0]) if len(words) == 1 else words


def _array(text: str) -> str | list[float]:
    """Numbers with commas between them are an array, anything else is a path."""
    return [float(part) for part in text.split(",")] if _is_numbers(text) else text


def _is_numbers(text: str) -> bool:
    return all(_NUMBER.fullmatch(part) for part in text.split(","))


def _escaped(text: str) -> str:
    """A sentence for the help, where brackets would be markup."""
    return (text[0].upper() + text[1:]).replace("[", "\\[")
