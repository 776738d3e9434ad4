"""Comma-separated rows with a header."""

from __future__ import annotations

import csv
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
from losscli.text import harmless_cell


class Report:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writer = csv.writer(stream, lineterminator="\n")
        self._begun = False

    def elements(self, elements: Elements) -> None:
        if not self._begun:
            self._writer.writerow(element_header(elements))
            self._begun = True
        self._writer.writerows([_cell(cell) for cell in row] for row in element_rows(elements))

    def result(self, result: Result) -> None:
        if result.value is not None:
            tables = list(sections(result)) or [Section("", RESULT_HEADER, [result_row(result)])]
            write_sections(self._stream, tables, write_rows)
        elif not self._begun:
            self._writer.writerow(header_of_none(result))


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_cell(cell) for cell in row] for row in (header, *rows))


def _cell(cell: object) -> object:
    return harmless_cell(cell) if isinstance(cell, str) else cell
