"""The names of the classes, and the labels of a target."""

from __future__ import annotations

import shlex
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
from losscli.source import Source, Values

if TYPE_CHECKING:
    from losscli.readers.tables.number_array import TableArray

# The maximum size of a file of class names, which is read into memory. A vocabulary takes one or
# two megabytes.
_MOST_NAMES = 1 << 24

# The maximum number of distinct labels of a target that are compared with the names of columns.
_MOST_LABELS = 1 << 17

_ROWS = 1 << 20


def class_names(classes: str | Sequence[str], anonymous: bool = False) -> list[str]:
    """Return class names from a list, a comma-separated text, or a file with one name per line."""
    if not isinstance(classes, str):
        return list(classes)
    if "," in classes:
        return [name.strip() for name in classes.split(",")]
    try:
        text = Origin(classes, anonymous).head(_MOST_NAMES + 1)
        lines = text.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{classes}: {_problem(error)}") from error
    if len(text) > _MOST_NAMES:
        raise DataError(
            f"{classes}: expected class names, one per line, found more than "
            f"{_MOST_NAMES >> 20} MiB"
        )
    return [line.strip() for line in lines if line.strip()]


def _problem(error: OSError | UnicodeDecodeError) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error)


def name_classes(
    request: Request,
    first: Source,
    tables: Mapping[str, TableArray],
    names: Sequence[str] | None,
) -> TableArray | None:
    """Prepare a target of names to be read as class indices, and return it. None if no array has
    names. The names of the classes are `names`, else the names of the columns of the `first` array,
    which is the input. Raises DataError if there are neither."""
    columns = first.columns or ()
    if request.loss.has_two_classes(first.shape):
        return _name_two_classes(tables.get("target"), names)
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
            f"{target.name}: column {quoted(target.columns[0] if target.columns else '')}: "
            "expected class indices, found names. Use --classes to list the names of the classes."
        )
    return target


def _name_two_classes(target: TableArray | None, names: Sequence[str] | None) -> TableArray | None:
    """Prepare a target of two names to be read as 0 and 1, and return it. None for other
    targets."""
    if names is not None and len(names) != 2:
        raise DataError(f"--classes: expected 2 names, for 0 and 1, found {len(names)}")
    if target is None or not target.is_text:
        if names is not None and any(_is_number(name) for name in names):
            raise DataError(
                f"--classes: expected names, found {', '.join(names)}, and the labels are numbers "
                "too. Leave out --classes."
            )
        return None
    if names is not None:
        target.name_classes([list(names)])
        return target
    if target.table.file.inferred is not None:  # a text format: its words are not numbers
        raise _two_words(target)
    return None


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return name.lower() in ("true", "false")
    return True


def _two_words(target: TableArray) -> DataError:
    """Return the error for a target of words, with the option that names them if there are two."""
    [column] = target.columns or ("",)
    words = target.table.distinct(column, 2, all_rows=True)
    names = [] if words is None else sorted(map(str, words.drop_null().to_pylist()))
    advice = "Use --classes NO,YES to name 0 and 1."
    if len(names) == 2:
        option = shlex.quote(",".join(names))
        advice = f"Use --classes {option} if {quoted(names[0])} is 0 and {quoted(names[1])} is 1."
    return DataError(
        f"{target.name}: column {quoted(column)}: expected 0 or 1, found text. {advice}"
    )


def _take_names_of_classes(
    target: TableArray, columns: Sequence[str], names: Sequence[str] | None
) -> None:
    """Read a target as text if all its values look missing, but a class is named like one of the
    words for missing values, such as NA."""
    table, own_columns = target.table, target.columns or ()
    if not table.file.unknown.intersection(own_columns):
        return
    known = {name for naming in namings(columns) for name in naming} if columns else set()
    if not {*known, *(names or ())}.isdisjoint(table.missing):
        table.take_as_text(own_columns[0])


def read_labels(
    request: Request,
    containers: Containers,
    files: Files | Values,
    columns: Sequence[str] | None,
    all_rows: bool = False,
) -> Labels | None:
    """Return the distinct labels of a target, without ignored labels. Reads the target in a
    separate pass. With `all_rows`, rows that conditions drop count too.

    Returns None if the target comes from standard input, and no labels if there are too many.
    """
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
    with closing(open_files(files, request.reading_of(files))) as container:
        array = container.array(columns, "")
        labels: Values = np.zeros(0, array.dtype)
        rows = array.shape[0] if array.shape else 0
        for start in range(0, rows or 0, _ROWS):
            box = (slice(start, start + _ROWS), *[slice(None)] * (len(array.shape) - 1))
            labels = np.union1d(labels, array.read(box))
            if len(labels) > _MOST_LABELS:
                return Labels()
    return _labels(request, labels)


def _labels(request: Request, values: Values) -> Labels:
    if values.dtype.kind not in "biuf":
        return Labels(texts=frozenset(map(str, values.tolist())))
    ignored = request.ignored_targets
    return Labels(
        numbers=frozenset(float(value) for value in values.tolist() if value not in ignored)
    )
