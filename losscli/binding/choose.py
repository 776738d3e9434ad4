"""choose(request, offers, ...): the columns of every array, by the rules of this package."""

from __future__ import annotations

import difflib
import fnmatch
import glob
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from losscli.binding.ambiguity import flag, nothing, option_of, several
from losscli.binding.classes import Labels
from losscli.binding.inputs import Sought, choose_input
from losscli.binding.names import is_key, targets_among
from losscli.binding.pairs import How, Side, have_same_names, paired
from losscli.binding.stems import in_number_order, stems_of
from losscli.binding.targets import TARGETS, named_array, target_alone, target_beside
from losscli.errors import DataError, listed, quoted
from losscli.readers.fields import Content, Field, Offer
from losscli.request import Files, Request


class ReadLabels(Protocol):
    """Gives the labels of a target, from its files and columns; None where they cannot be read
    twice."""

    def __call__(
        self, files: Files, columns: Sequence[str] | None, all_rows: bool = False
    ) -> Labels | None: ...


@dataclass(frozen=True)
class Given:
    """What there is to choose from: the request, what each of its files offers, and how to read the
    labels of a target. `ranks` are the axes of arrays that have no columns, without those of size 1
    at the end. `classes` are the names that were given for them.
    """

    request: Request
    offers: Mapping[Files, Offer]
    ranks: Mapping[str, int]
    read_labels: ReadLabels
    classes: Sequence[str] | None = None

    def files_of(self, array: str) -> Files | None:
        """The files of an array that has columns."""
        files = self.request.arrays.get(array)
        return files if isinstance(files, tuple) and self.offers[files].fields else None

    def offer_of(self, array: str) -> Offer:
        return self.offers[self.request.arrays[array]]

    def sharing(self, files: Files) -> list[str]:
        """The arrays of the same files."""
        return [array for array in self.request.arrays if self.files_of(array) == files]


@dataclass(frozen=True)
class Chosen:
    """The columns of each array that has any, how they came to be chosen, and what to say of it."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    how: Mapping[str, How] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def with_columns(self, array: str, columns: Sequence[str], how: How = How.FOUND) -> Chosen:
        known = {**self.columns, array: tuple(columns)}
        return replace(self, columns=known, how={**self.how, array: how})

    def reordered(self, array: str, columns: Sequence[str], like: str) -> Chosen:
        """With the columns of an array in another order, and a note that says so."""
        if tuple(columns) == self.columns[array]:
            return self
        note = f"{array}: columns put in the order of {like}"
        known = {**self.columns, array: tuple(columns)}
        return replace(self, columns=known, notes=(*self.notes, note))

    def noting(self, note: str) -> Chosen:
        return replace(self, notes=(*self.notes, note))


def choose(given: Given, model: Side | None = None) -> Chosen:
    """The columns of every array of a request. Those of the input are in the order of the columns
    of another model, if there is one. Raises DataError for what could be several."""
    chosen = _typed(given)
    first, *others = given.request.arrays
    for array in others:
        if given.files_of(array) is not None and array not in chosen.columns:
            chosen = chosen.with_columns(array, _other(given, chosen, array))
    if given.files_of(first) is not None and first not in chosen.columns:
        chosen = _in_order(given, chosen, first, _first(given, chosen, first))
    for array in others:
        chosen = _settled(given, chosen, array)
    _refuse_two_of_a_kind(given, chosen)
    if model is not None:
        chosen = _like(given, chosen, model)
    for array in chosen.columns:
        _require_the_same_parts(given, chosen, array)
    return _paired(given, chosen)


def _require_the_same_parts(given: Given, chosen: Chosen, array: str) -> None:
    """Raise DataError where one of the files of an array has other columns that could be meant,
    unless the columns were listed."""
    offer, how = given.offer_of(array), chosen.how[array]
    if how is How.LISTED or len(chosen.columns[array]) < 2 or not offer.parts:
        return
    first = _numbers_of(offer.parts[0])
    for part in offer.parts[1:]:
        odd = first ^ _numbers_of(part)
        if odd:
            raise DataError(
                f"{part.file}: the columns {listed(sorted(odd))} are in this file or in "
                f"{offer.parts[0].file}, but not in both. List the columns of the {array} with "
                f"{option_of(array)}."
            )


def _numbers_of(offer: Offer) -> set[str]:
    return {field.name for field in offer.fields if field.is_number and not is_key(field.name)}


def _in_order(given: Given, chosen: Chosen, array: str, columns: Sequence[str]) -> Chosen:
    """With columns that nobody named, in the order of their numbers."""
    ordered = in_number_order(columns)
    place = {name: k for k, name in enumerate(given.offer_of(array).names)}
    chosen = chosen.with_columns(array, ordered)
    if ordered == sorted(ordered, key=place.__getitem__):
        return chosen
    return chosen.noting(f"{array}: columns put in the order of their numbers, not of the file")


def resolved(
    offer: Offer, patterns: Sequence[str], array: str, taken: Collection[str] = ()
) -> tuple[str, ...]:
    """The columns that names and globs stand for: in the order of the names, a glob's in that of
    the file, which has to be that of the numbers they end in.

    A pattern may hold several, with commas between them, unless it is itself a column's name. A
    glob leaves out what is taken, and keys unless it matches nothing else.
    """
    found: dict[str, None] = {}
    for pattern in _split(patterns, offer.names):
        found |= dict.fromkeys(_matches(offer, pattern, array, taken))
    return tuple(found)


def _split(patterns: Sequence[str], names: Collection[str]) -> list[str]:
    parts = []
    for pattern in patterns:
        parts += [pattern] if pattern in names else [part.strip() for part in pattern.split(",")]
    return parts


def _matches(offer: Offer, pattern: str, array: str, taken: Collection[str]) -> Sequence[str]:
    if pattern in offer.names:
        return [pattern]
    free = [name for name in offer.names if name not in taken]
    matches = [name for name in free if fnmatch.fnmatchcase(name, pattern)]
    matches = [name for name in matches if not is_key(name)] or matches
    if not matches:
        raise _no_column(offer, pattern, array)
    ordered = in_number_order(matches)
    if ordered != matches:
        raise DataError(
            f"{offer.file}: {option_of(array)} {quoted(pattern)} matches {listed(matches)} in the "
            f"order of the file, which is not the order of their numbers. Use "
            f"{flag(array, ordered)} or {flag(array, matches)}."
        )
    return matches


def _no_column(offer: Offer, pattern: str, array: str) -> DataError:
    close = difflib.get_close_matches(pattern, offer.names, 1, 0.6)
    meant = f" Did you mean {quoted(close[0])}?" if close else ""
    return DataError(
        f"{offer.file}: found no column {quoted(pattern)} for {option_of(array)}; the columns are "
        f"{listed(offer.names)}.{meant}"
    )


def _typed(given: Given) -> Chosen:
    """The columns that were named; globs behind lists, since they leave out what others take."""
    patterns = {
        array: words
        for array, words in given.request.columns.items()
        if given.files_of(array) is not None
    }
    chosen = Chosen()
    for array in sorted(patterns, key=lambda array: _has_glob(given, array)):
        files = given.files_of(array)
        assert files is not None
        taken = {name for other in given.sharing(files) for name in chosen.columns.get(other, ())}
        taken |= {*given.request.keys, *given.request.label_columns}
        names = resolved(given.offers[files], patterns[array], array, taken)
        how = How.GLOB if _has_glob(given, array) else How.LISTED
        chosen = chosen.with_columns(array, names, how)
    return chosen


def _has_glob(given: Given, array: str) -> bool:
    offer = given.offer_of(array)
    words = _split(given.request.columns[array], offer.names)
    return any(glob.has_magic(word) and word not in offer.names for word in words)


def _free(given: Given, chosen: Chosen, files: Files, further: Collection[str] = ()) -> list[Field]:
    """The columns of files that nothing takes and that are no keys, unless there is but one."""
    offer = given.offers[files]
    taken = {name for other in given.sharing(files) for name in chosen.columns.get(other, ())}
    left_out = {*taken, *given.request.keys, *further}
    free = [field for field in offer.fields if field.name not in left_out]
    data = [field for field in free if not is_key(field.name)]
    return free if len(offer.fields) == 1 else data


def _other(given: Given, chosen: Chosen, array: str) -> tuple[str, ...]:
    """What could be an array other than the first: one column, or several to be settled later."""
    files = given.files_of(array)
    assert files is not None
    labels = [name for name in given.request.label_columns if not targets_among([name])]
    offer, free = given.offers[files], _free(given, chosen, files, labels)
    if len(given.sharing(files)) > 1:
        return target_beside(offer, free, array)
    return target_alone(offer, free, array, given.request.loss.has_classes)


def _first(given: Given, chosen: Chosen, array: str) -> tuple[str, ...]:
    """The columns of the input."""
    files = given.files_of(array)
    assert files is not None
    offer = given.offers[files]
    free = _free(given, chosen, files, given.request.label_columns)
    own = () if array == "input" else named_array(offer, free, array)
    return own or choose_input(offer, free, _sought(given, chosen, array))


def _sought(given: Given, chosen: Chosen, array: str) -> Sought:
    """What the loss and the target say of an array."""
    request, loss = given.request, given.request.loss
    sought = Sought(array, loss.takes_rows, loss.kind_of_input(request.options))
    if loss.has_classes and "target" in request.arrays:
        return replace(
            sought,
            labels=lambda: _labels(given, chosen),
            class_base=request.options.get("class_base", 0),
            any_columns=_in_rows(given, chosen, "target"),
            classes=None if given.classes is None else len(given.classes),
            alone=len(given.sharing(request.arrays[array])) == 1,
        )
    if loss.takes_rows:
        return replace(sought, any_columns=True)
    in_rows = _in_rows(given, chosen, "target")
    in_columns = len(chosen.columns.get("target", ())) > 1
    return replace(sought, in_rows=in_rows, any_columns=in_rows, in_columns=in_columns)


def _labels(given: Given, chosen: Chosen) -> Labels | None:
    files = given.request.arrays["target"]
    return given.read_labels(files, chosen.columns.get("target"))


def _in_rows(given: Given, chosen: Chosen, array: str) -> bool:
    """Whether an array has a row of values for each sample."""
    if array in chosen.columns:
        columns = chosen.columns[array]
        return len(columns) > 1 or given.offer_of(array).field(columns[0]).is_row
    return given.ranks.get(array, 1) > 1


def _settled(given: Given, chosen: Chosen, array: str) -> Chosen:
    """With what could be an array other than the first made one thing."""
    columns, loss = chosen.columns.get(array), given.request.loss
    if columns is None or len(columns) == 1 or chosen.how[array] is not How.FOUND:
        return chosen
    if not columns:
        raise nothing(given.offer_of(array).file, array, given.offer_of(array).names)
    if array in TARGETS and not _may_have_rows(given, chosen, columns):
        raise several(given.offer_of(array).file, array, [(name,) for name in columns])
    first = chosen.columns.get(next(iter(given.request.arrays)), ())
    if array in TARGETS and loss.pairs_columns and have_same_names(first, columns):
        return chosen
    if array in TARGETS and loss.is_elementwise and len(first) > 1:
        return _in_order(given, chosen, array, columns)  # all of them, which names decide
    offer = given.offer_of(array)
    fields = [offer.field(name) for name in columns]
    sought = Sought(array, in_rows=True, any_columns=not loss.has_classes)
    return _in_order(given, chosen, array, choose_input(offer, fields, sought))


def _may_have_rows(given: Given, chosen: Chosen, columns: Sequence[str]) -> bool:
    """Whether several columns may be a target: where the input has rows too, and where targets
    could be indices of classes, one column for each of the input's."""
    loss = given.request.loss
    first = next(iter(given.request.arrays))
    if not (loss.takes_target_rows and _in_rows(given, chosen, first)):
        return False
    found = chosen.columns.get(first, ())
    return not loss.has_classes or have_same_names(found, columns) or _share_a_stem(given, columns)


def _share_a_stem(given: Given, columns: Sequence[str]) -> bool:
    offer = given.offer_of("target")
    stems = stems_of([offer.field(name) for name in columns])
    return len(stems) == 1 and len(stems[0].columns) == len(columns)


def _refuse_two_of_a_kind(given: Given, chosen: Chosen) -> None:
    """Raise DataError for two files in order of which the first alone holds input and target: the
    shell makes them of a glob of shards without quotes."""
    request = given.request
    files = given.files_of("input")
    if not request.in_order or files is None or given.files_of("target") in (None, files):
        return
    offer = given.offers[files]
    others = [field for field in offer.fields if field.name not in chosen.columns["input"]]
    others = [
        field for field in others if not is_key(field.name) and field.name not in request.keys
    ]
    taken = [name for name in chosen.columns["target"] if name in {one.name for one in others}]
    also = taken if "target" in request.columns else [*named_array(offer, others, "target"), *taken]
    if also:
        target = given.offer_of("target").file
        both = f"{listed(chosen.columns['input'])} and {listed(list(dict.fromkeys(also)))}"
        raise DataError(
            f"{offer.file}: has both an input and a target ({both}), and {target} is given as the "
            f"target. Use quotes around a glob of files that belong together, or --input "
            f"{_shown(files)} --target {_shown(request.arrays['target'])}."
        )


def _shown(files: Files) -> str:
    return shlex.join(files)


def _paired(given: Given, chosen: Chosen) -> Chosen:
    """The columns of the target in the order of the input's."""
    loss, columns = given.request.loss, chosen.columns
    if not loss.pairs_columns or "target" not in columns or "input" not in columns:
        return chosen
    first, second = (side(given, chosen, array) for array in ("input", "target"))
    is_index = loss.has_classes and len(second.columns) == 1
    if is_index or any(_is_list(given, one) or _is_one(one) for one in (first, second)):
        return chosen
    _refuse_shared_whole_numbers(given, first, second)
    return chosen.reordered("target", paired(first, second), "the input's")


def _refuse_shared_whole_numbers(given: Given, first: Side, second: Side) -> None:
    """Raise DataError where nobody named columns, of which one has whole numbers in both files: it
    may be a key, and its loss would be 0."""
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
        raise DataError(
            f"{second.file}: {listed(whole)} has whole numbers in both files and may be a key or "
            f"data. Use --id {shlex.quote(','.join(whole))} for a key, or list the columns of "
            f"data: {flag('input', rest)} {flag('target', rest)}."
        )


def _is_one(one: Side) -> bool:
    """Whether it is a single column that was named, which may be broadcast."""
    return len(one.columns) == 1 and one.how is not How.FOUND


def _is_list(given: Given, one: Side) -> bool:
    """Whether it is a single column of lists, whose values have no names."""
    return len(one.columns) == 1 and given.offer_of(one.array).field(one.columns[0]).is_row


def side(given: Given, chosen: Chosen, array: str) -> Side:
    offer = given.offer_of(array)
    return Side(array, offer.file, chosen.columns[array], chosen.how[array], offer.numbered)


def _like(given: Given, chosen: Chosen, model: Side) -> Chosen:
    """With the columns of the input in the order of those of another model."""
    if "input" not in chosen.columns or min(len(model.columns), len(chosen.columns["input"])) < 2:
        return chosen
    return chosen.reordered("input", paired(model, side(given, chosen, "input")), "A")
