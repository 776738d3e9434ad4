"""The process around a command: its streams, its memory, and what it says on stderr."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from contextlib import suppress
from typing import TextIO

from losscli.text import escaped_in_json, printable

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def prepare() -> None:
    """Make streams and sizes of the screen what the output formats expect."""
    _wait_for_others()
    _show_any_character()
    _forget_odd_sizes()


def _wait_for_others() -> None:
    """Have standard streams wait for a slow producer or reader. A program before or behind may have
    left them so that they do not; Python then reads nothing, and loses what is not taken at once.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError, ValueError):  # it is closed, or none of the system's
            os.set_blocking(stream.fileno(), True)


# How terminals show errors red, warnings yellow and notes cyan.
_COLOURS = {"error": "1;31", "warning": "1;33", "note": "36"}


def say(kind: str, message: str) -> None:
    """A line on stderr. Where nobody can read it, that changes neither answer nor exit code."""
    if sys.stderr is None:  # print would take None for standard output
        return
    name = f"losscli: {kind}:"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        name = f"\x1b[{_COLOURS[kind]}m{name}\x1b[0m"
    try:
        print(f"{name} {printable(message)}", file=sys.stderr)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Let a stream that failed not fail once more: Python flushes it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def keep_memory() -> None:
    """Let the C library keep what blocks leave, and not give it back after each of them.

    Fresh pages are slower than what is computed on them: this takes `bce-with-logits` from 25 to 8
    ns an element, `mse` from 3.9 to 0.7. The constants are glibc's; other libraries lack the call.
    """
    import ctypes  # noqa: PLC0415 - for this alone

    with suppress(AttributeError, OSError):  # other libraries
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 25)
        mallopt(_M_TRIM_THRESHOLD, 1 << 26)


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
