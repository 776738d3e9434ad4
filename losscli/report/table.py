"""Tables for people, drawn by rich. The only importer of rich."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from losscli.elements import Elements
from losscli.losses import kebab
from losscli.losses.layout import show
from losscli.report.rows import (
    Section,
    differences,
    element_header,
    element_rows,
    finding_row,
    of_differences,
    sections,
)
from losscli.result import Bar, Group, Input, Reference, Result
from losscli.text import printable

if TYPE_CHECKING:
    from losscli.comparison import Comparison
    from losscli.inspection import Finding

# Lines of a screen that stay free of losses: header, the line on what was cut, the prompt.
_LINES_KEPT = 6

# Samples of a group up to which its interval is no more than a hint.
_FEW = 30

# Characters of the longest bar of a histogram, and those beside it.
_BAR_WIDTH = 40
_BESIDE_BARS = 36

# Characters of a column of losses, which most of them have room in.
_COLUMN_WIDTH = 12

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
            table = _columns(header, cells, self._console.width, with_header=self._shown == 0)
            self._console.print(table)
        self._shown += len(cells)

    def result(self, result: Result) -> None:
        if result.value is None:
            self._say_what_was_cut(result)
            return
        facts = list(_all_facts(result, result.value))
        width = max(len(name) for name in (result.loss, "signature", *(name for name, _ in facts)))
        self._console.print(_facts(result, facts, width))
        # The terminal breaks the line, so that what is copied from it is still one.
        signature = Text.assemble((f"{'signature':{width}}  ", "dim"), printable(result.signature))
        self._console.print(signature, soft_wrap=True)
        _print_sections(self._console, _sections(result, self._console.width))

    def _say_what_was_cut(self, result: Result) -> None:
        total = result.count + result.ignored
        if self._shown < total:
            _say(
                self._console,
                f"the first {self._shown} of {total}; --format plain or a pipe gives all",
            )


def write_comparison(stream: TextIO, comparison: Comparison) -> None:
    console = _console(stream)
    a, b = comparison.a, comparison.b
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(_text(a.loss, style="bold"), style="dim", overflow="fold")
    for name in ("loss", "95 % interval", "wins"):
        table.add_column(name, justify="right", overflow="fold")
    for name, result, share in zip("AB", (a, b), comparison.wins, strict=True):
        table.add_row(name, *_value_and_interval(result.value, result.ci), f"{share:.1%}")
    difference = _value_and_interval(comparison.difference, comparison.ci)
    table.add_row("B - A", *(_text(cell, style="bold") for cell in difference), "")
    console.print(table)
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", min_width=len("reduction"))
    facts.add_column(overflow="fold")
    facts.add_row("verdict", _text(_verdict(comparison)))
    facts.add_row("reduction", _text(_reduction(b)))
    facts.add_row("A", _text(_read(a.inputs[0])))
    for one in b.inputs:
        facts.add_row("B" if one is b.inputs[0] else one.role, _text(_read(one)))
    console.print()
    console.print(facts)
    _print_sections(console, map(of_differences, _sections(differences(comparison), console.width)))


def _verdict(comparison: Comparison) -> str:
    if comparison.ci is None:
        return "not known: there is no interval"
    low, high = comparison.ci
    if low > 0.0:
        return "B is worse"
    if high < 0.0:
        return "B is better"
    return "no difference beyond chance"


def _value_and_interval(value: float | None, ci: tuple[float, float] | None) -> tuple[str, str]:
    return _short(value), "" if ci is None else _interval(ci)


def _print_sections(console: Console, found: Iterable[Section]) -> None:
    for section in found:
        console.print()
        _print_section(console, section)


def _print_section(console: Console, section: Section) -> None:
    """The rows that fit on the screen; of more a line tells."""
    room = console.height - _LINES_KEPT if console.is_terminal else None
    shown = section.rows[: None if room is None else max(1, room)]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in section.header:
        table.add_column(_text(name), justify="right", overflow="fold")
    for column, cell in zip(table.columns, shown[0] if shown else (), strict=False):
        column.justify = "left" if isinstance(cell, Text) else "right"
    for row in shown:
        table.add_row(*(cell if isinstance(cell, Text) else _text(str(cell)) for cell in row))
    console.print(table)
    if len(shown) < len(section.rows):
        _say(
            console,
            f"the first {len(shown):,} of {len(section.rows):,} {section.what}; --format plain "
            "or a pipe gives all",
        )
    if any("*" in str(cell) for row in shown for cell in row):
        _say(console, f"* fewer than {_FEW} samples: the interval is rough")


def _say(console: Console, text: str) -> None:
    console.print(_text(text, style="dim"))


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        table.add_column(_text(name), overflow="fold")
    for row in rows:
        table.add_row(*(_lines(str(cell)) for cell in row))
    _console(stream).print(table)


def write_findings(
    stream: TextIO, findings: Sequence[Finding], command: str | None, warnings: Sequence[str]
) -> None:
    """A block of lines for each array: a table would be too wide for a terminal."""
    del warnings  # they are on the terminal already, or on what stderr is instead
    console = _console(stream)
    for finding in findings:
        _, name, shape, dtype, looks, low, high, *_ = map(str, finding_row(finding))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", min_width=8)
        table.add_column(overflow="fold")
        heading = f"{finding.file}  {name}" if name else finding.file
        table.add_row(_text("file"), _text(heading, style="bold"))
        table.add_row("holds", _text(f"{shape} {dtype}, looks like {looks}"))
        if low:
            table.add_row("range", _text(f"{low} to {high} in the {finding.rows} rows looked at"))
        odd = {"NaN": finding.nan, "infinite": finding.infinite, "missing": finding.missing}
        if any(odd.values()):
            counts = [f"{count} {kind}" for kind, count in odd.items() if count]
            table.add_row("beside", _text(", ".join(counts)))
        console.print(table)
        console.print()
    if command is not None:
        console.print(
            Text.assemble(("probably  ", "dim"), (printable(command), "bold")), soft_wrap=True
        )


def _text(text: str, style: str = "") -> Text:
    """Text that neither steers the terminal nor is taken for markup."""
    return Text(printable(text), style=style)


def _lines(text: str) -> Text:
    """The same of several lines, such as a formula for each kind of target."""
    return Text("\n").join(map(_text, text.split("\n")))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the process with 1; a reader that left is no error."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _UNCUT
    return _Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)


def _columns(
    header: Sequence[str], rows: Iterable[Sequence[str]], width: int, with_header: bool
) -> Table:
    """Columns of one width in every block, which a narrow screen has room for."""
    least = max(1, min(_COLUMN_WIDTH, width // len(header) - 2))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_header=with_header)
    for name in header:
        table.add_column(_text(name), justify="right", min_width=least, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    return table


def _facts(result: Result, facts: Iterable[tuple[str, str]], width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", min_width=width)
    table.add_column(overflow="fold")
    table.add_row(_text(result.loss, style="bold"), _text(_short(result.value), style="bold"))
    for name, fact in facts:
        table.add_row(_text(name), _text(fact))
    return table


def _all_facts(result: Result, value: float) -> Iterator[tuple[str, str]]:
    if result.ci is not None:
        yield "interval", f"{_interval(result.ci)}  (95 %, {result.samples:,} samples)"
    if result.perplexity is not None and result.bits is not None:
        yield "perplexity", f"{_short(result.perplexity)}, or {_short(result.bits)} bits"
    if result.rmse is not None:
        yield "rmse", _short(result.rmse)
    if result.reference is not None:
        yield "guessing", _guessing(result.reference, value)
    if result.accuracy is not None:
        yield "accuracy", f"{result.accuracy:.2%}"
    yield "reduction", _reduction(result)
    if result.ignored:
        skipped = f", {result.skipped:,} of them NaN" if result.skipped else ""
        yield "ignored", f"{result.ignored:,} elements{skipped}"
    if result.changed:
        yield "options", ", ".join(map(_option, result.changed.items()))
    for one in result.inputs:
        yield one.role, _read(one)
        for digest in one.sha256 or ():
            yield "SHA-256", digest
    if result.selected is not None:
        chosen = result.selected
        conditions = " and ".join(chosen.where)
        yield "rows", f"{chosen.kept:,} kept where {conditions}, {chosen.dropped:,} dropped"
    if result.pairing is not None:
        yield "rows", f"paired by {result.pairing}"


def _read(one: Input) -> str:
    files = f" ({len(one.files)} files)" if one.files else ""
    return f"{one.path or 'given'}{files}  {show(one.shape)} {one.dtype}"


def _guessing(reference: Reference, value: float) -> str:
    costs = f"{_short(reference.prior)} by label frequencies, {_short(reference.uniform)} uniformly"
    if not reference.prior > 0.0:
        return f"would cost {costs}"
    below = 1.0 - value / reference.prior
    side = "below" if below >= 0.0 else "above"
    return f"costs {costs}; the loss is {abs(below):.0%} {side}"


def _interval(ci: tuple[float, float]) -> str:
    return f"{_short(ci[0])} to {_short(ci[1])}"


def _sections(result: Result, width: int) -> Iterator[Section]:
    """The tables of a result, with what a person reads in their cells."""
    if result.groups is not None:
        yield _groups(result, result.groups)
    for section in sections(result):
        if section.name in ("top", "quantiles"):
            rows = [[_short(cell) for cell in row] for row in section.rows]
            yield section._replace(rows=rows)
    if result.histogram is not None:
        yield _histogram(result.histogram, width)


def _groups(result: Result, groups: Sequence[Group]) -> Section:
    header = (*result.by, "loss", "95 % interval", "count", "share")
    rows = [
        (
            *(_text("(none)" if label is None else str(label)) for label in one.labels),
            _short(one.value),
            "" if one.ci is None else _interval(one.ci),
            f"{one.count:,}{'*' if one.samples < _FEW else ' '}",
            "" if math.isnan(one.share) else f"{one.share:.1%}",
        )
        for one in groups
    ]
    return Section("groups", header, rows)


def _histogram(bars: Sequence[Bar], width: int) -> Section:
    longest = max(1, min(_BAR_WIDTH, width - _BESIDE_BARS))
    most = max((bar.count for bar in bars), default=0)
    rows = [
        (
            _short(bar.low),
            _short(bar.high),
            f"{bar.count:,}",
            _text(_drawn(bar.count, most, longest)),
        )
        for bar in bars
    ]
    return Section("histogram", ("from", "to", "count", ""), rows)


def _drawn(count: int, most: int, longest: int) -> str:
    """A bar in eighths of a character."""
    eighths = round(count / most * longest * 8) if most else 0
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _reduction(result: Result) -> str:
    elements = f"{result.count:,} elements"
    if result.has_sample_weights:
        weighted = f"{result.reduction} of {elements} weighted by sample weights"
        divided = f", divided by the sum of the weights, {result.weight_sum:.6g}"
        return weighted + (divided if result.reduction == "mean" else "")
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
    if cell is None:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
