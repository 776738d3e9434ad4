"""Plots of tables as SVG. Colours are attributes, so that plots have them without a style sheet;
the style sheet replaces them in a dark theme."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, assert_never

from losscli.report.numbers import Numbers
from losscli.report.page.markup import cut, text
from losscli.result import Bars, Diagonal, Dots, Pairs, Table, short

Item = TypeVar("Item")

# The width of a plot, of a character, and of the margin at its right, in units of its view box.
_WIDTH, _CHARACTER, _MARGIN = 480, 9, 20

# The height of a row and of an axis, and the most rows of a plot, which has to fit on a page.
_ROW, _AXIS, _MOST_ROWS = 20, 26, 32

# The height of a histogram, and the size of a reliability diagram.
_BARS, _SQUARE = 150, 300

# Labels in a plot are cut to this many characters.
_LABEL = 20

# Colours that are legible on white and on black.
_FIRST, _SECOND, _LINE = "#3b7dc4", "#c7701e", "#888"


class Scale(NamedTuple):
    """Maps values from `low` to `high` to positions from `start` to `stop`."""

    low: float
    high: float
    start: float
    stop: float

    def at(self, value: float) -> str:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return _short(self.start + share * (self.stop - self.start))


def plots_of(table: Table, rows: Sequence[object], numbers: Numbers) -> Iterator[str]:
    """The plots of rows of a table."""
    match table.chart:
        case Bars():
            yield from _bars(table, table.chart, rows, numbers)
        case Dots():
            yield from _dots(table, table.chart, rows, numbers)
        case Pairs():
            yield from _pairs(table, table.chart, rows, numbers)
        case Diagonal():
            yield from _diagonal(table, table.chart, rows)
        case None:
            return
        case unknown:
            assert_never(unknown)


def _bars(table: Table, chart: Bars, rows: Sequence[object], numbers: Numbers) -> Iterator[str]:
    """A histogram. Bars have equal widths; a bar of a wider range is pale."""
    bars = list(zip(*(_values(table, name, rows) for name in chart), strict=True))
    most = max((height for _, _, height in bars), default=0)
    if not most:
        return
    heights = Scale(0.0, most, _BARS, 4.0)
    edges = Scale(0.0, len(bars), 8.0, _WIDTH - 8.0)
    width = _short((_WIDTH - 16.0) / len(bars) - 1.0)
    usual = sorted(high - low for low, high, _ in bars)[len(bars) // 2]
    shapes = [
        f"<rect x={edges.at(k)} y={heights.at(height)} width={width} "
        f"height={_short(_BARS - float(heights.at(height)))}"
        f"{' fill-opacity=.5' if high - low > 1.5 * usual else ''}>"
        f"<title>{_between(low, high, numbers)}: {height:,}</title></rect>"
        for k, (low, high, height) in enumerate(bars)
        if height
    ]
    ends = [low for low, _, _ in bars] + [bars[-1][1]]
    places = {0: "start", len(bars) // 2: "middle", len(bars): "end"}
    if ends[0] == ends[-1]:
        places = {0: "start"}
    elif len(bars) == 1:
        places = {0: "start", 1: "end"}
    marks = [
        _text(edges.at(k), _BARS + 18, numbers.alone(ends[k]), anchor)
        for k, anchor in places.items()
    ]
    line = f'<path d="M8 {_BARS}H{_WIDTH - 8}" stroke={_LINE} />'
    yield _svg(_BARS + _AXIS, table, f"<g fill={_FIRST} class=a>{''.join(shapes)}</g>{line}", marks)


def _dots(table: Table, chart: Dots, rows: Sequence[object], numbers: Numbers) -> Iterator[str]:
    """A dot and its interval for each row, in plots of the same scale."""
    labels, values = _labels(table, rows), _values(table, chart.value, rows)
    intervals = [_finite(interval) for interval in _values(table, chart.interval, rows)]
    ends = [end for interval in intervals for end in interval]
    marks = _finite((chart.reference,))
    scale = _scale([*values, *ends, *marks], labels)
    if scale is None:
        return
    for part in _parts(list(zip(labels, values, intervals, strict=True))):
        lines, dots = [], []
        for row, (_, value, interval) in enumerate(part):
            y = row * _ROW + _ROW // 2
            if len(interval) == 2:
                low, high = map(scale.at, interval)
                lines.append(f"M{low} {y}H{high}")
            if _finite((value,)):
                dots.append(f"M{scale.at(value)} {y}h0")
        shapes = _stroke(lines, _FIRST, "a", 2) + _stroke(dots, _FIRST, "a", 9)
        yield _rows_plot(table, [each[0] for each in part], shapes, scale, numbers, marks)


def _pairs(table: Table, chart: Pairs, rows: Sequence[object], numbers: Numbers) -> Iterator[str]:
    """Two dots for each row, joined by a line."""
    labels = _labels(table, rows)
    first, second = (_values(table, name, rows) for name in chart)
    scale = _scale((*first, *second), labels)
    if scale is None:
        return
    for part in _parts(list(zip(labels, first, second, strict=True))):
        lines: list[str] = []
        dots: tuple[list[str], list[str]] = ([], [])
        for row, (_, *pair) in enumerate(part):
            y = row * _ROW + _ROW // 2
            known = _finite(pair)
            if len(known) == 2:
                lines.append(f"M{scale.at(known[0])} {y}H{scale.at(known[1])}")
            for value, own in zip(pair, dots, strict=True):
                if _finite((value,)):
                    own.append(f"M{scale.at(value)} {y}h0")
        shapes = _stroke(lines, _LINE, "", 2)
        shapes += _stroke(dots[0], _FIRST, "a", 9) + _stroke(dots[1], _SECOND, "b", 9)
        yield _rows_plot(table, [each[0] for each in part], shapes, scale, numbers, ())


def _diagonal(table: Table, chart: Diagonal, rows: Sequence[object]) -> Iterator[str]:
    """Dots as large as their counts, and the diagonal on which both values are equal."""
    known = zip(*(_values(table, name, rows) for name in chart), strict=True)
    points = [point for point in known if all(0.0 <= value <= 1.0 for value in point[:2])]
    most = max((size for _, _, size in points), default=0)
    left, right, top, bottom = 40, _SQUARE - 10, 10, _SQUARE - 40
    across, up = Scale(0.0, 1.0, left, right), Scale(0.0, 1.0, bottom, top)
    dots = [
        f"<circle cx={across.at(x)} cy={up.at(y)} r={_short(2 + 8 * math.sqrt(size / most))}>"
        f"<title>{x:.4f}, {y:.4f}: {size:,}</title></circle>"
        for x, y, size in points
    ]
    frame = (
        f'<path d="M{left} {top}V{bottom}H{right}M{left} {bottom}L{right} {top}" fill=none '
        f"stroke={_LINE} stroke-dasharray=3 />"
    )
    ticks = (0.0, 0.5, 1.0)
    marks = [_text(across.at(k), bottom + 18, f"{k:g}", "middle") for k in ticks]
    marks += [_text(_short(left - 6), float(up.at(k)) + 5, f"{k:g}", "end") for k in ticks]
    marks += [_text(across.at(0.5), bottom + 36, chart.x, "middle")]
    marks += [_text(_short(left + 6), top + 12, chart.y, "start")]
    group = f"<g fill={_FIRST} fill-opacity=.7 class=a>{''.join(dots)}</g>"
    yield _svg(_SQUARE, table, frame + group, marks, width=_SQUARE)


def _rows_plot(
    table: Table,
    labels: Sequence[str],
    shapes: str,
    scale: Scale,
    numbers: Numbers,
    marks: Iterable[float],
) -> str:
    """A plot with a label for each row, and an axis below them."""
    bottom = len(labels) * _ROW
    texts = [_row_label(shown, row * _ROW + _ROW // 2 + 5) for row, shown in enumerate(labels)]
    middle = (scale.low + scale.high) / 2
    ticks = {scale.low: "start", scale.high: "end", middle: "middle"}
    texts += [
        _text(scale.at(tick), bottom + 18, numbers.alone(tick), anchor)
        for tick, anchor in ticks.items()
    ]
    axis = f'<path d="M{scale.start} {bottom}H{scale.stop}" stroke={_LINE} />'
    lines = [f"M{scale.at(mark)} 0V{bottom}" for mark in marks]
    reference = f'<path d="{"".join(lines)}" stroke={_LINE} stroke-dasharray=3 />' if lines else ""
    return _svg(bottom + _AXIS, table, axis + reference + shapes, texts)


def _svg(height: int, table: Table, shapes: str, texts: Iterable[str], width: int = _WIDTH) -> str:
    name = text(f"{cut(table.title)[0]}: plot of the table below")
    return (
        f'<svg viewBox="0 0 {width} {height}" width={width} role=img aria-label="{name}" '
        f"font-size=14 font-family=sans-serif>{shapes}{''.join(texts)}</svg>"
    )


def _stroke(paths: Sequence[str], colour: str, name: str, width: int) -> str:
    """Lines, or dots if the lines have no length."""
    if not paths:
        return ""
    style = f"class={name} " if name else ""
    return (
        f'<path {style}d="{"".join(paths)}" stroke={colour} stroke-width={width} '
        "stroke-linecap=round />"
    )


def _text(x: str, y: float, shown: str, anchor: str) -> str:
    return f"<text x={x} y={_short(y)} text-anchor={anchor}>{text(shown)}</text>"


def _row_label(shown: str, y: int) -> str:
    name, whole = cut(shown, _LABEL)
    title = "" if whole is None else f"<title>{text(cut(shown)[0])}</title>"
    return f"<text y={y}>{text(name)}{title}</text>"


def _labels(table: Table, rows: Sequence[object]) -> list[str]:
    """The labels of rows, from the first column."""
    column = table.columns[0]
    values = [column.of(row) for row in rows]
    parts = [value if isinstance(value, tuple) else (value,) for value in values]
    return [", ".join("(none)" if part is None else short(part) for part in each) for each in parts]


def _values(table: Table, name: str, rows: Sequence[object]) -> list[Any]:
    """The values of a column."""
    column = next(column for column in table.columns if column.name == name)
    return [column.of(row) for row in rows]


def _finite(values: Iterable[float | None] | None) -> list[float]:
    """The values that have a place in a plot."""
    return [value for value in values or () if value is not None and math.isfinite(value)]


def _scale(values: Iterable[float | None], labels: Sequence[str]) -> Scale | None:
    """A scale of all finite values, right of the labels; None if there are no values."""
    finite = _finite(values)
    if not finite:
        return None
    longest = min(_LABEL, max(map(len, labels), default=0))
    return Scale(min(finite), max(finite), 28.0 + _CHARACTER * longest, _WIDTH - _MARGIN)


def _parts(rows: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Rows in parts that fit on a page."""
    for start in range(0, len(rows), _MOST_ROWS):
        yield rows[start : start + _MOST_ROWS]


def _between(low: float, high: float, numbers: Numbers) -> str:
    return " to ".join(numbers.together([low, high]))


def _short(value: float) -> str:
    """A position with one decimal."""
    return f"{value:.1f}".removesuffix(".0")
