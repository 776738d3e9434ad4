"""Tables for Markdown documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from losscli.report.format import Cells, RowReport
from losscli.text import plain_markdown


class Report(RowReport):
    def write_header(self, header: Sequence[str]) -> None:
        self.write_lines([header])
        self.stream.write(f"| {' | '.join(['---'] * len(header))} |\n")

    def write_lines(self, rows: Iterable[Cells]) -> None:
        for row in rows:
            self.stream.write(f"| {' | '.join(map(_cell, row))} |\n")


def _cell(cell: object) -> str:
    """A cell with escaped text, and `<br>` for line breaks."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    return "<br>".join(map(plain_markdown, cell.split("\n")))
