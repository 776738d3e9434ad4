"""What the classes are called, and which labels a target has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli.binding.classes import Labels, namings
from losscli.errors import DataError, quoted
from losscli.opening.files import Containers
from losscli.readers import Array
from losscli.readers.origin import STANDARD_INPUT, Origin
from losscli.readers.shards import open_files
from losscli.request import Files, Request

if TYPE_CHECKING:
    from losscli.readers.table_arrays import TableArray

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
        raise DataError(f"{classes}: {getattr(error, 'strerror', None) or error}") from error
    if len(text) > _MOST_NAMES:
        raise DataError(
            f"{classes}: found more than {_MOST_NAMES >> 20} MiB; expected names of classes, one "
            "a line"
        )
    return [line.strip() for line in lines if line.strip()]


def name_classes(
    request: Request, arrays: Mapping[str, Any], names: Sequence[str] | None
) -> TableArray | None:
    """The target that holds names of classes, if it does, told what the classes are called."""
    if not request.loss.has_classes:
        return None
    _take_names_of_classes(arrays, names)
    texts = [array for array in arrays.values() if getattr(array, "is_text", False)]
    if not texts:
        return None
    target: TableArray = texts[0]
    columns = next(iter(arrays.values())).columns or ()
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


def _take_names_of_classes(arrays: Mapping[str, Any], names: Sequence[str] | None) -> None:
    """Read a target of nothing but words such as NA as names where classes are called so."""
    target = arrays.get("target")
    table = getattr(target, "table", None)
    if table is None or target is None or not table.unknown.intersection(target.columns):
        return
    columns = next(iter(arrays.values())).columns or ()
    known = {name for called in namings(columns) for name in called} if columns else set()
    if not {*known, *(names or ())}.isdisjoint(table.missing):
        table.take_as_text(target.columns[0])


def read_labels(
    request: Request,
    containers: Containers,
    files: Files | Array,
    columns: Sequence[str] | None,
    all_rows: bool = False,
) -> Labels | None:
    """The labels that a target has, each once, without those that are ignored, in a pass of its
    own; None if there can be none. With `all_rows` also those of rows that conditions leave out."""
    if not isinstance(files, tuple):
        return _labels(request, np.unique(np.asarray(files)))
    if STANDARD_INPUT in files:
        return None
    container = containers[files]
    if container.is_table and columns is not None:
        distinct = container.distinct(columns[0], _MOST_LABELS, all_rows)  # type: ignore[attr-defined]
        if distinct is None:
            return Labels()
        return _labels(request, np.array(distinct.drop_null().to_pylist()))
    with closing(open_files(files, request.reading_of(files))) as again:
        array = again.array(columns, "")
        found = np.zeros(0, array.dtype)
        rows = array.shape[0] if array.shape else 0
        for start in range(0, rows or 0, _ROWS):
            box = (slice(start, start + _ROWS), *[slice(None)] * (len(array.shape) - 1))
            found = np.union1d(found, array.read(box))
            if len(found) > _MOST_LABELS:
                return Labels()
    return _labels(request, found)


def _labels(request: Request, found: Any) -> Labels:
    if found.dtype.kind not in "biuf":
        return Labels(texts=frozenset(map(str, found.tolist())))
    ignored = request.options.get("ignore_index", [])
    return Labels(numbers=frozenset(float(one) for one in found.tolist() if one not in ignored))
