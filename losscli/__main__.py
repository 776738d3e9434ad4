"""The entry point of `python -m losscli` and of the installed command."""

import os
import sys
import warnings

from losscli.cli.supervisor import interruptible, leave, supervised

# losscli does not use NumPy's linear algebra, whose threads take memory and time to start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Arrow reserves memory in pieces of this many KiB. With larger pieces the system could not report
# how much memory is used.
os.environ.setdefault("MIMALLOC_ARENA_RESERVE", "65536")


def run() -> None:
    """Run the command line and end the process."""
    if sys.flags.dev_mode:  # without a second process, to show where a library ends the process
        leave(_work())
    supervised(_work)


def _work() -> int:
    from losscli.cli.main import main  # noqa: PLC0415 - takes 0.1 s, in the worker process only
    from losscli.readers.memory import limit_process  # noqa: PLC0415

    limit_process()
    sys.meta_path.insert(0, _NoPandas())
    if not sys.flags.dev_mode:
        sys.unraisablehook = _ignore
        warnings.simplefilter("ignore")  # the result reports what the user needs to know
    return main(signals=interruptible())


class _NoPandas:
    """Hides pandas from pyarrow. To convert a NumPy array, pyarrow imports pandas if it is
    installed, which takes half a second and is not needed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _ignore(unraisable: object) -> None:
    """Ignore exceptions raised during finalisation, such as Ctrl-C in a destructor."""


if __name__ == "__main__":
    run()
