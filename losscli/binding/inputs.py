"""Detect the columns of the input if the request does not name them.

The rules, in order: usual names of predictions; columns that share a stem; columns named after the
labels; the only candidates. If a rule finds several possible inputs, it raises DataError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from losscli.binding.ambiguity import flag, nothing, several
from losscli.binding.classes import Labels, columns_named_after, cover
from losscli.binding.names import is_input, is_input_stem, is_weight, kind_of
from losscli.binding.stems import stems_of
from losscli.errors import DataError, listed, quoted
from losscli.readers.fields import Content, Field, Offer


class Search(NamedTuple):
    """What is known of an array before its columns are chosen.

    Args:
        array: the name of the array
        in_rows: whether each sample has several values, in a list or in several columns
        kind: the kind of predictions that the loss expects, such as logits
        labels: returns the labels of the target, if columns may be named after labels
        class_base: the number of the first class
        any_columns: whether all candidates may be chosen, to be paired by name later
        in_columns: whether the target has several columns
        classes: the number of class names, if given
        alone: whether the file contains no other array
        or_number: whether each sample may have a single number instead of several values
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
    or_number: bool = False


# Words for the contents of columns that are not numbers.
_CONTENT_WORDS = {
    Content.TEXT: "text",
    Content.COMMA: "numbers with a decimal comma",
    Content.TIME: "times",
    Content.OTHER: "no numbers",
}


class _Choice(NamedTuple):
    columns: tuple[str, ...]
    kind: str | None


def choose_input(offer: Offer, free: Sequence[Field], search: Search) -> tuple[str, ...]:
    """Return the columns of an input among the unused columns. Raises DataError if no choice or
    several choices are possible."""
    candidates = [field for field in free if field.is_number and not is_weight(field.name)]
    tiers = _tiers_of_rows(candidates) if search.in_rows else [_usual(candidates, in_rows=False)]
    if search.or_number:  # neither rows nor numbers come first
        choices = [choice for tier in tiers for choice in tier]
        tiers = [[*choices, *_usual(candidates, in_rows=False)]]
    expected = (None, search.kind)
    for tier in tiers:
        fitting = [choice for choice in tier if search.kind is None or choice.kind in expected]
        if fitting:
            return _only_choice(offer, search, fitting)
    others = [choice for tier in tiers for choice in tier]
    if others:
        return _only_choice(offer, search, others)
    if not candidates and len(offer.fields) == 1:
        return offer.names  # reading the column raises a more specific error
    if search.or_number and len(candidates) == 1:
        search = search._replace(in_rows=False)
    columns = _without_usual_name(offer, candidates, search)
    if len(columns) == 1:  # several columns have been matched with classes, or are paired by name
        _require_no_usual_name(offer, candidates, search, columns)
    return columns


def _without_usual_name(
    offer: Offer, candidates: Sequence[Field], search: Search
) -> tuple[str, ...]:
    """Return the columns of an input without a usual name."""
    if search.in_rows and not offer.is_table and not any(field.is_row for field in candidates):
        return _single_row(offer, candidates, search)
    if search.in_rows:
        return _only_rows(offer, candidates, search)
    return _only_number(offer, candidates, search)


def _require_no_usual_name(
    offer: Offer, candidates: Sequence[Field], search: Search, columns: tuple[str, ...]
) -> None:
    """Raise DataError if another column is named like predictions but is in use or contains no
    numbers."""
    others = [field for field in offer.fields if field not in candidates and is_input(field.name)]
    odd = next((field for field in others if not (search.in_rows and field.is_plain)), None)
    if odd is None or len(others) == len(offer.fields):
        return
    why = (
        "is used for something else" if odd.is_number else f"contains {_CONTENT_WORDS[odd.content]}"
    )
    raise DataError(
        f"{offer.file}: column {quoted(odd.name)} is named like predictions but {why}; "
        f"{listed(columns)} could be the {search.array} instead. Use "
        f"{flag(search.array, columns)} to choose it."
    )


def _usual(candidates: Sequence[Field], in_rows: bool) -> list[_Choice]:
    """Return the columns with usual names of predictions."""
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


def _only_choice(offer: Offer, search: Search, choices: Sequence[_Choice]) -> tuple[str, ...]:
    """Return the only choice, or the only choice of the expected kind."""
    of_kind = [
        choice for choice in choices if choice.kind is not None and choice.kind == search.kind
    ]
    for candidates in (choices, of_kind):
        if len(candidates) == 1:
            return candidates[0].columns
    raise several(offer.file, search.array, [choice.columns for choice in choices])


def _single_row(offer: Offer, candidates: Sequence[Field], search: Search) -> tuple[str, ...]:
    """Return the only one-dimensional array of a file of arrays."""
    usual = _usual(candidates, in_rows=False)
    return _only_choice(offer, search, usual) if usual else _only_number(offer, candidates, search)


def _only_rows(offer: Offer, candidates: Sequence[Field], search: Search) -> tuple[str, ...]:
    """Return the only column of lists, or the columns that match the labels."""
    plain = [field for field in candidates if field.is_plain]
    if search.in_columns and len(plain) > 1:
        return tuple(field.name for field in plain)
    rows = [field for field in candidates if field.is_row]
    floating = [field for field in rows if field.content is Content.FLOAT]
    if rows:
        choices = [(field.name,) for field in floating or rows]
        if len(choices) > 1:
            raise several(offer.file, search.array, choices)
        return choices[0]
    if not plain:
        raise nothing(offer, search.array)
    if search.any_columns:
        return tuple(field.name for field in plain)
    return _columns_of_classes(offer, plain, search)


def _columns_of_classes(offer: Offer, plain: Sequence[Field], search: Search) -> tuple[str, ...]:
    """Return the columns named after the labels, or all columns if there are as many classes.

    A column that may summarise the others, such as `p_mean` next to `p_cat`, is left out if the
    labels match the others.
    """
    columns = tuple(field.name for field in plain)
    if search.classes == len(columns):
        return columns
    doubtful = {name for stem in stems_of(plain) for name in stem.doubtful}
    labels = None if search.labels is None or len(plain) < 2 else search.labels()
    if labels is not None:
        named = columns_named_after(labels, [name for name in columns if name not in doubtful])
        unmatched = set(columns).difference(named, doubtful)
        if named and not unmatched:
            return named
        is_sure = not doubtful and _may_be_classes(columns, search)
        if is_sure and cover(labels, len(columns), search.class_base):
            return columns
    raise _unknown_classes(offer, search, columns, labels)


def _may_be_classes(columns: Sequence[str], search: Search) -> bool:
    """Whether columns without a stem may be scores of classes.

    The answer is no if one of them has a usual name of predictions, because that column may be the
    whole input. Two columns must be in a file of their own, because the labels 0 and 1 fit any two
    columns.
    """
    several = len(columns) > 2 or search.alone
    return several and not any(map(is_input, columns))


def _unknown_classes(
    offer: Offer, search: Search, columns: Sequence[str], labels: Labels | None
) -> DataError:
    """Return the error for columns that neither their names nor the labels identify as classes."""
    pronoun = "all of them" if len(columns) > 1 else "it"
    texts = frozenset[str]() if labels is None else labels.texts
    unmatched = sorted(texts.difference(columns))
    noun = "label" if len(unmatched) == 1 else "labels"
    why = f", and no column is named after the {noun} {listed(unmatched)}" if unmatched else ""
    matching = [name for name in columns if name in texts]
    alternative = (
        f"{flag(search.array, matching)} to use the columns named after labels, or "
        if matching
        else ""
    )
    return DataError(
        f"{offer.file}: {listed(columns)} could be the {search.array}, but they have no common "
        f"prefix, and the labels do not show which columns are classes{why}. Use {alternative}"
        f"{flag(search.array, columns)} to use {pronoun}"
        f"{', or name one column if it predicts class 1' if search.or_number else ''}."
    )


def _only_number(offer: Offer, candidates: Sequence[Field], search: Search) -> tuple[str, ...]:
    """Return the only column of numbers; a column of lists only if there is no other."""
    plain = [field for field in candidates if field.is_plain]
    choices = [(field.name,) for field in plain or candidates]
    if not choices:
        raise nothing(offer, search.array)
    if len(choices) > 1:
        raise several(offer.file, search.array, choices)
    return choices[0]
