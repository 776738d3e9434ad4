"""Tables for people, drawn by rich. The only importer of rich."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from losscli.engine import Elements
from losscli.losses.layout import show
from losscli.losses.registry import kebab
from losscli.reduction import Result
from losscli.report.rows import element_header, element_rows, finding_row

if TYPE_CHECKING:
    from losscli.inspection import Finding

# Lines of a screen that stay free of losses: header, the line on what was cut, the prompt.
_LINES_KEPT = 6

# In a pipe a line is as long as what it holds.
_UNCUT = 1 << 16


class Report:
    """On a terminal the losses end with the screen, and a line says how to get all of them."""

    def __init__(self, stream: TextIO) -> None:
        self._console = _console(stream)
        self._shown = 0

    def elements(self, elements: Elements) -> None:
        room = max(1, self._console.height - _LINES_KEPT) if self._console.is_terminal else None
        rows = islice(element_rows(elements), None if room is None else max(0, room - self._shown))
        cells = [[_short(cell) for cell in row] for row in rows]
        if cells:
            header = element_header(elements)
            self._console.print(_columns(header, cells, with_header=self._shown == 0))
        self._shown += len(cells)

    def result(self, result: Result) -> None:
        if result.value is None:
            self._say_what_was_cut(result)
        else:
            self._console.print(_facts(result))

    def _say_what_was_cut(self, result: Result) -> None:
        total = result.count + result.ignored
        if self._shown < total:
            self._console.print(
                Text(
                    f"the first {self._shown} of {total}; --format plain or a pipe gives all",
                    style="dim",
                )
            )


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    _console(stream).print(table)


def write_findings(stream: TextIO, findings: Sequence[Finding], command: str | None) -> None:
    """A block of lines for each array: a table would be too wide for a terminal."""
    console = _console(stream)
    for finding in findings:
        _, name, shape, dtype, looks, low, high, *_ = map(str, finding_row(finding))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", min_width=8)
        table.add_column(overflow="fold")
        heading = f"{finding.file}  {name}" if name else finding.file
        table.add_row(Text("file"), Text(heading, style="bold"))
        table.add_row("holds", Text(f"{shape} {dtype}, looks like {looks}"))
        if low:
            table.add_row("range", Text(f"{low} to {high} in the {finding.rows} rows looked at"))
        odd = {"NaN": finding.nan, "infinite": finding.infinite, "missing": finding.missing}
        if any(odd.values()):
            counts = [f"{count} {kind}" for kind, count in odd.items() if count]
            table.add_row("beside", Text(", ".join(counts)))
        console.print(table)
        console.print()
    if command is not None:
        console.print(Text.assemble(("probably  ", "dim"), (command, "bold")), soft_wrap=True)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _UNCUT
    return Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)


def _columns(header: Sequence[str], rows: Iterable[Sequence[str]], with_header: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_header=with_header)
    for name in header:
        table.add_column(Text(name), justify="right", min_width=12)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _facts(result: Result) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    assert result.value is not None
    table.add_row(Text(result.loss, style="bold"), Text(_short(result.value), style="bold"))
    table.add_row("reduction", Text(_reduction(result)))
    if result.ignored:
        table.add_row("ignored", f"{result.ignored:,} elements")
    if result.changed:
        table.add_row("options", Text(", ".join(map(_option, result.changed.items()))))
    for one in result.inputs:
        files = f" ({len(one.files)} files)" if one.files else ""
        what = f"{one.path or 'given'}{files}  {show(one.shape)} {one.dtype}"
        table.add_row(Text(one.role), Text(what))
    if result.pairing is not None:
        table.add_row("rows", Text(f"paired by {result.pairing}"))
    return table


def _reduction(result: Result) -> str:
    elements = f"{result.count:,} elements"
    if result.reduction == "mean" and result.weight_sum != result.count:
        return f"mean of {elements}, divided by their weights' sum, {result.weight_sum:.6g}"
    if result.reduction == "batchmean":
        return f"sum of {elements}, divided by {result.samples:,} samples"
    return f"{result.reduction} of {elements}"


def _option(item: tuple[str, object]) -> str:
    name, value = item
    shown = " ".join(map(str, value)) if isinstance(value, list) else value
    return f"{kebab(name)} {shown}"


def _short(cell: object) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
