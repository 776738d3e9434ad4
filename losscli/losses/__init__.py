"""The losses, one module per family, which is imported when one of its losses is requested.

The list of commands comes from `catalogue.py`, which is generated from the registry: importing all
losses, and NumPy, would double the time of `losscli --help`.
"""

from typing import NamedTuple

from losscli.losses.catalogue import ROWS, Group


class Listed(NamedTuple):
    """What is known about a loss before its module is imported."""

    name: str
    alias: str | None
    family: str
    group: Group
    summary: str


# All losses; registering a loss adds it.
LISTED = {row[0]: Listed(*row) for row in ROWS}


def kebab(name: str) -> str:
    """A Python name as written on the command line."""
    return name.rstrip("_").replace("_", "-")
