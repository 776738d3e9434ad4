"""The first lines that run: what asks the command to end while it loads is answered at once."""

# The module behind `signal`, which takes a millisecond to load, is a part of the interpreter.
import _signal  # type: ignore[import-not-found]
import os
import sys

INTERRUPTED = 130
TERMINATED = "terminated"

_SAYS = {_signal.SIGINT: "interrupted", _signal.SIGTERM: TERMINATED, _signal.SIGHUP: TERMINATED}


def _end(number: int, frame: object) -> None:
    """Nothing is half done yet, so that the process can end here and now."""
    os.write(2, f"losscli: error: {_SAYS[number]}\n".encode())
    os._exit(128 + number)


def _is_command() -> bool:
    """Whether it is the command that begins; for others losscli is a library, which leaves signals
    as they are."""
    program: str = getattr(sys, "argv", [""])[0]  # an interpreter within a program may lack it
    return program == "-m" or os.path.basename(program) == "losscli"


if _is_command():
    for _number in _SAYS:
        if _signal.getsignal(_number) in (_signal.SIG_DFL, _signal.default_int_handler):
            _signal.signal(_number, _end)
