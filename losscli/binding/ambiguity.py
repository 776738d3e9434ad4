"""How to say that several columns could be meant, with the options that choose among them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from losscli.errors import DataError, listed, quoted
from losscli.losses import kebab

_MOST_SHOWN = 6

_SHORT = {"input": "-i", "target": "-t"}


def option_of(array: str) -> str:
    """The option that names the columns of an array."""
    return _SHORT.get(array, f"--{kebab(array)}-column")


def flag(array: str, columns: Sequence[str]) -> str:
    """The option with columns, ready to be typed.

    >>> flag("input", ["p 0", "p 1"])
    "-i 'p 0,p 1'"
    """
    return f"{option_of(array)} {shlex.quote(','.join(columns))}"


def several(file: str, array: str, choices: Sequence[Sequence[str]]) -> DataError:
    """The error for several sets of columns of which each could be an array."""
    repeated = [name for choice in choices for name in choice]
    if len(set(repeated)) < len(repeated):
        twice = next(name for name in repeated if repeated.count(name) > 1)
        return DataError(f"{file}: several columns are named {quoted(twice)}; rename all but one.")
    shown = [flag(array, choice) for choice in choices[:_MOST_SHOWN]]
    names = [listed(choice) if len(choice) == 1 else f"({listed(choice)})" for choice in choices]
    more = "" if len(choices) <= _MOST_SHOWN else ", or another"
    return DataError(
        f"{file}: any of {listed(names)} could be the {array}. Use {' or '.join(shown)}{more}."
    )


def nothing(file: str, array: str, names: Sequence[str]) -> DataError:
    """The error where no column could be an array."""
    return DataError(
        f"{file}: found no column that could be the {array}; the columns are {listed(names)}. "
        f"Use {option_of(array)} to name it."
    )
