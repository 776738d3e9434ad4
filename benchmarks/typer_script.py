"""A one-command program of Typer that imports numpy and takes two arguments."""

import numpy as np
import typer


def main(first: str, second: str) -> None:
    print(np.float64(len(first) + len(second)))


typer.run(main)
