"""A document as one page of HTML, which needs no other file and makes no request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from losscli._version import __version__
from losscli.report.document import Document, Line
from losscli.report.numbers import Numbers
from losscli.report.page.markup import (
    UNSEALED,
    cut,
    label,
    line_of,
    sealed,
    source_hash,
    text,
)
from losscli.report.page.plots import plots_of
from losscli.report.texts import TextColumn, text_columns
from losscli.result import Bars, Diagonal, Pairs, Table

Row = TypeVar("Row")

# The most rows of a table, and the most files, on a page.
MOST_ROWS = 200


def page_of(document: Document) -> str:
    """The page of a document."""
    page = "\n".join([*_head(document), *_body(document), *_end()]) + "\n"
    return page if document.record is None else sealed(page, document.record)


def page_of_rows(
    header: Sequence[str], rows: Iterable[Sequence[object]], title: str, count: int | None = None
) -> str:
    """A page with one table of texts. `count` is the number of all rows if `rows` has only some."""
    shown, more = _first(list(rows), "rows", count)
    columns = [
        TextColumn(name, ["" if row[k] is None else str(row[k]) for row in shown], True)
        for k, name in enumerate(header)
    ]
    table = [*_table(columns, title), *more]
    return "\n".join([*_head_of(title), f"<h1>{text(title)}</h1>", *table, *_end()]) + "\n"


def _head(document: Document) -> Iterator[str]:
    answer = document.answer or _first_line(document)
    yield from _head_of(f"{answer.label} {answer.text}".strip())


def _head_of(title: str) -> Iterator[str]:
    style, script = _file("page.css"), _file("page.js")
    policy = (
        f"default-src 'none'; style-src {source_hash(style)}; script-src {source_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f'<meta name="generator" content="losscli {__version__}">'
    yield '<link rel="icon" href="data:,">'
    yield f"<title>{text(title)}</title>"
    yield f"<style>{style}</style>"
    yield "<body>\n<main>"


def _end() -> Iterator[str]:
    yield f"</main>\n<script>{_file('page.js')}</script>"


@cache
def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _first_line(document: Document) -> Line:
    """The answer: the first line for people."""
    lines = [line for block in document.blocks for line in block.lines]
    return lines[0] if lines else Line("losscli", "")


def _body(document: Document) -> Iterator[str]:
    answer = document.answer or _first_line(document)
    lines = [line for block in document.blocks for line in block.lines]
    yield f"<header><h1>{text(answer.label)} <b>{label(answer.text)}</b></h1>"
    yield f"<p>{text(answer.remark)}</p></header>"
    yield from _warnings(document.warnings)
    yield from _lines(lines if document.answer else lines[1:])
    if document.shows_summary:
        yield from _numbers(document.summary, document.summary.rows, document.numbers)
        yield from _files(document)
    for table in sorted(document.tables, key=_place):
        yield from _section(table, document.numbers)
    yield from _provenance(document)


def _place(table: Table) -> tuple[bool, bool]:
    """The sort key of a table: all elements before parts of them, and plots before numbers."""
    return not table.is_overview, table.is_overview and table.chart is None


def _warnings(warnings: Sequence[str]) -> Iterator[str]:
    if warnings:
        shown, more = _first(warnings, "warnings")
        yield "<aside aria-label=Warnings>"
        yield from (f"<p>{line_of(warning)}</p>" for warning in shown)
        yield from more
        yield "</aside>"


def _lines(lines: Sequence[Line]) -> Iterator[str]:
    """Lines as a list of names and values, which are not cut, so that they can be copied."""
    if lines:
        yield "<dl>"
        for line in lines:
            remark = f" <i>{line_of(line.remark)}</i>" if line.remark else ""
            yield f"<dt>{label(line.label)}<dd>{line_of(line.text)}{remark}"
        yield "</dl>"


def _section(table: Table, numbers: Numbers) -> Iterator[str]:
    """A table with its title and its plots."""
    yield f"<section>\n<h2>{label(table.title)}</h2>"
    rows, more = _first(table.rows, table.what)
    plots = [*plots_of(table, rows, numbers)]
    if plots:
        yield f"<figure>{_key(table)}{''.join(plots)}</figure>"
    if plots and isinstance(table.chart, Bars | Diagonal):
        yield "<details><summary>Numbers</summary>"
        yield from _numbers(table, rows, numbers)
        yield "</details>"
    else:
        yield from _numbers(table, rows, numbers)
    yield from more
    yield "</section>"


def _key(table: Table) -> str:
    """What the colours of a plot mean."""
    if not isinstance(table.chart, Pairs):
        return ""
    names = {column.name: column.heading or "" for column in table.columns}
    first, second = (text(names[name]) for name in table.chart)
    return (
        f'<figcaption><span class="key">{first}</span><span class="key b">{second}</span>'
        "</figcaption>"
    )


def _numbers(table: Table, rows: Sequence[object], numbers: Numbers) -> Iterator[str]:
    """Rows of a table."""
    yield from _table([*text_columns(table, rows, numbers)], table.title)
    if any(number in table.rough for number in range(len(rows))):
        yield "<p>* fewer than 30 samples: the interval is rough</p>"


def _table(columns: Sequence[TextColumn], name: str) -> Iterator[str]:
    name = text(cut(name)[0])
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{name}"><table>'
    headings = (
        f"<th{_class(column)}>{label(column.heading)}"
        if column.heading
        else f"<td{_class(column)}>"
        for column in columns
    )
    yield f"<thead><tr>{''.join(headings)}</thead>\n<tbody>"
    cells = ([_cell(column, shown) for shown in column.texts] for column in columns)
    yield from ("<tr>" + "".join(row) for row in zip(*cells, strict=True))
    yield "</table></div>"


def _class(column: TextColumn) -> str:
    return " class=l" if column.is_left else ""


def _cell(column: TextColumn, shown: str) -> str:
    return f"<td{_class(column)}>{label(shown)}"


def _provenance(document: Document) -> Iterator[str]:
    if not (document.origin or document.notes or document.record):
        return
    yield "<section>\n<h2>Where it comes from</h2>"
    if not document.shows_summary:
        yield from _files(document)
    files, more = _first([line for line in document.origin if line.label == "file"], "files")
    yield from _lines([*files, *(line for line in document.origin if line.label != "file")])
    yield from more
    yield from (f"<p>{line_of(note)}</p>" for note in document.notes)
    if document.record is not None:
        hint = "" if document.is_once_only else ", or run losscli verify on this page"
        yield f'<p class="save"><a {UNSEALED}>Save the record</a>{hint}.</p>'
    yield "</section>"


def _files(document: Document) -> Iterator[str]:
    """The inputs."""
    files, more = _first([line for block in document.blocks for line in block.files], "inputs")
    yield from _lines(files)
    yield from more


def _first(
    rows: Sequence[Row], what: str, count: int | None = None
) -> tuple[Sequence[Row], Sequence[str]]:
    """The first rows, and a line if they are not all. `count` is the number of all rows if `rows`
    has only some."""
    shown, all_rows = rows[:MOST_ROWS], len(rows) if count is None else count
    if len(shown) == all_rows:
        return shown, ()
    return shown, (f"<p>The first {len(shown):,} of {all_rows:,} {what}.</p>",)
