"""A JSON object a line: the result, or each of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from losscli.elements import Elements
from losscli.report.json import comparison_facts, dumps, facts
from losscli.report.rows import element_header, element_rows, sections
from losscli.result import Result

if TYPE_CHECKING:
    from losscli.comparison import Comparison


class Report:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def elements(self, elements: Elements) -> None:
        write_rows(self._stream, element_header(elements), element_rows(elements))

    def result(self, result: Result) -> None:
        tables = list(sections(result))
        for table in tables:
            write_rows(self._stream, table.header, table.rows)
        if not tables and result.value is not None:
            self._stream.write(dumps(dict(facts(result))) + "\n")


def write_comparison(stream: TextIO, comparison: Comparison) -> None:
    stream.write(dumps(comparison_facts(comparison)) + "\n")


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    for row in rows:
        stream.write(dumps(dict(zip(header, row, strict=True))) + "\n")
