"""Runs the work in a child process. The parent waits, passes signals on, and reports how the child
ended if the child could not.

Libraries that read files may end their process without an exception: Arrow aborts on an unexpected
state or a failed allocation, a stack overflows, a mapped file is truncated. Forking takes a
millisecond, because no library is loaded yet.
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

# Signals that ask the process to end.
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The signal that the system sends to the child if the parent was killed.
_ALONE = signal.SIGIO
_ENDING = (*_PASSED_ON, _ALONE)

# The maximum number of bytes to show of a library's output on stderr.
_MOST_STDERR = 1 << 16

_FAILED = 1

_REASONS = {
    signal.SIGKILL: "which the system sends when memory runs out",
    signal.SIGBUS: "which the system sends when a file is truncated while it is read",
}
_DAMAGE = "so a file may be damaged or malicious"

# What Azure's library writes when it ends the process because it cannot sign in, and the problem.
_SIGN_IN = "AuthenticationException"
_NOT_SIGNED_IN = (
    "cannot sign in to Azure. Run az login, or check AZURE_CLIENT_ID, AZURE_TENANT_ID and "
    "AZURE_CLIENT_SECRET, or the managed identity."
)


class Terminated(BaseException):
    """Raised if a signal asks the process to end, so that partial files are removed first."""

    def __init__(self, number: int) -> None:
        super().__init__(TERMINATED)
        self.exit_code = 128 + number


def supervised(work: Callable[[], int]) -> NoReturn:
    """Run `work` in a child process, and exit with the child's exit code. If a signal ended the
    child, print one line and exit with code 1."""
    awaited = [*_asked(_PASSED_ON), signal.SIGCHLD]
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _end_with_parent(writer)
        _capture_stderr_of_libraries(writer)
        leave(work())
    os.close(writer)
    status = _ended(child, awaited)
    with suppress(OSError, AttributeError):  # stderr is closed, which does not change the exit code
        sys.stderr.write(_report(status, os.read(reader, _MOST_STDERR).decode(errors="replace")))
    leave(_exit_code(status))


def leave(exit_code: int) -> NoReturn:
    """End the process without Python's finalisation, which takes 30 ms of 250 and would wait for
    threads that are blocked by a pipe."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # it is closed, or main has reported the error
            stream.flush()
    os._exit(exit_code)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this context, signals that ask the process to end raise an exception. After the first
    signal, and after the context, further signals are ignored, so that nothing interrupts clean-up.
    """
    for number in _asked(_ENDING):
        signal.signal(number, _raise)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [*_ENDING, signal.SIGCHLD])
        yield
    finally:
        _ignore_signals()


def _asked(signals: Sequence[signal.Signals]) -> list[signal.Signals]:
    """The signals that are not ignored; nohup and shells make a process ignore some."""
    return [number for number in signals if signal.getsignal(number) != signal.SIG_IGN]


def _raise(number: int, frame: object) -> None:
    _ignore_signals()
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)


def _ignore_signals() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _end_with_parent(pipe: int) -> None:
    """Ask the system for a signal when the other end of a pipe is closed, which is how a child
    notices that its parent was killed."""
    with suppress(OSError):  # some systems do not support this for pipes
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_WRONLY | os.O_NONBLOCK | os.O_ASYNC)


def _capture_stderr_of_libraries(pipe: int) -> None:
    """Redirect stderr to a pipe, except for what Python writes."""
    original = sys.stderr
    if original is not None:
        sys.stderr = open(  # noqa: SIM115 - until the process ends
            os.dup(2), "w", buffering=1, encoding=original.encoding, errors=original.errors
        )
        os.dup2(pipe, 2)


def _ended(child: int, signals: list[signal.Signals]) -> int:
    """Wait for a process, pass signals on to it, and return its status."""
    while True:
        number = signal.sigwait(signals)
        if number != signal.SIGCHLD:
            os.kill(child, number)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


def _report(status: int, stderr: str) -> str:
    """The libraries' stderr, or one line if a signal ended the process."""
    if os.WIFEXITED(status):
        return stderr
    if _SIGN_IN in stderr:
        return f"losscli: error: {_NOT_SIGNED_IN}\n"
    number = signal.Signals(os.WTERMSIG(status))
    reason = _REASONS.get(number, _DAMAGE)
    line = next(filter(None, map(str.strip, stderr.splitlines())), "")
    detail = f" ({line})" if line else ""
    text = f"{_files()}reading ended with {number.name}, {reason}{detail}"
    return f"losscli: error: {printable(text)}\n"


def _files() -> str:
    """The files that the command line names."""
    files = [word for word in sys.argv[1:] if os.path.exists(word)]
    return f"{', '.join(files)}: " if files else ""


def _exit_code(status: int) -> int:
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _FAILED
