"""The losses, one file a family, which is imported when a loss of it is asked for.

What the list of commands says of them is known before, from a file that is made from the registry:
to import them all, and NumPy with them, would double the time of `losscli --help`.
"""

from typing import NamedTuple

from losscli.losses.catalogue import ROWS, Group


class Listed(NamedTuple):
    """What is known of a loss without importing the module of its family."""

    name: str
    alias: str | None
    family: str
    group: Group
    summary: str


# Every loss; to register one adds it.
LISTED = {row[0]: Listed(*row) for row in ROWS}


def kebab(name: str) -> str:
    """A Python name as it is written on the command line."""
    return name.rstrip("_").replace("_", "-")
