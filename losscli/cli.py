"""The command line: one command a loss, made from the registry, and the error boundary."""

from __future__ import annotations

import codecs
import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from losscli._version import __version__
from losscli.errors import DataError, LosscliError, UsageError, first_line
from losscli.losses import LISTED, Listed
from losscli.losses.names import MEANT
from losscli.parameters import (
    DELIMITER_HELP,
    FLAG,
    FORMAT_HELP,
    HEADER_HELP,
    INPUT_FORMAT,
    LEGACY,
    WHERE_HELP,
    comparison_parameters,
    escaped,
    given_arrays,
    is_numbers,
    legacy_reduction,
    parameters_of,
    showing_of,
    wanted_of,
)
from losscli.report import FORMATS, write_findings, write_rows
from losscli.text import escaped_in_json, printable

# What imports NumPy is imported where it is used: without it, `losscli --help` takes 115 ms and not
# 245, of which Typer and rich take 110.
if TYPE_CHECKING:
    from losscli.actions import Showing
    from losscli.losses.registry import Loss

INTERNAL_ERROR = 1
INTERRUPTED = 130
CLOSED_PIPE = 141

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

_FOR_IMPORT = "it may lack memory (ulimit -v), or has to be installed anew"

# What a command does, once its words are understood.
Action = Callable[[], None]


class Terminated(BaseException):
    """The process is asked to end by a signal; nothing half done is to stay."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line. Every error ends here, as one line on stderr and an exit code."""
    try:
        _run(sys.argv[1:] if arguments is None else arguments)
        return 0
    except LosscliError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(error.format_message().replace("Value error, ", ""), UsageError.exit_code)
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", INTERRUPTED)
    except Terminated as error:
        return _fail("terminated", error.exit_code)
    except ImportError as error:
        return _fail(f"cannot load a library: {_reason(error)}; {_FOR_IMPORT}", DataError.exit_code)
    except MemoryError:
        return _fail("there is not enough memory", DataError.exit_code)
    except OSError as error:
        return _system_failed(error)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # a reader of the help that left
            return CLOSED_PIPE
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: a user never sees a traceback
        return _internal_error(error)


def _run(arguments: Sequence[str]) -> None:
    _show_any_character()
    _forget_odd_sizes()
    words = [_guarded(word) for word in arguments]
    _require_own_name(words)
    action = _app(words)(words, prog_name="losscli", standalone_mode=False)
    if sys.stdout is None:
        raise DataError("cannot write the result: standard output is closed")
    if action == INTERRUPTED:  # while the words were read; typer takes it for an answer
        raise KeyboardInterrupt
    if not isinstance(action, int):  # --help and --version have answered by themselves
        _keep_memory()
        action()
    sys.stdout.flush()


def _require_own_name(words: Sequence[str]) -> None:
    """Raise UsageError for a command by a name that its loss has elsewhere."""
    name = next(iter(words[1:] if words[:1] == ["compare"] else words), "")
    meant = MEANT.get(name.lower().replace("_", "-"))
    if meant is not None:
        raise UsageError(f"there is no command {name}. {meant}")


def _show_any_character() -> None:
    """Where a stream's encoding lacks a character, its escape is shown instead: that of JSON, of
    which JSON stays what it is."""
    codecs.register_error("losscli", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="losscli")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return escaped_in_json(error.object[error.start : error.end]), error.end


def _forget_odd_sizes() -> None:
    """Let the terminal tell the size of the screen, where variables hold what is none: rich takes
    `²` for a number, and 0 as it is."""
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        if not re.fullmatch(r"[1-9][0-9]{0,3}", os.environ.get(name, "")):
            os.environ.pop(name, None)


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
    return f" {word}" if word.startswith("-") and is_numbers(word) else word


def _system_failed(error: OSError) -> int:
    """Standard output: a reader that left, or a full disk. What readers meet is a DataError, and
    an error that names a path is of no stream."""
    if error.filename is not None:
        return _fail(f"{error.filename}: {error.strerror}", DataError.exit_code)
    _silence(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE
    return _fail(f"cannot write the result: {error.strerror}", DataError.exit_code)


def _reason(error: ImportError) -> str:
    """Its first line; NumPy's own error explains at length the one that it comes from."""
    cause = error.__cause__
    return first_line(cause if isinstance(cause, ImportError) else error)


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
    """A line on stderr. Where nobody can read it, that changes neither answer nor exit code."""
    if sys.stderr is None:  # print would take None for standard output
        return
    try:
        print(f"losscli: {kind}: {printable(' '.join(message.split()))}", file=sys.stderr)
    except OSError:
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Let a stream that failed not fail once more: Python flushes it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _app(words: Sequence[str]) -> typer.Typer:
    """All commands; with their options only those that are asked for, which saves 50 ms."""
    completing = "_LOSSCLI_COMPLETE" in os.environ

    def is_wanted(names: Iterable[str]) -> bool:
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
    app.add_typer(_comparisons(is_wanted), name="compare")
    app.command("losses")(_losses)
    app.command("inspect")(_inspect)
    return app


def _comparisons(is_wanted: Callable[[Iterable[str]], bool]) -> typer.Typer:
    """The commands `compare LOSS`."""
    app = typer.Typer(
        no_args_is_help=True,
        help="Compare two models on the same targets: losscli compare LOSS A B TARGET.",
    )
    if is_wanted(["compare"]):
        for listed in LISTED.values():
            for name in filter(None, (listed.name, listed.alias)):
                command = _comparison_command(listed.name) if is_wanted([name]) else _nothing
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
    metavar=FLAG,
    callback=_show_version,
    is_eager=True,
    help="Show the version and exit.",
)


def _root(version: Annotated[bool, _VERSION] = False) -> None:
    """The loss of saved model outputs, as PyTorch computes it."""


def _losses(
    format: Annotated[
        Literal[FORMATS] | None,  # type: ignore[valid-type]
        typer.Option("--format", "-f", metavar="FORMAT", help=FORMAT_HELP),
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
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of any format.")],
    full: Annotated[
        bool,
        typer.Option("--full", metavar=FLAG, help="Look at all rows, not at the first alone."),
    ] = False,
    format: Annotated[
        Literal[FORMATS] | None,  # type: ignore[valid-type]
        typer.Option("--format", "-f", metavar="FORMAT", help=FORMAT_HELP),
    ] = None,
    input_format: Annotated[str | None, typer.Option(metavar="FORMAT", help=INPUT_FORMAT)] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", metavar=FLAG, help=escaped(HEADER_HELP))
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHARACTER", help=escaped(DELIMITER_HELP))
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help=WHERE_HELP)
    ] = None,
) -> Action:
    """Describe files and suggest the losscli command to run on them."""

    def action() -> None:
        from losscli.inspection import Look  # noqa: PLC0415
        from losscli.inspection import inspect as inspect_files  # noqa: PLC0415
        from losscli.proposal import probable_command  # noqa: PLC0415
        from losscli.readers.where import Where  # noqa: PLC0415
        from losscli.request import make_reading  # noqa: PLC0415

        warnings: list[str] = []
        reading = make_reading(input_format, header, delimiter)
        look = Look(full, reading, tuple(map(Where.parsed, where or ())))
        findings = inspect_files(files, look, warnings.append)
        found = probable_command(findings, look)
        command = None if found is None else str(found)
        write_findings(format, sys.stdout, findings, command, warnings)
        told = format in ("json", "table") or (format is None and sys.stdout.isatty())
        if command is not None and not told:
            _say("note", f"probably: {command}")
        for warning in warnings:
            _say("warning", warning)

    return action


def _inputs(loss: Loss) -> str:
    """Its arrays; those that may be left out in brackets."""
    return " ".join(one.name if one.required else f"[{one.name}]" for one in loss.arrays)


def _help(listed: Listed) -> str:
    """The summary, and the formula line for line."""
    alias = f" Short: {listed.alias}." if listed.alias else ""
    return escaped(f"{listed.summary}{alias}\n\n\b\n{listed.formula}")


def _command(name: str) -> Callable[..., Action]:
    """The command of a loss; its options follow from the loss's signature and docstring."""
    return _made_of(name, parameters_of, _answer)


def _comparison_command(name: str) -> Callable[..., Action]:
    """The command that compares two models by a loss: its own, with a second input."""
    return _made_of(name, comparison_parameters, _compare)


def _made_of(
    name: str,
    parameters_for: Callable[[Loss], list[inspect.Parameter]],
    act: Callable[[Loss, dict[str, Any]], None],
) -> Callable[..., Action]:
    """A command that has the parameters of a loss, and acts on what they were given."""
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    loss = LOSSES[name]

    def command(**words: Any) -> Action:
        return partial(act, loss, words)

    parameters = parameters_for(loss)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _answer(loss: Loss, words: dict[str, Any]) -> None:
    """Evaluate what a command was given and report it."""
    from losscli.actions import answer  # noqa: PLC0415

    legacy = {name: words.pop(name) for name in LEGACY}
    if set(legacy.values()) != {None}:
        words["reduction"] = legacy_reduction(**legacy)
    showing, wanted = showing_of(words), wanted_of(words)
    inputs, given = given_arrays(loss, words)
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
    showing, wanted = showing_of(words), wanted_of(words)
    inputs, given = given_arrays(loss, words)
    found = answer_comparison(loss.name, inputs, wanted, showing, given)
    both = (found.a, found.b)
    _tell(
        showing,
        dict.fromkeys(note for result in both for note in result.notes),
        dict.fromkeys(text for result in both for text in result.warnings),
    )
    if fails:
        judge(found)


def _tell(showing: Showing, notes: Iterable[str], warnings: Iterable[str]) -> None:
    """Say on stderr what there is to say beside the result, which is out by then."""
    sys.stdout.flush()
    for note in () if showing.quiet else notes:
        _say("note", note)
    for warning in warnings:
        _say("warning", warning)
