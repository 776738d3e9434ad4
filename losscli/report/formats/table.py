"""Tables for people, drawn by rich."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Literal, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Drawn
from rich.text import Text

from losscli.elements import Elements
from losscli.report.document import Block, Document, Line
from losscli.report.elements import element_header, element_rows
from losscli.report.format import Cells
from losscli.report.format import Report as Format
from losscli.report.numbers import Numbers
from losscli.report.texts import text_columns
from losscli.result import Bars, Table, short
from losscli.text import elided, printable

# Lines of a screen that are not used for losses: the header, the note on truncation, the prompt.
_LINES_KEPT = 6

# The width of the longest bar of a histogram, and of the columns next to it.
_BAR_WIDTH = 40
_OTHER_COLUMNS_WIDTH = 36

# The width of a column of losses, which fits most losses.
_COLUMN_WIDTH = 12

# The blanks between the columns of a block, and the minimum width of a file name.
_GAP, _LEAST_PATH = 3, 20

# The width in a pipe, where lines are not wrapped.
_UNLIMITED_WIDTH = 1 << 16


class Report(Format):
    """On a terminal, losses are truncated to the height of the screen, with a note."""

    shows_everything = True
    shows_inputs = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._console = _console(stream)
        self._shown = 0

    def elements(self, elements: Elements) -> None:
        room = max(1, self._console.height - _LINES_KEPT) if self._console.is_terminal else None
        rows = islice(element_rows(elements), None if room is None else max(0, room - self._shown))
        cells = [[short(cell) for cell in row] for row in rows]
        if cells:
            with_header = self._shown == 0
            header = element_header(elements)
            if room is None:
                self._write([header, *cells] if with_header else cells)
            else:
                self._console.print(_columns(header, cells, self._console.width, with_header))
        self._shown += len(cells)

    def document(self, document: Document) -> None:
        if document.elements is not None:
            self._note_truncation(document.elements)
            return
        width = _width_of_labels(document)
        for number, block in enumerate(document.blocks):
            if number:
                self._console.print()
            self._block(block, width)
            if document.shows_summary and not number:
                self._console.print()
                self._table(document.summary, document.numbers)
        if document.closing is not None:
            if len(document.blocks) > 1:
                self._console.print()
            self._line(document.closing, width)
        for table in document.tables:
            self._console.print()
            self._table(table, document.numbers)

    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        table = _drawn("bold")
        for name in header:
            table.add_column(_text(name), overflow="fold")
        for row in rows:
            table.add_row(*(_lines(str(cell)) for cell in row))
        self._console.print(table)

    def _block(self, block: Block, width: int) -> None:
        numbers = max((cell_len(line.text) for line in block.lines if line.remark), default=0)
        for number, line in enumerate(block.lines):
            self._line(line, width, numbers, "bold" if number == 0 else "")
            if self.below_headline is not None:
                self.stream.flush()
                self.below_headline()
                self.below_headline = None
        remarks = max((cell_len(line.remark) for line in block.files), default=0)
        room = max(_LEAST_PATH, self._console.width - width - remarks - 2 * _GAP)
        files = [line._replace(text=elided(line.text, room)) for line in block.files]
        texts = max((cell_len(line.text) for line in files if line.remark), default=0)
        for line in files:
            self._line(line, width, texts)

    def _line(self, line: Line, width: int, text_width: int = 0, style: str = "") -> None:
        """Print a line. The terminal wraps it, so that copied text is still one line."""
        gap, text = " " * _GAP, printable(line.text)
        blanks = " " * (text_width - cell_len(text)) if line.remark else ""
        label = (f"{printable(line.label):{width}}  ", style or "dim")
        remark = f"{blanks}{gap}{printable(line.remark)}" if line.remark else ""
        self._console.print(Text.assemble(label, (text, style), remark), soft_wrap=True)

    def _table(self, table: Table, numbers: Numbers) -> None:
        """Print the rows that fit on the screen, and a note if there are more."""
        room = self._console.height - _LINES_KEPT if self._console.is_terminal else None
        shown = table.rows[: None if room is None else max(1, room)]
        self._console.print(_table(table, shown, self._console.width, numbers))
        if len(shown) < len(table.rows):
            self._note(
                f"the first {len(shown):,} of {len(table.rows):,} {table.what}. Use --format plain "
                "or a pipe to see all.",
            )
        if any(number in table.rough for number in range(len(shown))):
            self._note("* fewer than 30 samples: the interval is rough")

    def _write(self, rows: Sequence[Sequence[str]]) -> None:
        """Write rows without rich, which takes 170 microseconds per row."""
        cells = [[printable(cell) for cell in row] for row in rows]
        widths = [max(_COLUMN_WIDTH, *map(cell_len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            blanks = (width - cell_len(cell) for cell, width in zip(row, widths, strict=True))
            line = "".join(f"{' ' * n}{cell}  " for cell, n in zip(row, blanks, strict=True))
            self._console.file.write(f"{line}\n")

    def _note_truncation(self, total: int) -> None:
        if self._shown < total:
            text = f"the first {self._shown} of {total}. Use --format plain or a pipe to see all."
            self._note(text)

    def _note(self, text: str) -> None:
        self._console.print(_text(text, style="dim"))


def _width_of_labels(document: Document) -> int:
    lines = [line for block in document.blocks for line in (*block.lines, *block.files)]
    labels = [line.label for line in lines]
    return max(map(len, (*labels, document.closing.label if document.closing else "")), default=0)


def _table(table: Table, rows: Sequence[object], width: int, numbers: Numbers) -> Drawn:
    """The table with the columns and cells for people."""
    drawn = _drawn("dim")
    columns = [*text_columns(table, rows, numbers)]
    for column in columns:
        justify: Literal["left", "right"] = "left" if column.is_left else "right"
        drawn.add_column(_text(column.heading), justify=justify, overflow="fold")
    cells = [column.texts for column in columns]
    bars = _bars(table, rows, width)
    if bars is not None:
        drawn.add_column("", justify="left", overflow="fold")
        cells.append(bars)
    for row in zip(*cells, strict=True):
        drawn.add_row(*map(_text, row))
    return drawn


def _bars(table: Table, rows: Sequence[object], width: int) -> list[str] | None:
    """A bar in eighths of a character for each row; None if the table has no bars."""
    if not isinstance(table.chart, Bars):
        return None
    column = next(column for column in table.columns if column.name == table.chart.height)
    longest = max(1, min(_BAR_WIDTH, width - _OTHER_COLUMNS_WIDTH))
    counts = [column.of(row) for row in rows]
    most = max(counts, default=0)
    eighths = [round(count / most * longest * 8) if most else 0 for count in counts]
    return ["█" * (size // 8) + " ▏▎▍▌▋▊▉"[size % 8].strip() for size in eighths]


def _drawn(header_style: str) -> Drawn:
    return Drawn(box=None, padding=(0, 2, 0, 0), header_style=header_style)


def _text(text: str, style: str = "") -> Text:
    """Text without control characters, which is not parsed as markup."""
    return Text(printable(text), style=style)


def _lines(text: str) -> Text:
    """Text with its line breaks, such as a formula for each kind of target."""
    return Text("\n").join(map(_text, text.split("\n")))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, where rich would exit with code 1."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    is_terminal = stream.isatty()  # regardless of FORCE_COLOR and TTY_COMPATIBLE
    width = None if is_terminal else _UNLIMITED_WIDTH
    return _Console(
        file=stream,
        width=width,
        force_terminal=is_terminal,
        highlight=False,
        markup=False,
        soft_wrap=False,
    )


def _columns(
    header: Sequence[str], rows: Iterable[Sequence[Any]], width: int, with_header: bool
) -> Drawn:
    """Columns with the same width in every block, which fit a narrow screen."""
    least = max(1, min(_COLUMN_WIDTH, width // len(header) - 2))
    table = Drawn(box=None, padding=(0, 2, 0, 0), header_style="bold", show_header=with_header)
    for name in header:
        table.add_column(_text(name), justify="right", min_width=least, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    return table
