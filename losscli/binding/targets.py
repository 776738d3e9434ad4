"""Which column is the target, or another array that has a name, where none is named."""

from __future__ import annotations

from collections.abc import Sequence

from losscli.binding.ambiguity import option_of, several
from losscli.binding.names import is_input, is_weight, targets_among
from losscli.errors import DataError, listed
from losscli.readers.fields import Field, Offer

# The arrays to which the usual names of targets belong.
TARGETS = ("target", "targets")


def named_array(offer: Offer, free: Sequence[Field], array: str) -> tuple[str, ...]:
    """The one column that is called as the array is; none if there is none.

    Raises DataError for several.
    """
    names = [field.name for field in free]
    own = [name for name in names if name.lower() == array]
    found = targets_among(names) if array in TARGETS else own
    if len(found) > 1:
        raise several(offer.file, array, [(name,) for name in found])
    return tuple(found)


def target_beside(offer: Offer, free: Sequence[Field], array: str) -> tuple[str, ...]:
    """The column of an array whose file has other arrays as well: it has to be called so."""
    found = named_array(offer, free, array)
    if not found:
        raise DataError(
            f"{offer.file}: found no column with a usual name for the {array}; the columns are "
            f"{listed(offer.names)}. Use {option_of(array)} to name it, or give a file for it."
        )
    return found


def target_alone(
    offer: Offer, free: Sequence[Field], array: str, takes_names: bool
) -> tuple[str, ...]:
    """What could be the array in a file of its own: the column that is called so, else all that
    could be meant. A single one may hold anything; of several, numbers, and names of classes where
    the loss takes them."""
    found = named_array(offer, free, array)
    if found:
        return found
    rest = [field for field in free if not is_weight(field.name)] if array in TARGETS else []
    rest = [field for field in rest if not is_input(field.name)] or rest or list(free)
    if len(rest) == 1:
        return (rest[0].name,)
    fitting = [field for field in rest if field.is_number or takes_names]
    return tuple(field.name for field in fitting)
