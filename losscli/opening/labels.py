"""The arrays that say of each element to what it belongs, or what is shown with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from losscli.binding.choose import Chosen
from losscli.errors import DataError, listed, quoted
from losscli.opening.files import Containers, Opened, tables_of
from losscli.readers import Container
from losscli.readers.numbered import FileNumbers, Positions
from losscli.readers.shards import is_there, open_files
from losscli.request import CLASS, COLUMN, FILE, Files, Request, key_array, label_array


@dataclass(frozen=True)
class Label:
    """An array of labels by its key among the arrays, and the files that it belongs to, if any."""

    key: str
    array: Any
    files: Files | None = None


def label_arrays(files: Opened, arrays: Mapping[str, Any], chosen: Chosen) -> Iterator[Label]:
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


def _values(request: Request, containers: Containers, files: Files, name: str) -> Any:
    """A column as it is shown. What is put in the order of a key is kept as numbers of labels."""
    if not containers[files].is_table:
        return containers[files].array([name], "--keep")
    table = tables_of(containers)[files]
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
    reading = replace(files.request.reading, format=None)
    container = files.stack.enter_context(closing(open_files((name,), reading)))
    if container.is_table:
        for selection in files.selections:
            container.follow(selection)  # type: ignore[attr-defined]
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


def _labels(container: Container, name: str) -> Any:
    """A column of labels, or the array of that name."""
    if container.is_table:
        return container.labels(name)  # type: ignore[attr-defined]
    return container.array([name], "--by")


def _only_labels(container: Container, path: str) -> Any:
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


def _columns_of_input(request: Request, arrays: Mapping[str, Any]) -> Positions:
    source = next(iter(arrays.values()))
    if not request.loss.is_elementwise or len(source.shape) != 2:
        raise DataError(
            f"{request.loss.name}: --by {COLUMN} groups the losses of several columns; expected an "
            "element-wise loss of an input with two axes"
        )
    names = source.columns or ()
    width = source.shape[1]
    return Positions(names if len(names) == width else [str(k) for k in range(width)])


def _files_of_input(request: Request, containers: Containers, arrays: Mapping[str, Any]) -> Label:
    first = next(iter(request.arrays))
    files = request.arrays[first]
    if not isinstance(files, tuple):
        raise DataError(f"--by {FILE}: {first} is given as numbers, and comes from no file")
    if containers[files].is_table:
        return Label(label_array(FILE), tables_of(containers)[files].file_labels(), files)
    return Label(label_array(FILE), FileNumbers(arrays[first]), files)
