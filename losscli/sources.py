"""The arrays of a request, opened: which file and which columns each is made of."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from losscli.errors import DataError, listed, quoted
from losscli.losses import kebab
from losscli.readers import Array, Container, default_name
from losscli.readers.memory import MemoryArray
from losscli.readers.origin import Origin
from losscli.readers.shards import is_there, open_files
from losscli.request import CLASS, SAMPLE, Files, Request, label_array

if TYPE_CHECKING:
    from losscli.readers.table import Table, TableArray

# The array that says which rows are there; no loss has a parameter of that name.
PRESENT = "rows present"

# A file of the names of classes is read whole; that of a vocabulary takes a megabyte or two.
_MOST_NAMES = 1 << 24


@dataclass(frozen=True)
class Sources:
    """The arrays by name, with what was chosen in opening them and what looks wrong with the files.

    `masks` name those that say what counts. `classes` are the names of the classes where the
    target gives names, known once it was read. `pairing` tells how rows of several files were
    paired. `labels` name those that say to what an element belongs: the groups and clusters that
    were asked for, and SAMPLE, its row of the file.
    """

    arrays: Mapping[str, Array]
    masks: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    named: TableArray | None
    ragged: Table | None
    pairing: str | None
    keys: Any = None


def open_sources(request: Request, stack: ExitStack, keys: Any = None) -> Sources:
    """Open every file once, and make the arrays out of their columns.

    With `keys` the rows are put in their order, and else in that of the first file.
    """
    containers = {
        files: stack.enter_context(closing(open_files(files, request.reading_of(files))))
        for files in dict.fromkeys(files for files in request.arrays.values() if _is_files(files))
    }
    patterns = {**request.columns, **_assumed(request, containers)}
    files = {name: value for name, value in request.arrays.items() if _is_files(value)}
    labels = _label_arrays(request, containers, files, stack)
    arrays: dict[str, Any] = {}
    # Named columns first, and globs behind them: what they take is not among the columns that
    # remain for the others.
    for name in sorted(request.arrays, key=lambda name: _vagueness(patterns.get(name))):
        value = request.arrays[name]
        if _is_files(value):
            option = f"--{kebab(name)}-column"
            arrays[name] = containers[value].array(patterns.get(name), option)
        else:
            arrays[name] = MemoryArray("", value)
    arrays = {name: arrays[name] for name in request.arrays}
    named = _name_classes(request, arrays)
    ragged = _explode(request, arrays)
    gapped = _let_gaps(request, arrays)
    if ragged is not None:
        from losscli.readers.table import FileRows  # noqa: PLC0415 - pyarrow

        leading = next(one for one in arrays.values() if getattr(one, "table", None) is ragged)
        labels[SAMPLE] = FileRows(leading)
    arrays |= labels
    if request.id is not None:
        if ragged is not None and (len(containers) > 1 or keys is not None):
            raise DataError(f"{ragged.name}: its rows are sequences, which --id does not pair")
        keys = _pair(files, request.id, containers, arrays, stack=stack, keys=keys)
    if gapped and (request.skip_missing or ragged is not None):
        from losscli.readers.together import Together  # noqa: PLC0415 - beside tables alone

        of_tables = {name: arrays[name] for name in gapped}
        arrays[PRESENT] = Together(of_tables, ragged is not None)
    return Sources(
        arrays,
        tuple(name for name in arrays if name in ("mask", PRESENT)),
        tuple(labels),
        (
            *_said(containers, "notes"),
            *_chosen(request, arrays, containers),
            *_common_key(request, containers),
        ),
        _said(containers, "warnings"),
        named,
        ragged,
        _pairing(request, containers),
        keys,
    )


def _vagueness(patterns: Sequence[str] | None) -> int:
    if patterns is None:
        return 2
    return int(any(glob.has_magic(pattern) for pattern in patterns))


def _label_arrays(
    request: Request,
    containers: Mapping[Files, Container],
    files: dict[str, Files],
    stack: ExitStack,
) -> dict[str, Any]:
    """The columns or files of labels that were asked for; `files` learns which belong to what."""
    wanted = [*request.wanted.by, *([request.wanted.cluster] if request.wanted.cluster else [])]
    arrays: dict[str, Any] = {}
    for name in dict.fromkeys(wanted):
        if name == CLASS:
            continue
        owner = next((key for key, one in containers.items() if name in one.names), None)
        key = label_array(name)
        if owner is not None:
            files[key] = owner
            arrays[key] = _labels(containers[owner], name)
        elif is_there(name):
            reading = replace(request.reading, format=None)
            container = stack.enter_context(closing(open_files((name,), reading)))
            arrays[key] = _only_labels(container, name)
        else:
            raise DataError(_no_labels(name, containers))
    return arrays


def _no_labels(name: str, containers: Mapping[Files, Container]) -> str:
    names = [column for one in containers.values() for column in one.names]
    meant = difflib.get_close_matches(name, [*names, CLASS], 1, 0.5)
    there = f"there are the columns {listed(names)}" if names else "no file has columns"
    hint = f"; did you mean {meant[0]}?" if meant else f"; {CLASS} groups by the target"
    return f"{name}: found no column and no file called so; {there}{hint}"


def _labels(container: Container, name: str) -> Any:
    """A column of labels, or the array of that name."""
    labels = getattr(container, "labels", None)
    return labels(name) if labels else container.array([name], "--by")


def _only_labels(container: Container, path: str) -> Any:
    """The labels of a file that holds nothing else."""
    if not container.names:
        return container.array(None, "--by")
    if len(container.names) > 1:
        raise DataError(f"{path}: found the columns {listed(container.names)}; expected one")
    return _labels(container, container.names[0])


def _is_files(value: Any) -> bool:
    return isinstance(value, tuple)


def _assumed(request: Request, containers: Mapping[Files, Container]) -> dict[str, Sequence[str]]:
    """The columns of required arrays for which nothing was given, by their usual names."""
    found: dict[str, Sequence[str]] = {}
    for name in request.assumed:
        names = containers[request.arrays[name]].names
        column = default_name(names, name)
        if column is None:
            there = f"; there are {listed(names)}" if names else ""
            raise DataError(
                f"{' '.join(request.arrays[name])}: found no single column called as {name} is; "
                f"give {name.upper()}, or --{kebab(name)}-column{there}"
            )
        found[name] = [column]
    return found


def _name_classes(request: Request, arrays: Mapping[str, Any]) -> TableArray | None:
    """The array of class names, if there is one, told what the classes are called."""
    if "class_base" not in request.options:
        return None
    texts = [array for array in arrays.values() if getattr(array, "is_text", False)]
    if not texts:
        return None
    columns = next(iter(arrays.values())).columns or ()
    if request.classes is not None:
        texts[0].name_classes([class_names(request.classes)])
    elif len(columns) > 1:
        from losscli.readers.columns import namings  # noqa: PLC0415 - pyarrow

        texts[0].name_classes(namings(columns))
    else:
        raise DataError(
            f"{texts[0].name}: column {quoted(texts[0].columns[0])} holds names, "
            "expected class indices; --classes gives the names of the classes"
        )
    named: TableArray = texts[0]
    return named


def class_names(classes: str | Sequence[str]) -> list[str]:
    """Names with commas between them, or those of a file, one a line."""
    if not isinstance(classes, str):
        return list(classes)
    if "," in classes:
        return [name.strip() for name in classes.split(",")]
    try:
        text = Origin(classes).head(_MOST_NAMES + 1)
        lines = text.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{classes}: {getattr(error, 'strerror', None) or error}") from error
    if len(text) > _MOST_NAMES:
        raise DataError(
            f"{classes}: found more than {_MOST_NAMES >> 20} MiB; expected names of classes, one "
            "a line"
        )
    return [line.strip() for line in lines if line.strip()]


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


def _let_gaps(request: Request, arrays: Mapping[str, Any]) -> list[str]:
    """The arrays of tables, told whether rows may be missing."""
    of_tables = {name: array for name, array in arrays.items() if hasattr(array, "skips_missing")}
    for array in of_tables.values():
        array.skips_missing = request.skip_missing
    return list(of_tables)


def _pair(
    files_of: Mapping[str, Files],
    column: str,
    containers: Mapping[Files, Container],
    arrays: dict[str, Any],
    *,
    stack: ExitStack,
    keys: Any,
) -> Any:
    """Put the rows of every file in the order of the keys, or of the first file's, which are
    returned."""
    from losscli.readers.pairing import Reordered, keep_all, positions  # noqa: PLC0415 - pyarrow

    leading = next(iter(containers))
    given = keys is not None
    keys = keys if given else _keys(leading, containers[leading], column)
    for files in list(containers)[0 if given else 1 :]:
        names = ("A" if given else " ".join(leading), " ".join(files))
        order = positions(keys, _keys(files, containers[files], column), names)
        own = {
            name: stack.enter_context(closing(Reordered(arrays[name], order)))
            for name, value in files_of.items()
            if value == files
        }
        keep_all(own.values())
        arrays |= own
    return keys


def _keys(files: Files, container: Container, column: str) -> Any:
    if not hasattr(container, "column"):
        raise DataError(f"{' '.join(files)}: found no columns, so no --id {column}")
    return container.column(column)


def _said(containers: Mapping[Files, Container], what: str) -> tuple[str, ...]:
    return tuple(text for one in containers.values() for text in getattr(one, what, ()))


def _chosen(
    request: Request, arrays: Mapping[str, Any], containers: Mapping[Files, Container]
) -> tuple[str, ...]:
    """One line on the columns that nobody named, and on those that were left out."""
    parts = [
        f"{name}: took {'columns' if len(array.columns) > 1 else 'column'} "
        f"{listed(array.columns)} of {array.name}"
        for name, array in arrays.items()
        if array.columns is not None and name in request.arrays and name not in request.columns
    ]
    taken = {column for array in arrays.values() for column in array.columns or ()}
    left_out = [name for one in containers.values() for name in one.names if name not in taken]
    if parts and left_out:
        parts.append(f"left out: {listed(left_out)}")
    return ("; ".join(parts),) if parts else ()


def _common_key(request: Request, containers: Mapping[Files, Container]) -> Iterator[str]:
    """A hint where rows are paired by position, and all files have a column `id`."""
    names = [{name for name in one.names if name.lower() == "id"} for one in containers.values()]
    if request.id is None and len(names) > 1:
        for name in set.intersection(*names):
            yield f"rows are paired by position; --id {name} pairs them by that column"


def _pairing(request: Request, containers: Mapping[Files, Container]) -> str | None:
    if len(containers) < 2:
        return None
    return "position" if request.id is None else f"id {request.id}"
