"""`python -m losscli`, and the installed command: a process that ends with the command line."""

import os
import sys

from losscli.cli.supervisor import interruptible, leave, supervised

# NumPy's linear algebra is not used, and its threads take memory and time to start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run() -> None:
    """Run the command line and end the process."""
    if sys.flags.dev_mode:  # which shows where a library ends the process
        leave(_work())
    supervised(_work)


def _work() -> int:
    from losscli.cli.main import main  # noqa: PLC0415 - a tenth of a second, of one process alone

    if not sys.flags.dev_mode:
        sys.unraisablehook = _ignore
    return main(signals=interruptible())


def _ignore(failed: object) -> None:
    """What goes wrong as something is forgotten, such as an interrupt at that moment, ends nothing,
    and shows no traceback."""


if __name__ == "__main__":
    run()
