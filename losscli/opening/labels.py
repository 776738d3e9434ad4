"""The arrays that say of each element to what it belongs, or what is shown with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

from losscli.binding.given import Chosen
from losscli.errors import DataError, listed, quoted
from losscli.opening.files import Containers, Opened
from losscli.readers.arrays.numbered import FileNumbers, Positions
from losscli.readers.container import Container
from losscli.readers.files.shards import is_there, open_files
from losscli.request.request import Files, Request, key_array, label_array
from losscli.request.wanted import CLASS, COLUMN, FILE
from losscli.source import Source


class Label(NamedTuple):
    """An array of labels by its key among the arrays, and the files that it belongs to, if any."""

    key: str
    array: Source
    files: Files | None = None


def label_arrays(files: Opened, arrays: Mapping[str, Source], chosen: Chosen) -> Iterator[Label]:
    """The labels of groups and clusters: columns, files, the columns of the input, or its files."""
    request, containers = files.request, files.containers
    wanted = request.wanted
    for name in wanted.by:
        if wanted.is_word(name):
            _require_no_column(name, containers, chosen)
            if name == COLUMN:
                yield Label(label_array(name), _columns_of_input(request, arrays))
            elif name == FILE:
                yield _files_of_input(request, containers, arrays)
        else:
            label = _column_label(name, containers)
            yield label or _file_label(name, name not in wanted.by_column, files)
    if wanted.cluster is not None and wanted.cluster not in wanted.by:
        label = _column_label(wanted.cluster, containers)
        yield label or _file_label(wanted.cluster, True, files)


def kept_arrays(request: Request, containers: Containers) -> Iterator[Label]:
    """The columns that are shown with each element, beside the key."""
    for name in request.keep:
        files = _owner(name, containers)
        if files is None:
            names = [column for one in containers.values() for column in one.offer.names]
            raise DataError(_nothing(f"--keep {name}", name, names, "column"))
        yield Label(key_array(name), _values(request, containers, files, name), files)


def key_arrays(
    request: Request, containers: Containers, columns: tuple[str, ...]
) -> Iterator[Label]:
    """The key of the one file of a request, to be shown with each element."""
    for name in columns:
        files = next(iter(containers))
        yield Label(key_array(name), _values(request, containers, files, name), files)


def _values(request: Request, containers: Containers, files: Files, name: str) -> Source:
    """A column as it is shown. What is put in the order of a key is kept as numbers of labels."""
    table = containers[files].table
    if table is None:
        return containers[files].array([name], "--keep")
    reordered = request.id is not None and len(containers) > 1
    return table.labels(name) if reordered else table.values(name)


def _column_label(name: str, containers: Containers) -> Label | None:
    files = _owner(name, containers)
    if files is None:
        return None
    return Label(label_array(name), _labels(containers[files], name), files)


def _file_label(name: str, may_be_file: bool, files: Opened) -> Label:
    """The labels of a file of their own, whose rows are left out as those of the other files."""
    if not (may_be_file and is_there(name)):
        names = [column for one in files.containers.values() for column in one.offer.names]
        raise DataError(_nothing(name, name, [*names, CLASS], "column and no file"))
    reading = files.request.reading_of((name,))
    container = files.stack.enter_context(closing(open_files((name,), reading)))
    if container.table is not None:
        for selection in files.selections:
            container.table.follow(selection)
    return Label(label_array(name), _only_labels(container, name))


def _owner(name: str, containers: Containers) -> Files | None:
    return next((files for files, one in containers.items() if name in one.offer.names), None)


def _nothing(what: str, name: str, names: list[str], kind: str) -> str:
    columns = [one for one in names if one != CLASS]
    meant = difflib.get_close_matches(name, names, 1, 0.5)
    there = f"there are the columns {listed(columns)}" if columns else "no file has columns"
    hint = f"; {CLASS} groups by the target" if CLASS in names else ""
    return (
        f"{what}: found no {kind} called so; {there}"
        f"{f'; did you mean {meant[0]}?' if meant else hint}"
    )


def _labels(container: Container, name: str) -> Source:
    """A column of labels, or the array of that name."""
    if container.table is not None:
        return container.table.labels(name)
    return container.array([name], "--by")


def _only_labels(container: Container, path: str) -> Source:
    """The labels of a file that holds nothing else."""
    names = container.offer.names
    if not names:
        return container.array(None, "--by")
    if len(names) > 1:
        raise DataError(f"{path}: found the columns {listed(names)}; expected one")
    return _labels(container, names[0])


def _require_no_column(word: str, containers: Containers, chosen: Chosen) -> None:
    """Raise DataError where a word is also a column, unless that is what the word stands for."""
    names = (name for one in containers.values() for name in one.offer.names)
    column = next((name for name in names if name.lower() == word), None)
    if column is None or (word == CLASS and chosen.columns.get("target") == (column,)):
        return
    files = _owner(column, containers) or ()
    meaning = {
        CLASS: "the target",
        COLUMN: "the columns of the input",
        FILE: "the file that rows come from",
    }
    raise DataError(
        f"{' '.join(files)}: has a column {quoted(column)}, and --by {word} groups by "
        f"{meaning[word]}. Use --by-column {column} to group by the column, or rename it."
    )


def _columns_of_input(request: Request, arrays: Mapping[str, Source]) -> Positions:
    source = next(iter(arrays.values()))
    if not request.loss.is_elementwise or len(source.shape) != 2:
        raise DataError(
            f"{request.loss.name}: --by {COLUMN} groups the losses of several columns; expected an "
            "element-wise loss of an input with two axes"
        )
    names = source.columns or ()
    width = source.shape[1] or 0
    return Positions(names if len(names) == width else [str(k) for k in range(width)])


def _files_of_input(
    request: Request, containers: Containers, arrays: Mapping[str, Source]
) -> Label:
    first = next(iter(request.arrays))
    files = request.arrays[first]
    if not isinstance(files, tuple):
        raise DataError(f"--by {FILE}: {first} is given as numbers, and comes from no file")
    table = containers[files].table
    if table is not None:
        return Label(label_array(FILE), table.file_labels(), files)
    return Label(label_array(FILE), FileNumbers(arrays[first]), files)
