"""open_sources(): open the files of a request, bind columns to arrays and pair rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.binding.ambiguity import option_of
from losscli.binding.choose import choose
from losscli.binding.given import Chosen, Given, side
from losscli.binding.order import Order, class_order
from losscli.binding.pairs import Side
from losscli.errors import DataError, listed
from losscli.opening.files import Containers, Opened, offers_of, open_request, tables_of
from losscli.opening.labels import Label, kept_arrays, key_arrays, label_arrays
from losscli.opening.names import class_names, name_classes, read_labels
from losscli.opening.notes import columns_taken, paired_by_position
from losscli.opening.rows import join_rows, key_columns, same_rows
from losscli.opening.table_rows import prepare_rows, rows_present, sequence_labels
from losscli.readers.arrays.memory import MemoryArray
from losscli.readers.arrays.numbered import NumberedTargets
from losscli.request.request import Files, Request, key_array
from losscli.source import Source

if TYPE_CHECKING:
    from losscli.readers.tables.keys import Keys
    from losscli.readers.tables.number_array import TableArray
    from losscli.readers.tables.same_rows import SameRows
    from losscli.readers.tables.selection import Selection
    from losscli.readers.tables.table import Table

Arrays = dict[str, Source]

# The name of the array that marks rows without missing values, and the start of the names of row
# checks. No loss has parameters with such names.
PRESENT, SAME = "rows present", "same rows "

# The index that replaces ignored targets.
_IGNORED = -100


class Model(NamedTuple):
    """The order that both models of a comparison share: the order of the columns of the first
    model's input, and the order of the keys of the rows."""

    input: Side | None = None
    keys: Keys | None = None


class Sources(NamedTuple):
    """The arrays of a request by name, and the choices made while opening them.

    Attributes:
        request: the opened request, with the class base that column names determine
        options: the options of the loss
        containers: the open files
        arrays: the arrays of the loss, of labels, keys and masks
        notes: the notes on the choices, in the order of the steps
        taken: the notes that name columns
        named: the target whose classes have names
        ragged: a table whose rows are sequences
        input: the columns of the input
        same: the checks that rows of tables match, each with the files of the later table
        selections: the filters for rows of arrays without columns
    """

    request: Request
    options: Mapping[str, Any]
    containers: Containers
    arrays: Mapping[str, Source]
    notes: tuple[str, ...]
    taken: tuple[str, ...]
    named: TableArray | NumberedTargets | None
    ragged: Table | None
    input: Side | None
    same: Mapping[str, tuple[Files, SameRows]]
    selections: tuple[Selection, ...]

    @property
    def masks(self) -> tuple[str, ...]:
        """The arrays that mask elements."""
        return tuple(name for name in self.arrays if name in ("mask", PRESENT, *self.same))

    @property
    def labels(self) -> tuple[str, ...]:
        """The arrays that label elements: keys, groups, clusters, and SAMPLE, the row of the
        file."""
        keys = {key_array(name) for name in key_columns(self.request, self.containers)}
        others = {*self.request.arrays, PRESENT, *self.same}
        labels = [name for name in self.arrays if name not in others]
        return tuple(sorted(labels, key=lambda name: name not in keys))

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of all arrays."""
        arrays = self.arrays.values()
        return tuple(sorted({path for array in arrays for path in array.paths if path}))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings on files, and on columns that are used twice."""
        texts = [text for container in self.containers.values() for text in container.warnings]
        return (*texts, *self._same_columns())

    def _same_columns(self) -> Iterator[str]:
        """Yield a warning for each two required arrays that are the same columns, since their loss
        is meaningless."""
        required = [array.name for array in self.request.loss.arrays if array.required]
        for pair in combinations(required, 2):
            first, second = (self.arrays[name] for name in pair)
            if first.columns and (first.columns, first.paths) == (second.columns, second.paths):
                columns = "column" if len(first.columns) == 1 else "columns"
                yield (
                    f"{first.name}: {pair[0]} and {pair[1]} are the same {columns}, "
                    f"{listed(first.columns)}"
                )

    @property
    def pairing(self) -> str | None:
        """How rows of several files were paired: "position" or "id COLUMN". None for one file."""
        if len(self.containers) < 2:
            return None
        return "position" if self.request.id is None else f"id {self.request.id}"

    @property
    def selecting(self) -> Table | None:
        """A table with a condition on one of its columns."""
        columns = {condition.column for condition in self.request.where}
        tables = tables_of(self.containers).values()
        return next((table for table in tables if columns & set(table.offer.names)), None)


def open_sources(
    request: Request,
    stack: ExitStack,
    model: Model = Model(),  # noqa: B008 - it cannot be changed
    shows_rows: bool = False,
) -> Sources:
    """Open every file once, and build the arrays from their columns.

    `model` is the first model of a comparison. With `shows_rows`, also read the keys of rows.
    """
    files = open_request(request, stack)
    given = _given(files)
    order = class_order(given, choose(given, model.input))
    arrays, tables = _arrays(files, order.chosen)
    # Before labels: if rows are sequences, --by column needs the width of a step.
    ragged = prepare_rows(request, arrays, tables)
    labels = [*_labels(files, arrays, order.chosen, model, shows_rows)]
    same = _comparisons(files, order.chosen)
    named = name_classes(request, next(iter(arrays.values())), tables, given.classes)
    labels += sequence_labels(tables, ragged)
    arrays |= {label.key: label.array for label in labels}
    joined = _join(files, arrays, labels, model, ragged)
    numbered = _number_targets(request, arrays, order)
    if tables and (request.skip_missing or ragged is not None):
        arrays[PRESENT] = rows_present(arrays, tables, ragged)
    arrays |= {key: rows for key, (_, rows) in same.items()}
    shown = arrays if shows_rows else _without_keys(arrays)
    taken = tuple(columns_taken(files.request, shown, files.containers))
    return Sources(
        request=_with_class_base(request, order),
        options=_options(request, order),
        containers=files.containers,
        arrays=shown,
        notes=_notes(files, order.chosen, taken, joined, same),
        taken=taken,
        named=numbered or named,
        ragged=ragged,
        input=_side_of_input(given, order.chosen),
        same=same,
        selections=files.selections,
    )


def _given(files: Opened) -> Given:
    """Return the columns to choose from, and the number of axes of arrays without columns."""
    request, containers = files.request, files.containers
    ranks = {}
    for name, value in request.arrays.items():
        if not isinstance(value, tuple):
            ranks[name] = _rank(value.shape)
        elif not containers[value].offer.fields and name not in request.columns:
            ranks[name] = _rank(containers[value].array(None, option_of(name)).shape)
    names = (
        None if request.classes is None else class_names(request.classes, request.reading.anonymous)
    )
    labels = partial(read_labels, request, containers)
    return Given(request, offers_of(containers), ranks, labels, names)


def _rank(shape: Sequence[int | None]) -> int:
    return len(shape) - (len(shape) > 1 and shape[-1] == 1)


def _arrays(files: Opened, chosen: Chosen) -> tuple[Arrays, dict[str, TableArray]]:
    """Return the arrays of the loss, and the subset that consists of columns of tables."""
    arrays: Arrays = {}
    tables: dict[str, TableArray] = {}
    for name, value in files.request.arrays.items():
        if not isinstance(value, tuple):
            arrays[name] = MemoryArray("", value)
            continue
        columns = chosen.columns.get(name) or files.request.columns.get(name)
        container = files.containers[value]
        if container.table is None:
            arrays[name] = container.array(columns, option_of(name))
        else:
            arrays[name] = tables[name] = container.table.array(columns, option_of(name))
    return arrays, tables


def _labels(
    files: Opened, arrays: Arrays, chosen: Chosen, model: Model, shows_rows: bool
) -> Iterator[Label]:
    """Yield the labels of groups, and the columns that are reported with each row."""
    request, containers = files.request, files.containers
    yield from label_arrays(files, arrays, chosen)
    if shows_rows:
        yield from kept_arrays(request, containers)
        if len(containers) == 1 and model.keys is None:
            yield from key_arrays(request, containers, key_columns(request, containers))


def _comparisons(files: Opened, chosen: Chosen) -> dict[str, tuple[Files, SameRows]]:
    """Return the checks that rows of tables match, each with the files of the later table."""
    checks = same_rows(files.request, files.containers, chosen)
    return {f"{SAME}{number}": check for number, check in enumerate(checks)}


def _join(
    files: Opened,
    arrays: Arrays,
    labels: Sequence[Label],
    model: Model,
    ragged: Table | None,
) -> tuple[str, ...]:
    """Sort rows by the key, if there is one, and return notes on unmatched rows."""
    request = files.request
    if request.id is None or (len(files.containers) < 2 and model.keys is None):
        return ()
    if ragged is not None:
        raise DataError(f"{ragged.name}: --id cannot pair rows that are sequences")
    files_of: dict[str, Files] = {
        name: value for name, value in request.arrays.items() if isinstance(value, tuple)
    }
    files_of |= {label.key: label.files for label in labels if label.files is not None}
    return join_rows(files, files_of, arrays, model.keys)


def _number_targets(request: Request, arrays: Arrays, order: Order) -> NumberedTargets | None:
    """Read targets as class indices if the numbers of the classes have gaps."""
    if order.numbers is None:
        return None
    targets = NumberedTargets(arrays["target"], order.numbers, request.ignored_targets, _IGNORED)
    arrays["target"] = targets
    return targets


def _notes(
    files: Opened,
    chosen: Chosen,
    taken: Sequence[str],
    joined: Sequence[str],
    same: Mapping[str, tuple[Files, SameRows]],
) -> tuple[str, ...]:
    """Return the notes on the choices made while opening files, in the order of the steps."""
    request, containers = files.request, files.containers
    return (
        *(note for container in containers.values() for note in container.notes),
        *taken,
        *chosen.notes,
        *joined,
        *paired_by_position(request, containers, {later for later, _ in same.values()}),
    )


def _without_keys(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if not name.startswith(key_array(""))}


def _with_class_base(request: Request, order: Order) -> Request:
    """Return the request with the class base that column names determine."""
    if order.class_base is None:
        return request
    return replace(request, options={**request.options, "class_base": order.class_base})


def _options(request: Request, order: Order) -> Mapping[str, Any]:
    """Return the options of the loss, adjusted to the classes that column names determine."""
    options = _with_class_base(request, order).options
    return options if order.numbers is None else {**options, "ignore_index": [_IGNORED]}


def _side_of_input(given: Given, chosen: Chosen) -> Side | None:
    first = next(iter(given.request.arrays))
    return side(given, chosen, first) if first in chosen.columns else None
