"""A document: what is reported, in reading order, before any format renders it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from losscli.report.numbers import AS_USUAL, Numbers
from losscli.result import Column, Kind, Table, Value


class Line(NamedTuple):
    """A line for people: what it is about, what it says, and what is added to that."""

    label: str
    text: str
    remark: str = ""


class Block(NamedTuple):
    """Lines for people, of which the first matters most.

    Args:
        lines: numbers and what was chosen; their texts are a column, and their remarks another
        files: what was read, as columns of their own; a long text is shortened in the middle
    """

    lines: tuple[Line, ...]
    files: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Document:
    """What is reported.

    Args:
        data: all of it but the tables, for JSON
        summary: what comes first in formats of rows
        tables: what follows, in all formats
        blocks: what people read first
        closing: a last line of the blocks, which stays one line so that it can be copied
        shows_summary: whether people read the summary too, below the first block
        numbers: how people read numbers
        number: the number that a pipe gets
        is_number_alone: whether the number is all that was asked for
        elements: how many losses there are, if the losses themselves are the result
        header: the header of losses, for formats of rows without any
        has_rows_alone: whether JSON lines have the rows of the summary, and not the data
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

    @property
    def sections(self) -> tuple[Table, ...]:
        """The tables of formats of rows."""
        return (self.summary, *self.tables)


def header_of(table: Table) -> list[str]:
    """The header in formats of rows."""
    columns = _columns(table)
    fixed = {name for column in columns if not column.parts for name in _names(column)}
    header: list[str] = []
    for column in columns:
        taken = fixed if column.parts else set()
        for name in _names(column):
            header.append(_free(name, taken | set(header) if column.parts else taken))
    return header


def cells_of(table: Table) -> Iterable[list[Any]]:
    """The rows in formats of rows."""
    columns = _columns(table)
    for row in table.rows:
        yield [cell for column in columns for cell in _cells(column, row)]


def objects_of(table: Table) -> Any:
    """The table in JSON: a list of objects, or one object."""
    if table.is_mapping:
        return table.mapping
    return [_object(table, row) for row in table.rows]


def _columns(table: Table) -> list[Column]:
    """The columns that formats of rows have."""
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


def _free(name: str, taken: set[str]) -> str:
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


def _object(table: Table, row: object) -> dict[str, Any]:
    found = {}
    for column in table.columns:
        value = column.of(row)
        if column.kind is Kind.LABELS and isinstance(value, Mapping):
            if value:
                found[column.name] = dict(value)
        elif column.kind is Kind.LABELS:
            found[column.name] = value[0] if len(value) == 1 else value
        else:
            found[column.name] = value
    return found


def object_of(document: Document) -> dict[str, object]:
    """All of a document as one object."""
    return {**document.data, **{table.name: objects_of(table) for table in document.tables}}
