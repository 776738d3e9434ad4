"""Tables whose rows are read one table after the other, and whose columns may differ in type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from losscli.errors import DataError, first_line, quoted, shortened
from losscli.readers.columns import is_text, plain_type
from losscli.readers.table import plain


def common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The first schema, each type such that it holds what all hold; its own where none does."""
    first, *others = schemas
    if all(schema.equals(first) for schema in others):
        return first
    return pa.schema([_common_field(field, others) for field in first])


def _common_field(field: pa.Field, others: Sequence[pa.Schema]) -> pa.Field:
    places = [(schema, schema.get_field_index(field.name)) for schema in others]
    types = [schema.field(place).type for schema, place in places if place >= 0]
    joined = _joined([field.type, *types])
    return field if joined is None else field.with_type(joined)


def _joined(types: Sequence[pa.DataType]) -> pa.DataType | None:
    """The type that holds what these hold, such as int64 and float64; None if there is none."""
    kinds = dict.fromkeys(one if pa.types.is_null(one) else plain_type(one) for one in types)
    if len(kinds) == 1:
        return types[0]
    schemas = [pa.schema([("", kind)]) for kind in kinds]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None


def as_wanted(
    batch: pa.RecordBatch, wanted: pa.Schema, name: str, schemas: Mapping[str, pa.Schema]
) -> pa.RecordBatch:
    """The wanted columns of a batch of the table `name`, in types that hold those of all tables."""
    columns = [_cast(batch.column(field.name), field, name, schemas) for field in wanted]
    return pa.record_batch(columns, names=wanted.names)


def _cast(
    stored: pa.Array, field: pa.Field, name: str, schemas: Mapping[str, pa.Schema]
) -> pa.Array:
    if stored.type == field.type:
        return stored
    kind, column = plain_type(field.type), plain(stored)
    if column.type == kind or (is_text(column.type) and pa.types.is_floating(kind)):
        return column
    if _joined([stored.type, kind]) != kind:
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
