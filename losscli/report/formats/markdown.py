"""Tables for Markdown documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from losscli.report.document import Document
from losscli.report.format import Cells, RowReport
from losscli.report.numbers import AS_USUAL, Numbers
from losscli.text import plain_markdown


class Report(RowReport):
    """Rounds the numbers of tables like the format table. Losses of elements keep all digits."""

    _numbers: Numbers = AS_USUAL

    def document(self, document: Document) -> None:
        self._numbers = document.numbers
        super().document(document)

    def write_header(self, header: Sequence[str]) -> None:
        self.write_lines([header])
        self.stream.write(f"| {' | '.join(['---'] * len(header))} |\n")

    def write_lines(self, rows: Iterable[Cells]) -> None:
        for row in rows:
            self.stream.write(f"| {' | '.join(map(_cell, row))} |\n")

    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        columns = [_rounded(column, self._numbers) for column in zip(*rows, strict=True)]
        super().rows(header, zip(*columns, strict=True))


def _rounded(column: Cells, numbers: Numbers) -> Cells:
    """The cells of a column. Floats get the same number of decimals, or none if all are whole."""
    floats = [cell for cell in column if isinstance(cell, float)]
    if all(value.is_integer() for value in floats):
        texts = iter([f"{value:.0f}" for value in floats])
    else:
        texts = iter(numbers.column(floats) if len(column) > 1 else map(numbers.alone, floats))
    return [next(texts) if isinstance(cell, float) else cell for cell in column]


def _cell(cell: object) -> str:
    """A cell with escaped text, and `<br>` for line breaks."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    return "<br>".join(map(plain_markdown, cell.split("\n")))
