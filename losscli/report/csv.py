"""Comma-separated rows with a header: as they are, but for a terminal, which text may not steer."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from losscli.report.rows import RowReport
from losscli.text import harmless_cell, printable


class Report(RowReport):
    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, _write_header, _write_lines)


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    _write_header(stream, header)
    _write_lines(stream, rows)


def _write_header(stream: TextIO, header: Sequence[str]) -> None:
    _write_lines(stream, [header])


def _write_lines(stream: TextIO, rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    shown = printable if stream.isatty() else str
    writer.writerows(
        [shown(harmless_cell(cell)) if isinstance(cell, str) else cell for cell in row]
        for row in rows
    )
