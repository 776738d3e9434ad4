"""A document: everything that is reported, in reading order, before a format prints it.

The row formats (csv, jsonl, markdown, plain) write tables of raw values. The format table writes
texts for people. The format json writes every value by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from losscli.report.numbers import AS_USUAL, Numbers
from losscli.result import Column, Kind, Table, Value


class Line(NamedTuple):
    """A line for people: a label, a text, and a remark after the text."""

    label: str
    text: str
    remark: str = ""


class Block(NamedTuple):
    """Lines for people, the most important one first.

    Args:
        lines: numbers and options; texts and remarks are aligned in columns
        files: the inputs, aligned separately; long paths are shortened in the middle
    """

    lines: tuple[Line, ...]
    files: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Document:
    """Everything that is reported.

    Args:
        data: everything but the tables, for JSON
        summary: the first table in row formats
        tables: the further tables, in all formats
        blocks: the text above the tables, for people
        closing: a line after the blocks, which is not wrapped so that it can be copied
        shows_summary: whether the format table also shows the summary, below the first block
        numbers: how numbers are rounded for people
        number: the number that the format plain writes
        is_number_alone: whether only the number was requested
        elements: the number of losses, if the losses themselves are the result
        header: the header that row formats write if the result is an empty list of losses
        has_rows_alone: whether JSON Lines contain the rows of the summary instead of the data
        warnings: what may be wrong with the data or the number
        notes: what losscli chose
        answer: what a page shows first; None if that is the first line
        file_notes: those of the notes that the lines about files make unnecessary
        origin: how the numbers were computed: the command, versions, digests
        record: the text of the record of the run
        is_once_only: whether the run cannot be computed again, because it read standard input
    """

    data: Mapping[str, Value]
    summary: Table
    tables: tuple[Table, ...] = ()
    blocks: tuple[Block, ...] = ()
    closing: Line | None = None
    shows_summary: bool = False
    numbers: Numbers = AS_USUAL
    number: float | None = None
    is_number_alone: bool = False
    elements: int | None = None
    header: tuple[str, ...] = ()
    has_rows_alone: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    answer: Line | None = None
    file_notes: tuple[str, ...] = ()
    origin: tuple[Line, ...] = ()
    record: str | None = None
    is_once_only: bool = False

    @property
    def sections(self) -> tuple[Table, ...]:
        """The tables of row formats."""
        return (self.summary, *self.tables)


def header_of(table: Table) -> list[str]:
    """The header in row formats."""
    columns = _columns(table)
    fixed = {name for column in columns if not column.parts for name in _names(column)}
    header: list[str] = []
    for column in columns:
        taken = fixed if column.parts else set()
        for name in _names(column):
            header.append(_unique(name, taken | set(header) if column.parts else taken))
    return header


def cells_of(table: Table) -> Iterable[list[Any]]:
    """The rows in row formats."""
    columns = _columns(table)
    for row in table.rows:
        yield [cell for column in columns for cell in _cells(column, row)]


def _columns(table: Table) -> list[Column]:
    """The columns of row formats."""
    return [
        column
        for column in table.columns
        if column.in_rows
        and not (column.optional and all(column.of(row) in (None, {}) for row in table.rows))
    ]


def _names(column: Column) -> Sequence[str]:
    if column.kind in (Kind.LABELS, Kind.INDEX):
        return column.parts
    name = column.row_name or column.name
    return (f"{name}_low", f"{name}_high") if column.kind is Kind.INTERVAL else (name,)


def _unique(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"label_{name}"
    return name


def _cells(column: Column, row: object) -> Sequence[Any]:
    value = column.of(row)
    if column.kind is Kind.INTERVAL:
        return ("", "") if value is None else value
    if column.kind is Kind.LABELS:
        return ["" if label is None else label for label in _labels(value)]
    return value if column.kind is Kind.INDEX else (value,)


def _labels(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, Mapping) else value


def object_of(document: Document) -> dict[str, object]:
    """The data and tables of a document as one object."""
    return {**document.data, **{table.name: table.objects for table in document.tables}}
