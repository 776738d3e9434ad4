"""Two processes: one does the work. The other waits for it, passes signals on, and says how it
ended where it could not say so itself.

Libraries that read files may end their process: Arrow aborts where it finds what its authors
thought impossible, or where memory is refused; a stack overflows; a mapped file is cut short. No
exception tells of these. To fork a process that has loaded nothing takes a millisecond.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

from losscli._begin import TERMINATED
from losscli.text import printable

# What asks the process to end.
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# What the system sends when the other process was killed, which passes nothing on.
_ALONE = signal.SIGIO
_ENDING = (*_PASSED_ON, _ALONE)

# What a library has said before it ended the process; more of it is not kept.
_MOST_SAID = 1 << 16

_FAILED = 1

_REASONS = {
    signal.SIGKILL: "which the system sends where memory runs out",
    signal.SIGBUS: "which it sends where a file becomes shorter while it is read",
}
_DAMAGE = "so a file is damaged or made to do harm"


class Terminated(BaseException):
    """The process is asked to end by a signal; nothing half done is to stay."""

    def __init__(self, number: int) -> None:
        super().__init__(TERMINATED)
        self.exit_code = 128 + number


def supervised(work: Callable[[], int]) -> NoReturn:
    """Do the work in a process of its own, and end as it does: with its exit code, or with one line
    and exit code 1 if a signal ended it."""
    awaited = [*_asked(_PASSED_ON), signal.SIGCHLD]
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _end_with_parent(writer)
        _keep_what_libraries_say(writer)
        leave(work())
    os.close(writer)
    status = _ended(child, awaited)
    with suppress(OSError, AttributeError):  # nobody can read it, which changes no exit code
        sys.stderr.write(_report(status, os.read(reader, _MOST_SAID).decode(errors="replace")))
    leave(_exit_code(status))


def leave(exit_code: int) -> NoReturn:
    """End the process. All that is left goes with it: taking it down piece by piece would take 30
    ms of 250, and wait for a thread that waits for a pipe."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # there is none, or main has said that it failed
            stream.flush()
    os._exit(exit_code)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it a signal that asks the process to end raises; before, it waits, and after, the work
    is done. Once is enough: a second one would disturb what takes back what is half done."""
    for number in _asked(_ENDING):
        signal.signal(number, _raise)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [*_ENDING, signal.SIGCHLD])
        yield
    finally:
        _ignore_signals()


def _asked(signals: Sequence[signal.Signals]) -> list[signal.Signals]:
    """Those of some signals that end this process; nohup and shells have some of them ignored."""
    return [number for number in signals if signal.getsignal(number) != signal.SIG_IGN]


def _raise(number: int, frame: object) -> None:
    _ignore_signals()
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)


def _ignore_signals() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _end_with_parent(pipe: int) -> None:
    """Ask the system for a signal when the other end of a pipe is closed: a parent that is killed
    tells of it in no other way."""
    with suppress(OSError):  # systems that have it for no pipes
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_WRONLY | os.O_NONBLOCK | os.O_ASYNC)


def _keep_what_libraries_say(pipe: int) -> None:
    """Lead to a pipe what is not written by way of Python, which goes where it went before."""
    before = sys.stderr
    if before is not None:
        sys.stderr = open(  # noqa: SIM115 - until the process ends
            os.dup(2), "w", buffering=1, encoding=before.encoding, errors=before.errors
        )
        os.dup2(pipe, 2)


def _ended(child: int, signals: list[signal.Signals]) -> int:
    """How a process ended, to which signals are passed on."""
    while True:
        number = signal.sigwait(signals)
        if number != signal.SIGCHLD:
            os.kill(child, number)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


def _report(status: int, said: str) -> str:
    """What a library said, or a line if it ended the process."""
    if os.WIFEXITED(status):
        return said
    number = signal.Signals(os.WTERMSIG(status))
    reason = _REASONS.get(number, _DAMAGE)
    line = next(filter(None, map(str.strip, said.splitlines())), "")
    detail = f" ({line})" if line else ""
    text = f"{_files()}reading ended with {number.name}, {reason}{detail}"
    return f"losscli: error: {printable(text)}\n"


def _files() -> str:
    """The files that the command line names."""
    files = [word for word in sys.argv[1:] if os.path.exists(word)]
    return f"{', '.join(files)}: " if files else ""


def _exit_code(status: int) -> int:
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _FAILED
