"""choose(): apply the rules of this package to choose the columns of every array."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from losscli.binding.ambiguity import flag, nothing, several
from losscli.binding.classes import Labels
from losscli.binding.given import Chosen, Given
from losscli.binding.inputs import Search, choose_input
from losscli.binding.named import named_columns
from losscli.binding.names import is_input, is_input_stem, is_key, targets_among
from losscli.binding.pairs import How, Side, have_same_names
from losscli.binding.sides import (
    in_order_of_model,
    refuse_two_tables,
    require_same_parts,
    with_paired_columns,
)
from losscli.binding.stems import in_number_order, stems_of
from losscli.binding.targets import (
    TARGETS,
    named_array,
    target_in_own_file,
    target_in_shared_file,
)
from losscli.errors import DataError, quoted
from losscli.readers.fields import Content, Field
from losscli.request.request import Files


def choose(given: Given, model: Side | None = None) -> Chosen:
    """Return the columns of every array of a request. If `model` is the input of another model, the
    columns of the input are in the order of that model's columns. Raises DataError for ambiguous or
    missing columns."""
    chosen = named_columns(given)
    first, *others = given.request.arrays
    for array in others:
        if given.files_of(array) is not None and array not in chosen.columns:
            chosen = chosen.with_columns(array, _candidates(given, chosen, array))
    if given.files_of(first) is not None and first not in chosen.columns:
        chosen = _in_number_order(given, chosen, first, _input_columns(given, chosen, first))
    for array in others:
        chosen = _resolved(given, chosen, array)
    for array in chosen.columns:
        _require_readable(given, chosen, array)
        _require_decimal_points(given, chosen, array)
    _require_weights_in_order(given, chosen)
    refuse_two_tables(given, chosen)
    if model is not None:
        chosen = in_order_of_model(given, chosen, model)
    for array in chosen.columns:
        require_same_parts(given, chosen, array)
    return with_paired_columns(given, chosen)


def _require_readable(given: Given, chosen: Chosen, array: str) -> None:
    """Raise DataError if the array was detected in a file with a damaged array, which may be the
    right one."""
    offer = given.offer_of(array)
    damaged = next((field for field in offer.fields if field.content is Content.DAMAGED), None)
    if damaged is None or chosen.how[array] is not How.FOUND:
        return
    if damaged.name not in chosen.columns[array]:  # opening a damaged array raises an error
        raise DataError(
            f"{offer.file}: array {quoted(damaged.name)} is damaged. Use "
            f"{flag(array, chosen.columns[array])} if the {array} is another array."
        )


def _require_decimal_points(given: Given, chosen: Chosen, array: str) -> None:
    """Raise DataError if the columns of the array were detected in a file with decimal commas.
    Detection skips columns with decimal commas, and one of these may be the right column."""
    offer = given.offer_of(array)
    odd = next((field for field in offer.fields if field.content is Content.COMMA), None)
    if odd is not None and chosen.how[array] is How.FOUND:
        option = flag(array, chosen.columns[array])
        raise DataError(
            f"{offer.file}: column {quoted(odd.name)}: expected decimal points, found numbers with "
            f"a decimal comma. Use {option} if the {array} is another column."
        )


def _require_weights_in_order(given: Given, chosen: Chosen) -> None:
    """Raise DataError for detected class weights in a file that may also name the classes. Weights
    are read in the order of the file, whatever the names are."""
    if not given.request.loss.has_classes or chosen.how.get("weight") is not How.FOUND:
        return
    offer, columns = given.offer_of("weight"), chosen.columns["weight"]
    others = [field for field in offer.fields if field.name not in columns]
    classes = next(
        (field for field in others if field.content is Content.TEXT or _names_classes(field)), None
    )
    if classes is not None and len(given.sharing(given.request.files_of("weight"))) == 1:
        raise DataError(
            f"{offer.file}: column {quoted(classes.name)} may name the class of each weight, but "
            f"class weights are read in the order of the file. Use {flag('weight', columns)} if "
            "the file is in the order of the classes."
        )


def _names_classes(field: Field) -> bool:
    return field.name.lower() in ("class", "classes", "label", "category", "name")


def _in_number_order(given: Given, chosen: Chosen, array: str, columns: Sequence[str]) -> Chosen:
    """Return the choice with detected columns, sorted by their numbers."""
    ordered = in_number_order(columns)
    position = {name: k for k, name in enumerate(given.offer_of(array).names)}
    chosen = chosen.with_columns(array, ordered)
    if ordered == sorted(ordered, key=position.__getitem__):
        return chosen
    return chosen.noting(f"{array}: columns sorted by their numbers, not in the order of the file")


def _free(given: Given, chosen: Chosen, files: Files, further: Collection[str] = ()) -> list[Field]:
    """Return the unused columns of files, without keys unless the only column is a key."""
    offer = given.offers[files]
    taken = {name for other in given.sharing(files) for name in chosen.columns.get(other, ())}
    left_out = {*taken, *given.request.keys, *further}
    free = [field for field in offer.fields if field.name not in left_out]
    without_keys = [field for field in free if not is_key(field.name)]
    return free if len(offer.fields) == 1 else without_keys


def _candidates(given: Given, chosen: Chosen, array: str) -> tuple[str, ...]:
    """Return the candidate columns of an array other than the first. If there are several,
    `_resolved` chooses among them later."""
    files = given.files_of(array)
    assert files is not None
    labels = [name for name in given.request.label_columns if not targets_among([name])]
    offer, free = given.offers[files], _free(given, chosen, files, labels)
    if len(given.sharing(files)) > 1:
        return target_in_shared_file(offer, free, array)
    return target_in_own_file(offer, free, array, given.request.loss.has_classes)


def _input_columns(given: Given, chosen: Chosen, array: str) -> tuple[str, ...]:
    """Return the columns of the input."""
    files = given.files_of(array)
    assert files is not None
    offer = given.offers[files]
    search = _search(given, chosen, array)
    # Reporting a column with each row must not change which column is the input.
    is_usual = is_input if search.in_rows else is_input_stem
    labels = [name for name in given.request.label_columns if not is_usual(name)]
    free = _free(given, chosen, files, labels)
    own = () if array == "input" else named_array(offer, free, array)
    return own or choose_input(offer, free, search)


def _search(given: Given, chosen: Chosen, array: str) -> Search:
    """Return what the loss and the target require of an array."""
    request, loss = given.request, given.request.loss
    search = Search(array, loss.takes_rows, loss.kind_of_input(request.options))
    if loss.has_classes and "target" in request.arrays:
        return search._replace(
            labels=lambda: _labels(given, chosen),
            class_base=request.class_base,
            any_columns=_in_rows(given, chosen, "target"),
            or_number=loss.takes_rows_or_numbers and not _in_rows(given, chosen, "target"),
            classes=None if given.classes is None else len(given.classes),
            alone=len(given.sharing(request.files_of(array))) == 1,
        )
    if loss.takes_rows:
        return search._replace(any_columns=True)
    in_rows = _in_rows(given, chosen, "target")
    in_columns = len(chosen.columns.get("target", ())) > 1
    return search._replace(in_rows=in_rows, any_columns=in_rows, in_columns=in_columns)


def _labels(given: Given, chosen: Chosen) -> Labels | None:
    files = given.request.arrays["target"]
    return given.read_labels(files, chosen.columns.get("target"))


def _in_rows(given: Given, chosen: Chosen, array: str) -> bool:
    """Whether an array has a row of values for each sample."""
    if array in chosen.columns:
        columns = chosen.columns[array]
        return len(columns) > 1 or given.offer_of(array).field(columns[0]).is_row
    return given.ranks.get(array, 1) > 1


def _resolved(given: Given, chosen: Chosen, array: str) -> Chosen:
    """Return the choice with the candidates for an array other than the first narrowed down."""
    columns, loss = chosen.columns.get(array), given.request.loss
    if columns is None or len(columns) == 1 or chosen.how[array] is not How.FOUND:
        return chosen
    if not columns:
        raise nothing(given.offer_of(array), array)
    if array in TARGETS and not _may_have_rows(given, chosen, columns):
        raise several(given.offer_of(array).file, array, [(name,) for name in columns])
    first = chosen.columns.get(next(iter(given.request.arrays)), ())
    if array in TARGETS and loss.pairs_columns and have_same_names(first, columns):
        return chosen
    if array in TARGETS and loss.is_elementwise and len(first) > 1:
        # Keep all columns: they are paired by name later.
        return _in_number_order(given, chosen, array, columns)
    offer = given.offer_of(array)
    fields = [offer.field(name) for name in columns]
    search = Search(array, in_rows=True, any_columns=not loss.has_classes)
    return _in_number_order(given, chosen, array, choose_input(offer, fields, search))


def _may_have_rows(given: Given, chosen: Chosen, columns: Sequence[str]) -> bool:
    """Whether several columns together may be the target. The input must have several values per
    sample too. For a loss that also takes class indices, the columns must also match the input's
    columns by name or share a stem."""
    loss = given.request.loss
    first = next(iter(given.request.arrays))
    if not (loss.takes_target_rows and _in_rows(given, chosen, first)):
        return False
    inputs = chosen.columns.get(first, ())
    return not loss.has_classes or have_same_names(inputs, columns) or _share_a_stem(given, columns)


def _share_a_stem(given: Given, columns: Sequence[str]) -> bool:
    offer = given.offer_of("target")
    stems = stems_of([offer.field(name) for name in columns])
    return len(stems) == 1 and len(stems[0].columns) == len(columns)
