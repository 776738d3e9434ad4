"""`python -m losscli`, and the installed command: a process that ends with the command line."""

import os
import signal
import sys
from contextlib import suppress

# Until main takes over, an interrupt ends the process without a word, as it does any program that
# has not begun: the imports below take a tenth of a second.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# NumPy's linear algebra is not used, and its threads take memory and time to start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from losscli.cli.main import Terminated, main


def run() -> None:
    """Run the command line and end the process."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    # A terminal that is closed; nohup has it ignored, and so it stays.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _terminate)
    if not sys.flags.dev_mode:
        sys.unraisablehook = _ignore
    exit_code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # there is none, or main has said that it failed
            stream.flush()
    # All that is left goes with the process: taking it down piece by piece would take 30 ms of 250,
    # and wait for a thread that waits for a pipe.
    os._exit(exit_code)


def _terminate(number: int, frame: object) -> None:
    """Let what is half done be taken back."""
    raise Terminated(number)


def _ignore(failed: object) -> None:
    """What goes wrong as something is forgotten, such as an interrupt at that moment, ends nothing,
    and shows no traceback."""


if __name__ == "__main__":
    run()
