"""Errors for ambiguous and missing columns, with the options that choose the columns."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from losscli.errors import DataError, listed, quoted
from losscli.losses import kebab
from losscli.readers.fields import Content, Offer

_MOST_SHOWN = 6

_SHORT = {"input": "-i", "target": "-t"}


def option_of(array: str) -> str:
    """Return the option that names the columns of an array."""
    return _SHORT.get(array, f"--{kebab(array)}-column")


def flag(array: str, columns: Sequence[str]) -> str:
    """Return the option with its columns, quoted for a shell.

    >>> flag("input", ["p 0", "p 1"])
    "-i 'p 0,p 1'"
    """
    return f"{option_of(array)} {shlex.quote(','.join(columns))}"


def several(file: str, array: str, choices: Sequence[Sequence[str]]) -> DataError:
    """Return the error for an array that could be any of several sets of columns."""
    all_names = [name for choice in choices for name in choice]
    if len(set(all_names)) < len(all_names):
        duplicate = next(name for name in all_names if all_names.count(name) > 1)
        return DataError(
            f"{file}: several columns are named {quoted(duplicate)}. Rename all but one."
        )
    shown = [flag(array, choice) for choice in choices[:_MOST_SHOWN]]
    names = [listed(choice) if len(choice) == 1 else f"({listed(choice)})" for choice in choices]
    more = "" if len(choices) <= _MOST_SHOWN else ", or another"
    return DataError(
        f"{file}: any of {listed(names)} could be the {array}. Use {' or '.join(shown)}{more}."
    )


def nothing(offer: Offer, array: str) -> DataError:
    """Return the error for a file in which no column could be the array."""
    problem = f"no column could be the {array}; the columns are {listed(offer.names)}"
    comma = next((field for field in offer.fields if field.content is Content.COMMA), None)
    advice = (
        f"Use {option_of(array)} to name one"
        if comma is None
        else f"Column {quoted(comma.name)} has decimal commas. Save the file with decimal points"
    )
    return DataError(f"{offer.file}: {problem}. {advice}.")
