"""Detect the column of the target, or of another array with a usual name."""

from __future__ import annotations

from collections.abc import Sequence

from losscli.binding.ambiguity import option_of, several
from losscli.binding.names import is_input, is_weight, targets_among
from losscli.errors import DataError, listed
from losscli.readers.fields import Field, Offer

# The arrays that may have usual names of targets.
TARGETS = ("target", "targets")


def named_array(offer: Offer, free: Sequence[Field], array: str) -> tuple[str, ...]:
    """Return the column named like the array, or an empty tuple.

    Raises DataError if several columns have such names.
    """
    names = [field.name for field in free]
    same_name = [name for name in names if name.lower() == array]
    matches = targets_among(names) if array in TARGETS else same_name
    if len(matches) > 1:
        raise several(offer.file, array, [(name,) for name in matches])
    return tuple(matches)


def target_in_shared_file(offer: Offer, free: Sequence[Field], array: str) -> tuple[str, ...]:
    """Return the column of an array whose file contains other arrays too. Raises DataError unless
    exactly one column has a usual name of the array."""
    columns = named_array(offer, free, array)
    if not columns:
        raise DataError(
            f"{offer.file}: no column is clearly the {array}; the columns are "
            f"{listed(offer.names)}. Use {option_of(array)} to name one, or give a file for the "
            f"{array}."
        )
    return columns


def target_in_own_file(
    offer: Offer, free: Sequence[Field], array: str, takes_names: bool
) -> tuple[str, ...]:
    """Return the columns that could be the array in a file of its own: the column with a usual
    name, else all candidates. A single candidate may contain anything. If there are several,
    only columns of numbers qualify, unless the loss takes class names (`takes_names`)."""
    columns = named_array(offer, free, array)
    if columns:
        return columns
    rest = [field for field in free if not is_weight(field.name)] if array in TARGETS else []
    rest = [field for field in rest if not is_input(field.name)] or rest or list(free)
    if len(rest) == 1:
        return (rest[0].name,)
    fitting = [field for field in rest if field.is_number or takes_names]
    return tuple(field.name for field in fitting)
