"""TableFile: the properties of a table that a format knows before any row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from losscli.errors import quoted
from losscli.readers.fields import Offer
from losscli.readers.tables.types import fields_of, require_one

# Yields batches with the columns of a schema, from a row on.
OpenBatches = Callable[[pa.Schema, int], Iterator[pa.RecordBatch]]


def from_row(batches: Iterator[pa.RecordBatch], row: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of batches from `row` on."""
    for batch in batches:
        dropped = min(row, batch.num_rows)
        row -= dropped
        if not dropped or dropped < batch.num_rows:
            yield batch.slice(dropped)


def _same_type(field: pa.Field) -> pa.DataType:
    return field.type


def _no_line(row: int) -> int | None:
    return None


@dataclass(frozen=True)
class TableFile:
    """A table in a file, or in several joined files.

    Attributes:
        schema: the types that columns are read as
        open_batches: reads the columns of a schema; text is parsed as the types in the schema
        row_count: the number of rows; None if it is known only at the end of the file
        inferred: the apparent types of columns; None if they are the types in `schema`
        label_type: returns the type that preserves the labels of a column of `inferred`
        missing: the words that mean a missing number
        unknown: columns with only missing values in the first block, which may be text
        threads: the number of threads that may read; with one, nothing is read ahead
        notes: the choices made while opening the file
        warnings: suspicious properties of the file
        files: the names of the joined files; empty if there is only one file
        parts: the offer of each of `files`
        numbered: whether the file has no header, so that names are positions
        line_of: returns the line of a row of a text file; None if it is not known
    """

    name: str
    bytes: int
    schema: pa.Schema
    open_batches: OpenBatches
    row_count: int | None = None
    inferred: pa.Schema | None = None
    label_type: Callable[[pa.Field], pa.DataType] = _same_type
    missing: Sequence[str] = ()
    unknown: frozenset[str] = frozenset()
    threads: int | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    numbered: bool = False
    line_of: Callable[[int], int | None] = _no_line
    parts: tuple[Offer, ...] = ()

    @property
    def apparent(self) -> pa.Schema:
        """The apparent types of columns."""
        return self.schema if self.inferred is None else self.inferred

    @property
    def offer(self) -> Offer:
        return Offer(self.name, fields_of(self.apparent), self.numbered, self.parts)

    def row_name(self, row: int) -> str:
        """Return the line of a row, or else the number of the row, as text for a message."""
        line = self.line_of(row)
        return f"row {row}" if line is None else f"line {line}"

    def place(self, row: int, column: str | None = None) -> str:
        """Return the file, the line or row, and the column of a cell, as text for a message."""
        line = self.line_of(row)
        if column is None:
            return f"{self.name}: row {row}" if line is None else f"{self.name}:{line}"
        where = f"{self.name}: row {row}," if line is None else f"{self.name}:{line}:"
        return f"{where} column {quoted(column)}"

    def label_field(self, name: str) -> pa.Field:
        """Return the field for reading a column as labels. Raises DataError unless exactly one
        column has this name."""
        require_one(self.apparent, name, self.name)
        field = self.apparent.field(name)
        return field.with_type(self.label_type(field))
