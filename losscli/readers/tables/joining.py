"""Tables whose rows are read one table after the other, and whose columns may differ in type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from losscli.errors import DataError, first_line, quoted, shortened
from losscli.readers.tables.table_file import TableFile
from losscli.readers.tables.types import FILE, is_text, plain, plain_type


def joined(name: str, files: Sequence[TableFile]) -> TableFile:
    """The rows of the first table and then of the others, which have its columns."""
    _require_same_header(files)
    first, *others = files
    counts = [one.row_count for one in files]
    known = [count for count in counts if count is not None]
    return replace(
        first,
        name=name,
        bytes=sum(one.bytes for one in files),
        schema=_common([one.schema for one in files]),
        open_batches=partial(_batches, files),
        row_count=sum(known) if len(known) == len(counts) else None,
        inferred=_common([one.looks for one in files]),
        unknown=first.unknown.intersection(*(one.unknown for one in others)),
        notes=tuple(dict.fromkeys(note for one in files for note in one.notes)),
        warnings=tuple(warning for one in files for warning in one.warnings),
        files=tuple(one.name for one in files),
        parts=tuple(one.offer for one in files),
    )


def _require_same_header(files: Sequence[TableFile]) -> None:
    """Raise DataError where some files have a header and others do not."""
    first = files[0]
    odd = next((one for one in files if one.numbered != first.numbered), None)
    if odd is not None:
        has = "has no header" if first.numbered else "has a header"
        raise DataError(
            f"{odd.name}: {first.name} {has}, and this file is read otherwise. Use --header or "
            "--no-header for all of them."
        )


def _batches(files: Sequence[TableFile], wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches of all files; the column FILE is the number of the file."""
    stored = pa.schema([field for field in wanted if field.name != FILE])
    schemas = {one.name: one.schema for one in files}
    for number, file in enumerate(files):
        _require_columns(file, stored.names)
        for batch in file.open_batches(stored):
            columns = [_cast(batch.column(one.name), one, file.name, schemas) for one in stored]
            cast = pa.record_batch(columns, names=stored.names)
            if FILE in wanted.names:
                cast = cast.append_column(FILE, pa.array(np.full(batch.num_rows, number)))
            yield cast


def _require_columns(file: TableFile, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in file.schema.names:
            raise DataError(f"{file.name}: found no column {quoted(column)} as elsewhere")


def _common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The first schema, each type such that it holds what all hold; its own where none does."""
    first, *others = schemas
    if all(schema.equals(first) for schema in others):
        return first
    return pa.schema([_common_field(field, others) for field in first])


def _common_field(field: pa.Field, others: Sequence[pa.Schema]) -> pa.Field:
    places = [(schema, schema.get_field_index(field.name)) for schema in others]
    types = [schema.field(place).type for schema, place in places if place >= 0]
    common = _common_type([field.type, *types])
    return field if common is None else field.with_type(common)


def _common_type(types: Sequence[pa.DataType]) -> pa.DataType | None:
    """The type that holds what these hold, such as int64 and float64; None if there is none."""
    kinds = dict.fromkeys(one if pa.types.is_null(one) else plain_type(one) for one in types)
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
    """A column of the table `name` in the type that holds that of all tables."""
    if stored.type == field.type:
        return stored
    kind, column = plain_type(field.type), plain(stored)
    if column.type == kind or (is_text(column.type) and pa.types.is_floating(kind)):
        return column
    if _common_type([stored.type, kind]) != kind:
        raise DataError(
            f"{name}: column {quoted(field.name)} holds {shortened(stored.type)}, which "
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
    """The first table in which the column is of another kind, and which that is."""
    for name, schema in schemas.items():
        if schema.get_field_index(field.name) < 0:
            continue
        there = schema.field(field.name).type
        if not pa.types.is_null(there) and plain_type(there) != kind:
            return f"the {shortened(plain_type(there))} of {name}"
    return shortened(field.type)
