"""The arrays that give each element its group or cluster, or that are reported with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

from losscli.binding.given import Chosen
from losscli.errors import DataError, listed, quoted
from losscli.losses.layout import show
from losscli.opening.files import Containers, Opened
from losscli.readers.arrays.numbered import FileNumbers, Positions
from losscli.readers.container import Container
from losscli.readers.files.shards import exists, open_files
from losscli.request.request import Files, Request, key_array, label_array
from losscli.request.wanted import CLASS, COLUMN, FILE
from losscli.source import Source


class Label(NamedTuple):
    """An array of labels, its name among the arrays of the request, and the files of its column."""

    key: str
    array: Source
    files: Files | None = None


def label_arrays(files: Opened, arrays: Mapping[str, Source], chosen: Chosen) -> Iterator[Label]:
    """Yield the labels of groups and clusters. Labels are a column, a separate file, or the column
    or file of the input that an element comes from."""
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
            option = "--by-column" if name in wanted.by_column else "--by"
            yield label or _file_label(name, option, files)
    if wanted.cluster is not None and wanted.cluster not in wanted.by:
        label = _column_label(wanted.cluster, containers)
        yield label or _file_label(wanted.cluster, "--cluster", files)


def kept_arrays(request: Request, containers: Containers) -> Iterator[Label]:
    """Yield the columns that are reported with each element, other than the key."""
    for name in request.keep:
        files = _owner(name, containers)
        if files is None:
            raise DataError(_no_such("column", "--keep", name, _names(containers)))
        yield Label(key_array(name), _values(request, containers, files, name), files)


def key_arrays(
    request: Request, containers: Containers, columns: tuple[str, ...]
) -> Iterator[Label]:
    """Yield the key columns of a request with one file, to be reported with each element."""
    for name in columns:
        files = next(iter(containers))
        yield Label(key_array(name), _values(request, containers, files, name), files)


def _values(request: Request, containers: Containers, files: Files, name: str) -> Source:
    """Return a column to be reported, stored as label numbers if rows are sorted by a key."""
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


def _file_label(name: str, option: str, files: Opened) -> Label:
    """Return the labels of a separate file, with rows filtered like the other files. Raises
    DataError if there is no such file."""
    allowed = files.request.reading.labels
    is_allowed = allowed is None or name in allowed
    if option == "--by-column" or not is_allowed or not exists(name):
        kind = "column" if option == "--by-column" else "column or file"
        raise DataError(_no_such(kind, option, name, [*_names(files.containers), CLASS]))
    reading = files.request.reading_of((name,))
    container = files.stack.enter_context(closing(open_files((name,), reading)))
    if container.table is not None:
        for selection in files.selections:
            container.table.follow(selection)
    return Label(label_array(name), _only_labels(container, name))


def _owner(name: str, containers: Containers) -> Files | None:
    for files, container in containers.items():
        if name in container.offer.names:
            return files
    return None


def _names(containers: Containers) -> list[str]:
    return [name for container in containers.values() for name in container.offer.names]


def _no_such(kind: str, option: str, name: str, names: list[str]) -> str:
    columns = [column for column in names if column != CLASS]
    close = difflib.get_close_matches(name, names, 1, 0.5)
    existing = f"the columns are {listed(columns)}" if columns else "no file has columns"
    hint = ""
    if close:
        hint = f". Did you mean {quoted(close[0])}?"
    elif CLASS in names:
        hint = f". Use --by {CLASS} to group by the target."
    return f"{option} {name}: no such {kind}; {existing}{hint}"


def _labels(container: Container, name: str) -> Source:
    """Return a column as labels, or the array of that name."""
    if container.table is not None:
        return container.table.labels(name)
    return container.array([name], "--by")


def _only_labels(container: Container, path: str) -> Source:
    """Return the labels of a file that contains nothing else. Raises DataError for several
    columns."""
    names = container.offer.names
    if not names:
        return container.array(None, "--by")
    if len(names) > 1:
        raise DataError(f"{path}: expected one column of labels, found {listed(names)}")
    return _labels(container, names[0])


def _require_no_column(word: str, containers: Containers, chosen: Chosen) -> None:
    """Raise DataError if a keyword of --by is also the name of a column. The keyword class may be
    the name of the target's column."""
    column = next((name for name in _names(containers) if name.lower() == word), None)
    if column is None or (word == CLASS and chosen.columns.get("target") == (column,)):
        return
    files = _owner(column, containers) or ()
    meaning = {
        CLASS: "the target",
        COLUMN: "the columns of the input",
        FILE: "the file that rows come from",
    }
    raise DataError(
        f"{' '.join(files)}: the file has a column {quoted(column)}, but --by {word} groups by "
        f"{meaning[word]}. Use --by-column {column} to group by the column, or rename the column."
    )


def _columns_of_input(request: Request, arrays: Mapping[str, Source]) -> Positions:
    source = next(iter(arrays.values()))
    if not request.loss.is_elementwise:
        raise DataError(
            f"--by {COLUMN}: expected an element-wise loss, found {request.loss.name}. Remove --by "
            f"{COLUMN}."
        )
    if len(source.shape) != 2:
        raise DataError(
            f"--by {COLUMN}: expected an input with two axes, found shape {show(source.shape)}. "
            f"Remove --by {COLUMN}."
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
        raise DataError(f"--by {FILE}: the {first} is given as numbers. Pass a file.")
    table = containers[files].table
    if table is not None:
        return Label(label_array(FILE), table.file_labels(), files)
    return Label(label_array(FILE), FileNumbers(arrays[first]), files)
