"""Which columns are the input, where none are named: they must be one thing.

In this order: what predictions are usually called; columns that share a stem; columns that are
called as the labels are; the only candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from losscli.binding.ambiguity import flag, nothing, several
from losscli.binding.classes import Labels, called_as, cover
from losscli.binding.names import is_input, is_input_stem, is_weight, kind_of
from losscli.binding.stems import stems_of
from losscli.errors import DataError, listed, quoted
from losscli.readers.fields import Content, Field, Offer


class Sought(NamedTuple):
    """What is known of an array whose columns are sought.

    `in_rows`: each sample has a row of values, and so a list or several columns. `kind` is what the
    loss expects of predictions, such as logits. `labels` gives the labels of the target, where
    columns may be called as they are. `any_columns`: what is paired with the columns of another
    array by name afterwards, and so may be all candidates; `in_columns`: that has several columns.
    `classes` is how many classes are named, and `alone` says that no other array is in the file.
    """

    array: str
    in_rows: bool
    kind: str | None = None
    labels: Callable[[], Labels | None] | None = None
    class_base: int = 0
    any_columns: bool = False
    in_columns: bool = False
    classes: int | None = None
    alone: bool = False


# What a column holds that is not numbers.
_HOLDS = {
    Content.TEXT: "text",
    Content.COMMA: "numbers with a decimal comma",
    Content.TIME: "times",
    Content.OTHER: "no numbers",
}


class _Choice(NamedTuple):
    columns: tuple[str, ...]
    kind: str | None


def choose_input(offer: Offer, free: Sequence[Field], sought: Sought) -> tuple[str, ...]:
    """The columns of an input among those that nothing else takes. Raises DataError unless they
    are one thing."""
    candidates = [field for field in free if field.is_number and not is_weight(field.name)]
    tiers = _tiers_of_rows(candidates) if sought.in_rows else [_usual(candidates, in_rows=False)]
    expected = (None, sought.kind)
    for tier in tiers:
        fitting = [one for one in tier if sought.kind is None or one.kind in expected]
        if fitting:
            return _the_one(offer, sought, fitting)
    others = [choice for tier in tiers for choice in tier]
    if others:
        return _the_one(offer, sought, others)
    if not candidates and len(offer.fields) == 1:
        return offer.names  # reading it says what is wrong with it
    found = _without_usual_name(offer, candidates, sought)
    if len(found) == 1:  # several are called as classes, or paired by name
        _require_no_usual_name(offer, candidates, sought, found)
    return found


def _without_usual_name(
    offer: Offer, candidates: Sequence[Field], sought: Sought
) -> tuple[str, ...]:
    """The columns of an input that is not called as predictions are."""
    if sought.in_rows and not offer.is_table and not any(field.is_row for field in candidates):
        return _single_row(offer, candidates, sought)
    if sought.in_rows:
        return _only_rows(offer, candidates, sought)
    return _only_number(offer, candidates, sought)


def _require_no_usual_name(
    offer: Offer, candidates: Sequence[Field], sought: Sought, found: tuple[str, ...]
) -> None:
    """Raise DataError where another column is called as predictions are, which cannot be read as
    numbers, or which something else takes."""
    others = [field for field in offer.fields if field not in candidates and is_input(field.name)]
    odd = next((one for one in others if not (sought.in_rows and one.is_plain)), None)
    if odd is None or len(others) == len(offer.fields):
        return
    why = "is taken for something else" if odd.is_number else f"holds {_HOLDS[odd.content]}"
    raise DataError(
        f"{offer.file}: column {quoted(odd.name)} is called as predictions are, and {why}; "
        f"{listed(found)} could be the {sought.array} instead. Use {flag(sought.array, found)} if "
        "that is meant."
    )


def _usual(candidates: Sequence[Field], in_rows: bool) -> list[_Choice]:
    """Columns called as predictions are."""
    named = [field for field in candidates if is_input(field.name) and field.is_row == in_rows]
    return [_Choice((field.name,), kind_of(field.name)) for field in named]


def _tiers_of_rows(candidates: Sequence[Field]) -> list[list[_Choice]]:
    stems = [stem for stem in stems_of(candidates) if not stem.doubtful]
    usual = [stem for stem in stems if is_input_stem(stem.stem)]
    others = [stem for stem in stems if not is_input_stem(stem.stem)]
    return [
        _usual(candidates, in_rows=True),
        *([_Choice(stem.columns, kind_of(stem.stem)) for stem in tier] for tier in (usual, others)),
    ]


def _the_one(offer: Offer, sought: Sought, choices: Sequence[_Choice]) -> tuple[str, ...]:
    """The one choice, or the one of the kind that is expected."""
    of_kind = [one for one in choices if one.kind is not None and one.kind == sought.kind]
    for some in (choices, of_kind):
        if len(some) == 1:
            return some[0].columns
    raise several(offer.file, sought.array, [one.columns for one in choices])


def _single_row(offer: Offer, candidates: Sequence[Field], sought: Sought) -> tuple[str, ...]:
    """The array of a file of arrays that is the one row of values."""
    usual = _usual(candidates, in_rows=False)
    return _the_one(offer, sought, usual) if usual else _only_number(offer, candidates, sought)


def _only_rows(offer: Offer, candidates: Sequence[Field], sought: Sought) -> tuple[str, ...]:
    """The only column of lists, or columns that the labels say to be the classes."""
    plain = [field for field in candidates if field.is_plain]
    if sought.in_columns and len(plain) > 1:
        return tuple(field.name for field in plain)
    rows = [field for field in candidates if field.is_row]
    floating = [field for field in rows if field.content is Content.FLOAT]
    if rows:
        choices = [(field.name,) for field in floating or rows]
        if len(choices) > 1:
            raise several(offer.file, sought.array, choices)
        return choices[0]
    if not plain:
        raise nothing(offer.file, sought.array, offer.names)
    if sought.any_columns:
        return tuple(field.name for field in plain)
    return _columns_of_classes(offer, plain, sought)


def _columns_of_classes(offer: Offer, plain: Sequence[Field], sought: Sought) -> tuple[str, ...]:
    """Columns that are called as the labels are, or all of them if the labels need as many classes.

    What may be about the other columns, as `p_mean` beside `p_cat`, is left out where labels say
    what the others are.
    """
    columns = tuple(field.name for field in plain)
    if sought.classes == len(columns):
        return columns
    doubtful = {name for stem in stems_of(plain) for name in stem.doubtful}
    labels = None if sought.labels is None or len(plain) < 2 else sought.labels()
    if labels is not None:
        named = called_as(labels, [name for name in columns if name not in doubtful])
        left = set(columns).difference(named, doubtful)
        if named and not left:
            return named
        is_sure = not doubtful and _may_be_classes(columns, sought)
        if is_sure and cover(labels, len(columns), sought.class_base):
            return columns
    raise _unknown_classes(offer, sought, columns, labels)


def _may_be_classes(columns: Sequence[str], sought: Sought) -> bool:
    """Whether columns without a stem may be scores of classes at all. One that is called as
    predictions are may be one by itself, and labels 0 and 1 go with any two columns of a table."""
    several = len(columns) > 2 or sought.alone
    return several and not any(map(is_input, columns))


def _unknown_classes(
    offer: Offer, sought: Sought, columns: Sequence[str], labels: Labels | None
) -> DataError:
    """The error for columns of which neither names nor labels say that they are the classes."""
    them = "all of them" if len(columns) > 1 else "it"
    texts = frozenset[str]() if labels is None else labels.texts
    unknown = sorted(texts.difference(columns))
    why = f", and no column is called as the labels {listed(unknown)}" if unknown else ""
    called = [name for name in columns if name in texts]
    some = (
        f"{flag(sought.array, called)} to take those called as the labels are, or "
        if called
        else ""
    )
    return DataError(
        f"{offer.file}: {listed(columns)} could be the {sought.array}: they have no common "
        f"beginning, and the labels do not say which columns are classes{why}. Use {some}"
        f"{flag(sought.array, columns)} to take {them}."
    )


def _only_number(offer: Offer, candidates: Sequence[Field], sought: Sought) -> tuple[str, ...]:
    """The only column of numbers; one of lists only where there is no other."""
    plain = [field for field in candidates if field.is_plain]
    choices = [(field.name,) for field in plain or candidates]
    if not choices:
        raise nothing(offer.file, sought.array, offer.names)
    if len(choices) > 1:
        raise several(offer.file, sought.array, choices)
    return choices[0]
