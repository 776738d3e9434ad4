"""A Typer program with one command, which imports NumPy and takes two arguments."""

import numpy as np
import typer


def main(first: str, second: str) -> None:
    print(np.float64(len(first) + len(second)))


typer.run(main)
