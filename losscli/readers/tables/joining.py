"""Concatenate tables whose columns may differ in type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice

import numpy as np
import pyarrow as pa

from losscli.errors import DataError, first_line, quoted, shortened
from losscli.readers.files.uri import is_uri
from losscli.readers.tables.table_file import TableFile, from_row
from losscli.readers.tables.types import FILE, is_text, plain, plain_type
from losscli.threads import in_order

# The number of objects of a store whose first batches are read at the same time, each of a few
# megabytes.
_AHEAD = 8


def joined(name: str, files: Sequence[TableFile]) -> TableFile:
    """Concatenate the rows of tables. All tables need the columns of the first table.

    Raises DataError if only some tables have a header. Reading raises DataError for a missing
    column, and for columns whose types cannot be joined.
    """
    _require_same_header(files)
    first, *others = files
    counts = [file.row_count for file in files]
    known = [count for count in counts if count is not None]
    return replace(
        first,
        name=name,
        bytes=sum(file.bytes for file in files),
        schema=_common([file.schema for file in files]),
        open_batches=partial(_batches, files),
        row_count=sum(known) if len(known) == len(counts) else None,
        inferred=_common([file.apparent for file in files]),
        unknown=first.unknown.intersection(*(file.unknown for file in others)),
        notes=tuple(dict.fromkeys(note for file in files for note in file.notes)),
        warnings=tuple(warning for file in files for warning in file.warnings),
        files=tuple(file.name for file in files),
        parts=tuple(file.offer for file in files),
    )


def _require_same_header(files: Sequence[TableFile]) -> None:
    """Raise DataError if only some of the files have a header."""
    first = files[0]
    odd = next((file for file in files if file.numbered != first.numbered), None)
    if odd is not None:
        words = {True: "no header", False: "a header"}
        raise DataError(
            f"{odd.name}: found {words[odd.numbered]}, but {words[first.numbered]} in "
            f"{first.name}. Use --header or --no-header for all of them."
        )


def _batches(
    files: Sequence[TableFile], requested: pa.Schema, first_row: int
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of all files from a row on. The column FILE, if requested, is the number of
    the file. Files before the row are not read if all numbers of rows are known."""
    if any(file.row_count is None for file in files):
        yield from from_row(_batches_of_counted(files, requested, 0), first_row)
    else:
        yield from _batches_of_counted(files, requested, first_row)


def _batches_of_counted(
    files: Sequence[TableFile], requested: pa.Schema, first_row: int
) -> Iterator[pa.RecordBatch]:
    stored = pa.schema([field for field in requested if field.name != FILE])
    schemas = {file.name: file.schema for file in files}
    for number, batches in _of_each(files, stored, first_row):
        for batch in batches:
            name = files[number].name
            columns = [_cast(batch.column(to.name), to, name, schemas) for to in stored]
            cast = pa.record_batch(columns, names=stored.names)
            if FILE in requested.names:
                cast = cast.append_column(FILE, pa.array(np.full(batch.num_rows, number)))
            yield cast


def _of_each(
    files: Sequence[TableFile], stored: pa.Schema, first_row: int
) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Yield the number and the batches of each file with rows from `first_row` on.

    The first batches of the next objects of a store are read by other threads, since each waits for
    several answers.
    """
    opened = _from_row(files, first_row)
    if not is_uri(files[0].name):
        for number, start in opened:
            _require_columns(files[number], stored.names)
            yield number, files[number].open_batches(stored, start)
        return
    steps = (partial(_begun, number, files[number], stored, start) for number, start in opened)
    yield from in_order(steps, _AHEAD)


def _from_row(files: Sequence[TableFile], first_row: int) -> Iterator[tuple[int, int]]:
    """Yield the number of each file that has rows from `first_row` on, and its first such row."""
    for number, file in enumerate(files):
        if file.row_count is not None and file.row_count <= first_row:
            first_row -= file.row_count
        else:
            yield number, first_row
            first_row = 0


def _begun(
    number: int, file: TableFile, stored: pa.Schema, start: int
) -> tuple[int, Iterator[pa.RecordBatch]]:
    """The batches of a file, after reading the first two, which are all of a small file."""
    _require_columns(file, stored.names)
    batches = file.open_batches(stored, start)
    first = list(islice(batches, 2))
    return number, chain(first, batches)


def _require_columns(file: TableFile, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in file.schema.names:
            raise DataError(f"{file.name}: no column {quoted(column)}, which the other files have")


def _common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the columns of the first schema, each with the type that all schemas have in common.
    A column without a common type keeps its type."""
    first, *others = schemas
    if all(schema.equals(first) for schema in others):
        return first
    return pa.schema([_common_field(field, others) for field in first])


def _common_field(field: pa.Field, others: Sequence[pa.Schema]) -> pa.Field:
    indices = [(schema, schema.get_field_index(field.name)) for schema in others]
    types = [schema.field(index).type for schema, index in indices if index >= 0]
    common = _common_type([field.type, *types])
    return field if common is None else field.with_type(common)


def _common_type(types: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return the type that can represent all of these types, such as float64 for int64 and float64;
    None if there is none."""
    kinds = dict.fromkeys(kind if pa.types.is_null(kind) else plain_type(kind) for kind in types)
    if len(kinds) == 1:
        return types[0]
    schemas = [pa.schema([("", kind)]) for kind in kinds]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None


def _cast(
    stored: pa.Array, field: pa.Field, name: str, schemas: Mapping[str, pa.Schema]
) -> pa.Array:
    """Cast a column of the table `name` to the common type of all tables."""
    if stored.type == field.type:
        return stored
    kind, column = plain_type(field.type), plain(stored)
    if column.type == kind or (is_text(column.type) and pa.types.is_floating(kind)):
        return column
    if _common_type([stored.type, kind]) != kind:
        raise DataError(
            f"{name}: column {quoted(field.name)} contains {shortened(stored.type)}, which "
            f"cannot be joined with {_other(column.type, field, schemas)}"
        )
    try:
        return column.cast(kind)
    except pa.ArrowException as error:
        raise DataError(
            f"{name}: column {quoted(field.name)} cannot be joined with "
            f"{_other(column.type, field, schemas)}: {first_line(error)}"
        ) from error


def _other(kind: pa.DataType, field: pa.Field, schemas: Mapping[str, pa.Schema]) -> str:
    """Describe the first table in which the column has another type."""
    for name, schema in schemas.items():
        if schema.get_field_index(field.name) < 0:
            continue
        other = schema.field(field.name).type
        if not pa.types.is_null(other) and plain_type(other) != kind:
            return f"{shortened(plain_type(other))} in {name}"
    return shortened(field.type)
