"""Tables for Markdown documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from losscli.engine import Elements
from losscli.reduction import Result
from losscli.report.rows import (
    RESULT_HEADER,
    Section,
    element_header,
    element_rows,
    header_of_none,
    result_row,
    sections,
    write_sections,
)
from losscli.text import plain_markdown


class Report:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = False

    def elements(self, elements: Elements) -> None:
        if not self._begun:
            _write_header(self._stream, element_header(elements))
            self._begun = True
        _write_lines(self._stream, element_rows(elements))

    def result(self, result: Result) -> None:
        if result.value is not None:
            tables = list(sections(result)) or [Section("", RESULT_HEADER, [result_row(result)])]
            write_sections(self._stream, tables, write_rows)
        elif not self._begun:
            _write_header(self._stream, header_of_none(result))


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    _write_header(stream, header)
    _write_lines(stream, rows)


def _write_header(stream: TextIO, header: Sequence[str]) -> None:
    _write_lines(stream, [header])
    stream.write(f"| {' | '.join(['---'] * len(header))} |\n")


def _write_lines(stream: TextIO, rows: Iterable[Sequence[object]]) -> None:
    for row in rows:
        stream.write(f"| {' | '.join(map(_cell, row))} |\n")


def _cell(cell: object) -> str:
    """Text as it is, line breaks as Markdown has them in a table."""
    if not isinstance(cell, str):
        return str(cell)
    return "<br>".join(map(plain_markdown, cell.split("\n")))
