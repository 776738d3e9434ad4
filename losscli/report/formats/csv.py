"""Comma-separated rows with a header. On a terminal, control characters are escaped."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from losscli.report.format import Cells, RowReport
from losscli.text import harmless_cell, printable


class Report(RowReport):
    def write_header(self, header: Sequence[str]) -> None:
        self.write_lines([header])

    def write_lines(self, rows: Iterable[Cells]) -> None:
        writer = csv.writer(self.stream, lineterminator="\n")
        shown = printable if self.stream.isatty() else str
        writer.writerows(
            [shown(harmless_cell(cell)) if isinstance(cell, str) else cell for cell in row]
            for row in rows
        )
