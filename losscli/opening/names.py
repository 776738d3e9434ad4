"""What the classes are called, and which labels a target has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from losscli.binding.classes import Labels, namings
from losscli.errors import DataError, quoted
from losscli.opening.files import Containers
from losscli.readers.files.origin import STANDARD_INPUT, Origin
from losscli.readers.files.shards import open_files
from losscli.request.request import Files, Request
from losscli.source import Values

if TYPE_CHECKING:
    from losscli.readers.tables.number_array import TableArray

# A file of the names of classes is read whole; that of a vocabulary takes a megabyte or two.
_MOST_NAMES = 1 << 24

# Different labels of a target beyond which the names of columns are not compared with them.
_MOST_LABELS = 1 << 17

_ROWS = 1 << 20


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
        raise DataError(f"{classes}: {_problem(error)}") from error
    if len(text) > _MOST_NAMES:
        raise DataError(
            f"{classes}: found more than {_MOST_NAMES >> 20} MiB; expected names of classes, one "
            "a line"
        )
    return [line.strip() for line in lines if line.strip()]


def _problem(error: OSError | UnicodeDecodeError) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error)


def name_classes(
    request: Request,
    columns: Sequence[str],
    tables: Mapping[str, TableArray],
    names: Sequence[str] | None,
) -> TableArray | None:
    """Have the target of names read as indices of classes, which are called as `names` or as the
    columns of the input; None if no array has names."""
    if not request.loss.has_classes:
        return None
    if "target" in tables:
        _take_names_of_classes(tables["target"], columns, names)
    target = next((array for array in tables.values() if array.is_text), None)
    if target is None:
        return None
    if names is not None:
        target.name_classes([list(names)])
    elif len(columns) > 1:
        target.name_classes(namings(columns))
    else:
        raise DataError(
            f"{target.name}: column {quoted(target.columns[0] if target.columns else '')} holds "
            "names, expected class indices; --classes gives the names of the classes"
        )
    return target


def _take_names_of_classes(
    target: TableArray, columns: Sequence[str], names: Sequence[str] | None
) -> None:
    """Read a target of nothing but words such as NA as names where classes are called so."""
    table, own = target.table, target.columns or ()
    if not table.file.unknown.intersection(own):
        return
    known = {name for called in namings(columns) for name in called} if columns else set()
    if not {*known, *(names or ())}.isdisjoint(table.missing):
        table.take_as_text(own[0])


def read_labels(
    request: Request,
    containers: Containers,
    files: Files | Values,
    columns: Sequence[str] | None,
    all_rows: bool = False,
) -> Labels | None:
    """The labels that a target has, each once, without those that are ignored, in a pass of its
    own; None if there can be none. With `all_rows` also those of rows that conditions leave out."""
    if not isinstance(files, tuple):
        return _labels(request, np.unique(np.asarray(files)))
    if STANDARD_INPUT in files:
        return None
    table = containers[files].table
    if table is not None and columns is not None:
        distinct = table.distinct(columns[0], _MOST_LABELS, all_rows)
        if distinct is None:
            return Labels()
        return _labels(request, np.array(distinct.drop_null().to_pylist()))
    with closing(open_files(files, request.reading_of(files))) as again:
        array = again.array(columns, "")
        found: Values = np.zeros(0, array.dtype)
        rows = array.shape[0] if array.shape else 0
        for start in range(0, rows or 0, _ROWS):
            box = (slice(start, start + _ROWS), *[slice(None)] * (len(array.shape) - 1))
            found = np.union1d(found, array.read(box))
            if len(found) > _MOST_LABELS:
                return Labels()
    return _labels(request, found)


def _labels(request: Request, found: Values) -> Labels:
    if found.dtype.kind not in "biuf":
        return Labels(texts=frozenset(map(str, found.tolist())))
    ignored = request.ignored_targets
    return Labels(numbers=frozenset(float(one) for one in found.tolist() if one not in ignored))
