"""TableFile: what a format knows of a table before any row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from losscli.readers.fields import Offer
from losscli.readers.tables.types import fields_of, require_one

OpenBatches = Callable[[pa.Schema], Iterator[pa.RecordBatch]]


def _same_type(field: pa.Field) -> pa.DataType:
    return field.type


@dataclass(frozen=True)
class TableFile:
    """A table in a file, or in several that were joined.

    Attributes:
        schema: the types that columns are read as
        open_batches: starts reading the columns of a schema, as its types where text is parsed
        row_count: None if it is known only at the end of the file
        inferred: the types that columns look like, where that is something else
        label_type: the type as which a column of `inferred` keeps different labels apart
        missing: the words that mean a missing number
        unknown: columns of nothing but missing values so far, which may be text
        threads: how many may read; with one, nothing is read ahead
        notes: what was chosen in opening it
        warnings: what looks wrong with it
        files: the names of its files, if it has several, and `parts` what each of them offers
        numbered: whether it has no header, so that columns are called by their positions
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
    parts: tuple[Offer, ...] = ()

    @property
    def looks(self) -> pa.Schema:
        """The types that columns look like."""
        return self.schema if self.inferred is None else self.inferred

    @property
    def offer(self) -> Offer:
        return Offer(self.name, fields_of(self.looks), self.numbered, self.parts)

    def label_field(self, name: str) -> pa.Field:
        """A column as it is read where its values are labels."""
        require_one(self.looks, name, self.name)
        field = self.looks.field(name)
        return field.with_type(self.label_type(field))
