"""Tables for Markdown documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from losscli.report.rows import RowReport
from losscli.text import plain_markdown


class Report(RowReport):
    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, _write_header, _write_lines)


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
        return "" if cell is None else str(cell)
    return "<br>".join(map(plain_markdown, cell.split("\n")))
