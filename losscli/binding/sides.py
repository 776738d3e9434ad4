"""Compare the columns of one array across its files, with the input, and with another model."""

from __future__ import annotations

import shlex

from losscli.binding.ambiguity import flag, option_of
from losscli.binding.given import Chosen, Given, side
from losscli.binding.names import is_key
from losscli.binding.pairs import How, Side, paired
from losscli.binding.targets import named_array
from losscli.errors import DataError, listed
from losscli.readers.fields import Content, Offer


def require_same_parts(given: Given, chosen: Chosen, array: str) -> None:
    """Raise DataError if the files of an array have different columns of numbers, unless the
    columns were listed."""
    offer, how = given.offer_of(array), chosen.how[array]
    if how is How.LISTED or len(chosen.columns[array]) < 2 or not offer.parts:
        return
    first = _numbers_of(offer.parts[0])
    for part in offer.parts[1:]:
        odd = first ^ _numbers_of(part)
        if odd:
            raise DataError(
                f"{part.file}: this file and {offer.parts[0].file} have different columns "
                f"({listed(sorted(odd))}). List the columns of the {array} with "
                f"{option_of(array)}."
            )


def _numbers_of(offer: Offer) -> set[str]:
    return {field.name for field in offer.fields if field.is_number and not is_key(field.name)}


def refuse_two_tables(given: Given, chosen: Chosen) -> None:
    """Raise DataError for two files given by position if the first contains both input and target.
    That happens if the shell expands an unquoted glob of shards."""
    request = given.request
    files = given.files_of("input")
    if not request.in_order or files is None or given.files_of("target") in (None, files):
        return
    offer = given.offers[files]
    others = [field for field in offer.fields if field.name not in chosen.columns["input"]]
    others = [
        field for field in others if not is_key(field.name) and field.name not in request.keys
    ]
    names = {field.name for field in others}
    targets = [name for name in chosen.columns["target"] if name in names]
    if "target" not in request.columns:
        targets = [*named_array(offer, others, "target"), *targets]
    if targets:
        target = given.offer_of("target").file
        both = f"{listed(chosen.columns['input'])} and {listed(list(dict.fromkeys(targets)))}"
        raise DataError(
            f"{offer.file}: contains both an input and a target ({both}), but {target} is given as "
            f"the target. Put quotes around a glob of shards, or use --input {shlex.join(files)} "
            f"--target {shlex.join(request.files_of('target'))}."
        )


def in_order_of_model(given: Given, chosen: Chosen, model: Side) -> Chosen:
    """Return the choice with the columns of the input in the order of another model's columns.
    Raises DataError if their names differ."""
    if "input" not in chosen.columns or min(len(model.columns), len(chosen.columns["input"])) < 2:
        return chosen
    return chosen.reordered("input", paired(model, side(given, chosen, "input")), "A")


def with_paired_columns(given: Given, chosen: Chosen) -> Chosen:
    """Return the choice with the columns of the target in the order of the input's columns. Raises
    DataError if their names differ."""
    loss, columns = given.request.loss, chosen.columns
    if not loss.pairs_columns or "target" not in columns or "input" not in columns:
        return chosen
    first, second = (side(given, chosen, array) for array in ("input", "target"))
    is_index = loss.has_classes and len(second.columns) == 1
    if is_index or any(_is_list(given, array) or _is_single(array) for array in (first, second)):
        return chosen
    _refuse_shared_whole_numbers(given, first, second)
    return chosen.reordered("target", paired(first, second), "the input's")


def _refuse_shared_whole_numbers(given: Given, first: Side, second: Side) -> None:
    """Raise DataError if a detected column contains whole numbers in both files. The column may be
    a key, whose loss would be 0."""
    if first.how is not How.FOUND or second.how is not How.FOUND or len(first.columns) < 2:
        return
    offers = given.offer_of(first.array), given.offer_of(second.array)
    common = [name for name in first.columns if name in second.columns]
    whole = [
        name
        for name in common
        if all(offer.field(name).content is Content.WHOLE for offer in offers)
    ]
    if whole:
        rest = [name for name in common if name not in whole] or common[-1:]
        verb = "contains" if len(whole) == 1 else "contain"
        raise DataError(
            f"{second.file}: {listed(whole)} {verb} whole numbers in both files and may be a key "
            f"or data. Use --id {shlex.quote(','.join(whole))} for a key, or list the columns of "
            f"data: {flag('input', rest)} {flag('target', rest)}."
        )


def _is_single(columns: Side) -> bool:
    """Whether the side is a single column that an option named, which may be broadcast."""
    return len(columns.columns) == 1 and columns.how is not How.FOUND


def _is_list(given: Given, columns: Side) -> bool:
    """Whether the side is a single column of lists."""
    names = columns.columns
    return len(names) == 1 and given.offer_of(columns.array).field(names[0]).is_row
