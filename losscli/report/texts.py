"""The cells of tables as texts for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from losscli.report.numbers import Numbers
from losscli.result import Column, Kind, Table, short


class TextColumn(NamedTuple):
    """A column of texts.

    Args:
        heading: the heading
        texts: the text of each row
        is_left: whether the texts are aligned at the left, like labels
    """

    heading: str
    texts: Sequence[str]
    is_left: bool


def text_columns(table: Table, rows: Sequence[object], numbers: Numbers) -> Iterator[TextColumn]:
    """The columns that people see, with the texts of these rows of the table."""
    for column in table.columns:
        if column.heading is None or _is_empty(column, table):
            continue
        is_left = column.kind is Kind.LABELS or (column.kind is Kind.PLAIN and not column.in_rows)
        columns = zip(_headings(column), _texts(column, rows, numbers), strict=True)
        for heading, texts in columns:
            is_rough = table.rough and column.name == "samples"
            shown = _marked(texts, table.rough) if is_rough else texts
            yield TextColumn(heading, shown, is_left)


def _is_empty(column: Column, table: Table) -> bool:
    return column.optional and all(column.of(row) in (None, {}) for row in table.rows)


def _headings(column: Column) -> Sequence[str]:
    if column.kind in (Kind.LABELS, Kind.INDEX):
        return column.parts
    return (column.heading or "",)


def _texts(column: Column, rows: Sequence[object], numbers: Numbers) -> list[list[str]]:
    """The texts of a column of the table. Labels and indices make several columns of texts."""
    values = [column.of(row) for row in rows]
    match column.kind:
        case Kind.LABELS:
            labels = [row.values() if isinstance(row, Mapping) else row for row in values]
            shown = [
                ["(none)" if label is None else short(label) for label in row] for row in labels
            ]
            return _transposed(shown, len(column.parts))
        case Kind.INDEX:
            return _transposed([list(map(str, value)) for value in values], len(column.parts))
        case Kind.INTERVAL:
            return [numbers.intervals(values)]
        case Kind.SHARE:
            return [
                ["" if share is None or math.isnan(share) else f"{share:.1%}" for share in values]
            ]
        case Kind.COUNT:
            return [[_count(value) for value in values]]
        case Kind.LOSS:
            texts = iter(numbers.column(value for value in values if value is not None))
            return [["" if value is None else next(texts) for value in values]]
        case _:
            return [[short(value) for value in values]]


def _count(value: float) -> str:
    """A count, or the sum of weights."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _transposed(rows: Sequence[Sequence[str]], columns: int) -> list[list[str]]:
    return [[row[column] for row in rows] for column in range(columns)]


def _marked(counts: Sequence[str], rough: frozenset[int]) -> list[str]:
    """Counts with an asterisk in rows whose interval is based on few samples."""
    return [f"{count}{'*' if row in rough else ' '}" for row, count in enumerate(counts)]
