"""The losses, one module per family. A module is imported when one of its losses is requested.

The list of commands comes from `catalogue.py`, which is generated from the registry. Importing all
losses, and NumPy, would double the time of `losscli --help`.
"""

from typing import NamedTuple

from losscli.losses.catalogue import ROWS, Group


class Listed(NamedTuple):
    """The properties of a loss that are known before its module is imported."""

    name: str
    alias: str | None
    family: str
    group: Group
    summary: str


# All losses by name. Registering a loss adds it.
LISTED = {row[0]: Listed(*row) for row in ROWS}


def kebab(name: str) -> str:
    """A Python name as it is written on the command line: with dashes."""
    return name.rstrip("_").replace("_", "-")
