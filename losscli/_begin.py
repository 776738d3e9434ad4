"""The first lines that run: handle signals that arrive while the command is loading."""

# Built into the interpreter; `signal` itself takes a millisecond to load.
import _signal  # type: ignore[import-not-found]
import os
import sys

INTERRUPTED = 130
TERMINATED = "terminated"

_MESSAGES = {
    _signal.SIGINT: "interrupted",
    _signal.SIGTERM: TERMINATED,
    _signal.SIGHUP: TERMINATED,
}


def _end(number: int, frame: object) -> None:
    """End the process at once. Nothing needs cleaning up yet."""
    os.write(2, f"losscli: error: {_MESSAGES[number]}\n".encode())
    os._exit(128 + number)


def _is_command() -> bool:
    """Whether this process is the command. As a library, losscli does not handle signals."""
    program: str = getattr(sys, "argv", [""])[0]  # an embedded interpreter may have no argv
    return program == "-m" or os.path.basename(program) == "losscli"


if _is_command():
    for _number in _MESSAGES:
        if _signal.getsignal(_number) in (_signal.SIG_DFL, _signal.default_int_handler):
            _signal.signal(_number, _end)
