"""`python -m losscli`, and the installed command: a process that ends with the command line."""

import gc
import sys

from losscli.cli import main


def run() -> None:
    """Run the command line and end the process."""
    exit_code = main()
    # All that is left goes with the process. Out of the garbage collector's sight, it is not looked
    # through again and again on the way out, which takes 25 ms of 250 after importing NumPy.
    gc.freeze()
    sys.exit(exit_code)


if __name__ == "__main__":
    run()
