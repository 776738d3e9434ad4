"""Runs a command line and turns every error into one line and an exit code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import typer

from losscli._begin import INTERRUPTED
from losscli.cli.commands import COMPLETE, OTHER_COMMANDS, app_of, full_words
from losscli.cli.process import keep_memory, prepare, say, silence
from losscli.cli.supervisor import Terminated
from losscli.cli.text import guarded
from losscli.cli.usage import message_of, require_command
from losscli.errors import DataError, LosscliError, UsageError, first_line
from losscli.readers.files.uri import require_no_secrets

INTERNAL_ERROR = 1
CLOSED_PIPE = 141

_FOR_IMPORT = "Raise the memory limit (ulimit -v), or reinstall the library."


def main(
    arguments: Sequence[str] | None = None, signals: AbstractContextManager[None] | None = None
) -> int:
    """Run a command line, and return its exit code. Every error becomes one line on stderr. So does
    every signal that raises an exception within the context `signals`."""
    try:
        with signals or nullcontext():
            _run(sys.argv[1:] if arguments is None else arguments)
        return 0
    except LosscliError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail(message_of(error), UsageError.exit_code)
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", INTERRUPTED)
    except Terminated as error:
        return _fail(str(error), error.exit_code)
    except ImportError as error:
        return _fail(f"cannot load a library: {_reason(error)}. {_FOR_IMPORT}", DataError.exit_code)
    except MemoryError:
        return _fail("not enough memory", DataError.exit_code)
    except OSError as error:
        return _system_failed(error)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # the reader of the help closed the pipe
            return CLOSED_PIPE
        raise
    except Exception as error:  # noqa: BLE001 - users never see a traceback
        return _internal_error(error)


def _run(arguments: Sequence[str]) -> None:
    """Parse a command into an action, and run the action."""
    prepare()
    for word in arguments:
        require_no_secrets(word)
    _require_completion()
    words = full_words([guarded(word) for word in arguments])
    require_command(words, OTHER_COMMANDS)
    action = app_of(words)(words, prog_name="losscli", standalone_mode=False)
    if sys.stdout is None:
        raise DataError("cannot write the result: standard output is closed")
    if action == INTERRUPTED:  # Ctrl-C during argument parsing: typer returns it as an exit code
        raise KeyboardInterrupt
    if not isinstance(action, int):  # --help and --version return an exit code
        keep_memory()
        action()
    sys.stdout.flush()


def _require_completion() -> None:
    """Ignore a request for completion that lacks the words to complete."""
    index = os.environ.get("COMP_CWORD", "")
    has_words = "COMP_WORDS" in os.environ and re.fullmatch(r"[0-9]{1,9}", index) is not None
    if not has_words and "_TYPER_COMPLETE_ARGS" not in os.environ:
        os.environ.pop(COMPLETE, None)


def _system_failed(error: OSError) -> int:
    """Report an OSError. An error without a path comes from standard output, which is a closed pipe
    or on a full disk. Input files raise DataError instead."""
    if error.filename is not None:
        return _fail(f"{error.filename}: {error.strerror}", DataError.exit_code)
    silence(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE
    return _fail(f"cannot write the result: {error.strerror}", DataError.exit_code)


def _reason(error: ImportError) -> str:
    """The first line of the error, or of its cause: NumPy wraps the cause in a long text."""
    cause = error.__cause__
    return first_line(cause if isinstance(cause, ImportError) else error)


def _internal_error(error: Exception) -> int:
    if sys.flags.dev_mode:
        raise error
    return _fail(
        f"internal error: {type(error).__name__}: {error}. Please report this error, with the "
        "traceback that python -P -X dev -m losscli shows.",
        INTERNAL_ERROR,
    )


def _fail(message: str, exit_code: int) -> int:
    if message:  # empty if the help was shown instead
        say("error", message)
    return exit_code
