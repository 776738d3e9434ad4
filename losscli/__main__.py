"""`python -m losscli`, and the installed command: a process that ends with the command line."""

import os
import sys
import warnings

from losscli.cli.supervisor import interruptible, leave, supervised

# NumPy's linear algebra is not used, and its threads take memory and time to start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Arrow's memory comes in pieces of so many KiB: of one that is larger than all that is read, the
# system could not say how much is used.
os.environ.setdefault("MIMALLOC_ARENA_RESERVE", "65536")


def run() -> None:
    """Run the command line and end the process."""
    if sys.flags.dev_mode:  # which shows where a library ends the process
        leave(_work())
    supervised(_work)


def _work() -> int:
    from losscli.cli.main import main  # noqa: PLC0415 - a tenth of a second, of one process alone
    from losscli.readers.memory import limit_process  # noqa: PLC0415

    limit_process()
    sys.meta_path.insert(0, _NoPandas())
    if not sys.flags.dev_mode:
        sys.unraisablehook = _ignore
        warnings.simplefilter("ignore")  # what a user has to know, the result says
    return main(signals=interruptible())


class _NoPandas:
    """Has pyarrow do without pandas, which it imports if it is there to make an array of NumPy's an
    array of its own: half a second, for nothing."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _ignore(failed: object) -> None:
    """What goes wrong as something is forgotten, such as an interrupt at that moment, ends nothing,
    and shows no traceback."""


if __name__ == "__main__":
    run()
