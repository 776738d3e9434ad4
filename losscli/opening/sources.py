"""open_sources(request): the arrays of a request, opened, bound and paired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.binding.ambiguity import option_of
from losscli.binding.choose import Chosen, Given, choose, side
from losscli.binding.names import is_key
from losscli.binding.order import Order, class_order
from losscli.binding.pairs import Side
from losscli.errors import DataError, listed
from losscli.opening.files import (
    Containers,
    Opened,
    offers_of,
    opened,
    select_rows,
    tables_of,
)
from losscli.opening.labels import Label, kept_arrays, key_arrays, label_arrays
from losscli.opening.names import class_names, name_classes, read_labels
from losscli.opening.rows import join_rows, key_columns, same_rows
from losscli.readers import Array
from losscli.readers.memory import MemoryArray
from losscli.readers.numbered import NumberedTargets
from losscli.request import SAMPLE, Files, Request, key_array

if TYPE_CHECKING:
    from losscli.readers.pairing import Keys
    from losscli.readers.same_rows import SameRows
    from losscli.readers.table import Table
    from losscli.readers.table_arrays import TableArray
    from losscli.readers.where import Selection

# The arrays that say which rows are there, and that rows of two tables are the same; no loss has
# parameters of these names.
PRESENT, SAME = "rows present", "same rows "

# What stands for a target that is ignored where targets become indices.
_IGNORED = -100


@dataclass(frozen=True)
class Model:
    """What a model of a comparison has to follow: the columns of the first model's input, and the
    keys in whose order the rows of both are."""

    input: Side | None = None
    keys: Keys | None = None


@dataclass(frozen=True)
class Sources:
    """The arrays by name, with what was chosen in opening them and what looks wrong with the files.

    `request` is the one that was opened, with what the names of columns say; `options` are those
    that the loss is computed with. `masks` name the arrays that say what counts, `labels` those
    that say to what an element belongs: groups, clusters, keys, and SAMPLE, its row of the file.
    `named` is the target whose classes have names, and `input` the columns of the input. `pairing`
    tells how rows of several files were paired, `same` looks whether they are the same.
    `selections` leave out rows of arrays without columns, `selecting` is a table of which
    conditions leave out rows.
    """

    request: Request
    options: Mapping[str, Any]
    containers: Containers
    arrays: Mapping[str, Array]
    masks: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    named: TableArray | NumberedTargets | None
    ragged: Table | None
    pairing: str | None
    input: Side | None
    same: Mapping[str, tuple[Files, SameRows]]
    selections: tuple[Selection, ...]
    selecting: Table | None


def open_sources(
    request: Request, stack: ExitStack, model: Model = Model(), shows_rows: bool = False
) -> Sources:
    """Open every file once, and make the arrays out of their columns.

    `model` is the first one of a comparison. With `shows_rows` the keys of rows are read as well.
    """
    containers = opened(request, stack)
    selections = select_rows(request, containers)
    names = None if request.classes is None else class_names(request.classes)
    given = _given(request, containers, names)
    order = class_order(given, choose(given, model.input))
    chosen = order.chosen
    arrays = _arrays(request, containers, chosen)
    files = Opened(request, containers, selections, stack)
    labels = list(label_arrays(files, arrays, chosen))
    if shows_rows:
        labels += kept_arrays(request, containers)
        if len(containers) == 1 and model.keys is None:
            labels += key_arrays(request, containers, key_columns(request, containers))
    same = {
        f"{SAME}{number}": one for number, one in enumerate(same_rows(request, containers, chosen))
    }
    named: TableArray | NumberedTargets | None = name_classes(request, arrays, names)
    ragged = _explode(request, arrays)
    gapped = _let_gaps(request, arrays)
    if ragged is not None:
        labels.append(Label(SAMPLE, _file_rows(arrays, ragged)))
    arrays |= {one.key: one.array for one in labels}
    joined: tuple[str, ...] = ()
    if request.id is not None and (len(containers) > 1 or model.keys is not None):
        joined = _joined(files, arrays, labels, model, ragged)
    if order.numbers is not None:
        named = _numbered(request, arrays["target"], order.numbers)
        arrays["target"] = named
    if gapped and (request.skip_missing or ragged is not None):
        from losscli.readers.together import Together  # noqa: PLC0415 - beside tables alone

        of_tables = {name: arrays[name] for name in gapped}
        arrays[PRESENT] = Together(of_tables, ragged is not None)
    arrays |= {key: one for key, (_, one) in same.items()}
    if not shows_rows:
        arrays = {
            name: array for name, array in arrays.items() if not name.startswith(key_array(""))
        }
    keys = [key_array(name) for name in key_columns(request, containers)]
    taken = {*request.arrays, PRESENT, *same}
    further = [name for name in arrays if name not in taken]
    return Sources(
        _told(request, order),
        _computed(request, order),
        containers,
        arrays,
        tuple(name for name in arrays if name in ("mask", PRESENT) or name in same),
        tuple(sorted(further, key=lambda name: name not in keys)),
        (
            *_said(containers, "notes"),
            *_columns_taken(request, arrays, containers),
            *chosen.notes,
            *joined,
            *_by_position(request, containers, same),
        ),
        _said(containers, "warnings"),
        named,
        ragged,
        _pairing(request, containers),
        _side_of_input(given, chosen),
        same,
        selections,
        _selecting(request, containers),
    )


def _given(request: Request, containers: Containers, names: Sequence[str] | None) -> Given:
    """What there is to choose from. The axes of arrays without columns are known already."""
    ranks = {}
    for name, value in request.arrays.items():
        if not isinstance(value, tuple):
            ranks[name] = _rank(value.shape)
        elif not containers[value].offer.fields and name not in request.columns:
            ranks[name] = _rank(containers[value].array(None, option_of(name)).shape)
    labels = partial(read_labels, request, containers)
    return Given(request, offers_of(containers), ranks, labels, names)


def _rank(shape: Sequence[int | None]) -> int:
    return len(shape) - (len(shape) > 1 and shape[-1] == 1)


def _side_of_input(given: Given, chosen: Chosen) -> Side | None:
    first = next(iter(given.request.arrays))
    return side(given, chosen, first) if first in chosen.columns else None


def _arrays(request: Request, containers: Containers, chosen: Chosen) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name, value in request.arrays.items():
        if isinstance(value, tuple):
            columns = chosen.columns.get(name) or request.columns.get(name)
            arrays[name] = containers[value].array(columns, option_of(name))
        else:
            arrays[name] = MemoryArray("", value)
    return arrays


def _told(request: Request, order: Order) -> Request:
    """The request with what the names of columns say of the classes."""
    if order.class_base is None:
        return request
    return replace(request, options={**request.options, "class_base": order.class_base})


def _computed(request: Request, order: Order) -> Mapping[str, Any]:
    """The options that the loss is computed with."""
    options = _told(request, order).options
    return options if order.numbers is None else {**options, "ignore_index": [_IGNORED]}


def _numbered(request: Request, target: Array, numbers: Sequence[int]) -> NumberedTargets:
    return NumberedTargets(target, numbers, request.options.get("ignore_index", []), _IGNORED)


def _explode(request: Request, arrays: Mapping[str, Any]) -> Table | None:
    """Where an array's rows are sequences, take all tables' lists for sequences."""
    if not any(getattr(array, "is_nested", False) for array in arrays.values()):
        return None
    tables = {id(array.table): array.table for array in arrays.values() if hasattr(array, "table")}
    leading = next(iter(arrays.values()))
    # What one table leaves out is still in the others.
    leaves_out = request.skip_missing and len(tables) == 1
    for table in tables.values():
        columns = leading.columns if getattr(leading, "table", None) is table else ()
        table.explode(columns, request.options.get("shift", False), leaves_out)
    first: Table = next(iter(tables.values()))
    return first


def _file_rows(arrays: Mapping[str, Any], ragged: Table) -> Any:
    from losscli.readers.table_arrays import FileRows  # noqa: PLC0415 - pyarrow

    return FileRows(next(one for one in arrays.values() if getattr(one, "table", None) is ragged))


def _let_gaps(request: Request, arrays: Mapping[str, Any]) -> list[str]:
    """The arrays of tables, told whether rows may be missing."""
    of_tables = {name: array for name, array in arrays.items() if hasattr(array, "skips_missing")}
    for array in of_tables.values():
        array.skips_missing = request.skip_missing
    return list(of_tables)


def _joined(
    files: Opened,
    arrays: dict[str, Any],
    labels: Sequence[Label],
    model: Model,
    ragged: Table | None,
) -> tuple[str, ...]:
    """Put rows in the order of the key."""
    if ragged is not None:
        raise DataError(f"{ragged.name}: its rows are sequences, which --id does not pair")
    files_of: dict[str, Files] = {
        name: value for name, value in files.request.arrays.items() if isinstance(value, tuple)
    }
    files_of |= {one.key: one.files for one in labels if one.files is not None}
    return join_rows(files, files_of, arrays, model.keys)


def _said(containers: Containers, what: str) -> tuple[str, ...]:
    return tuple(text for one in containers.values() for text in getattr(one, what, ()))


def _columns_taken(
    request: Request, arrays: Mapping[str, Any], containers: Containers
) -> tuple[str, ...]:
    """One line on the columns that nobody named, and on those that were left out."""
    parts = [
        f"{name}: took {'columns' if len(array.columns) > 1 else 'column'} "
        f"{listed(array.columns)} of {array.name}"
        for name, array in arrays.items()
        if array.columns is not None and name in request.arrays and name not in request.columns
    ]
    used = {column for array in arrays.values() for column in array.columns or ()}
    used |= {*request.keys, *request.label_columns}
    names = [name for one in containers.values() for name in one.offer.names if name not in used]
    left_out = [name for name in dict.fromkeys(names) if not is_key(name)]
    if parts and left_out:
        parts.append(f"left out: {listed(left_out)}")
    return ("; ".join(parts),) if parts else ()


def _by_position(
    request: Request, containers: Containers, same: Mapping[str, tuple[Files, SameRows]]
) -> Iterator[str]:
    """A note for tables that have nothing in common by which their order could be told."""
    tables = tables_of(containers)
    if request.id is not None or request.pair is not None or len(tables) < 2:
        return
    looked_at = {files for files, _ in same.values()}
    first, *others = tables
    for files in others:
        if files not in looked_at:
            yield (
                f"rows are paired by position: {tables[first].name} and {tables[files].name} have "
                "no column in common that could be a key"
            )


def _pairing(request: Request, containers: Containers) -> str | None:
    if len(containers) < 2:
        return None
    return "position" if request.id is None else f"id {request.id}"


def _selecting(request: Request, containers: Containers) -> Table | None:
    columns = {condition.column for condition in request.where}
    tables = tables_of(containers).values()
    return next((one for one in tables if columns & set(one.offer.names)), None)
