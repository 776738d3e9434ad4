"""Every output format shows what statistics report."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import Any

import pytest
from oracle import WITH_ELEMENTS
from statistics_cases import Case, case_of

from losscli.json_text import dumps
from losscli.losses.registry import LOSSES
from losscli.report import FORMATS, open_report
from losscli.report.document import cells_of, header_of
from losscli.report.numbers import AS_USUAL
from losscli.report.of_result import document_of
from losscli.result import Fact, Kind, Result, Table
from losscli.statistics import registered
from losscli.statistics.collected import Collected
from losscli.statistics.statistic import Statistic, Whole

ROWS = ("plain", "csv", "markdown", "jsonl")
CASES = ["cross-entropy", "nll", "mse", *(name for name in LOSSES if name not in WITH_ELEMENTS)]

# The values that are always reported, and those that belong to every result.
Reported = tuple[list[Fact], list[Table], Result]


def reported(kind: type[Statistic], case: Case, loss: str) -> Reported | None:
    """The report of a statistic on a case, as a result without other statistics."""
    if kind.of(case.setting) is None:
        return None
    collected = Collected(case.setting)
    for block in case.blocks:
        collected.add(block)
    collected.name_labels(case.names)
    collected.finish()
    statistic, total = collected.get(kind), collected.total
    assert statistic is not None
    found = [*statistic.result(Whole(case.setting, total, case.by, rank=case.rank))]
    facts = [one for one in found if isinstance(one, Fact)]
    tables = [one for one in found if isinstance(one, Table)]
    numbers = {
        "count": total.count,
        "ignored": 0,
        "samples": total.samples,
        "weight_sum": total.weight_sum,
        "skipped": 0,
        "shape": (total.count,),
        "value": total.value(),
    }
    always = tuple(Fact(name, value) for name, value in numbers.items())
    result = Result(loss, case.setting.reduction, (*always, *facts), tuple(tables), {}, {}, (), "0")
    return facts, tables, result


def all_reported(kind: type[Statistic]) -> list[Reported]:
    found = [reported(kind, case_of(loss, "plain"), loss) for loss in CASES]
    return [one for one in found if one is not None and (one[0] or one[1])]


def rendered(form: str, result: Result) -> str:
    stream = io.StringIO()
    open_report(form, stream).document(document_of(result))
    return stream.getvalue()


def lines_of(form: str, text: str) -> list[list[str]]:
    """The cells of each line."""
    match form:
        case "plain":
            return [line.split("\t") for line in text.splitlines()]
        case "csv":
            return list(csv.reader(io.StringIO(text)))
        case "jsonl":
            objects = [json.loads(line) for line in text.splitlines()]
            rows = [[*map(str, one)] for one in objects]
            return rows + [[cell_text(value) for value in one.values()] for one in objects]
    lines = (line.removeprefix("| ").removesuffix(" |") for line in text.splitlines())
    return [re.sub(r"\\(.)", r"\1", line).split(" | ") for line in lines]


def cell_text(value: Any) -> str:
    return "" if value is None else str(value)


KINDS = pytest.mark.parametrize(
    "kind", [kind for kind in registered() if all_reported(kind)], ids=lambda kind: kind.__name__
)


def test_most_statistics_report_something() -> None:
    """The others report warnings about NaN, infinity and suspicious data."""
    silent = {kind.__name__ for kind in registered() if not all_reported(kind)}
    # Calibration reports after several passes.
    assert silent <= {"NonFinite", "Suspicions", "Pooled", "Calibration"}


@KINDS
def test_in_json_by_its_name(kind: type[Statistic]) -> None:
    for facts, tables, result in all_reported(kind):
        found = json.loads(rendered("json", result))
        for fact in (*facts, *(fact for table in tables for fact in table.facts)):
            assert found[fact.name] == json.loads(dumps(fact.value))
        for table in tables:
            assert len(found[table.name]) == len(table.rows) > 0


@KINDS
def test_for_people_by_its_label(kind: type[Statistic]) -> None:
    for facts, tables, result in all_reported(kind):
        text = rendered("table", result)
        for fact in facts:
            assert fact.label in text
            for piece in (*fact.shown, *fact.remark):
                assert (piece if isinstance(piece, str) else AS_USUAL.alone(piece)) in text
        columns = [column for table in tables for column in table.columns if not column.optional]
        assert all((column.heading or "") in text for column in columns)


@KINDS
@pytest.mark.parametrize("form", [form for form in FORMATS if form in ROWS])
def test_in_rows_by_its_header(kind: type[Statistic], form: str) -> None:
    for facts, tables, result in all_reported(kind):
        lines = lines_of(form, rendered(form, result))
        for fact in facts:
            if fact.in_rows:
                assert any(fact.name in line and line[0] == "loss" for line in lines)
                value = cell_text(fact.value)
                assert any(is_same(value, cell, form) for line in lines for cell in line)
        for table in tables:
            assert header_of(table) in lines
            for cells in cells_of(table):
                expected = [cell_text(cell) for cell in cells]
                assert any(are_same(expected, line, form) for line in lines)


def are_same(expected: list[str], cells: list[str], form: str) -> bool:
    return len(expected) == len(cells) and all(
        is_same(*pair, form) for pair in zip(expected, cells, strict=True)
    )


def is_same(expected: str, cell: str, form: str) -> bool:
    """The texts for NaN and infinity differ between formats. Markdown shows four digits."""
    names = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
    a, b = names.get(expected, expected), names.get(cell, cell)
    if a == b or form != "markdown":
        return a == b
    try:
        return math.isclose(float(a), float(b), rel_tol=5.1e-4)
    except ValueError:
        return False


@KINDS
def test_what_is_asked_for_by_name_is_in_all_formats(kind: type[Statistic]) -> None:
    asked = [one for facts, tables, _ in all_reported(kind) for one in (*facts, *tables)]
    assert not kind.options or any(isinstance(one, Table) or one.in_rows for one in asked)


def test_each_format_is_tested() -> None:
    """A new format is a row format, or needs a test here."""
    assert set(FORMATS) <= {*ROWS, "json", "table", "html"}  # test_page.py tests html


def test_an_interval_has_two_columns() -> None:
    tables = [
        table for kind in registered() for _, tables, _ in all_reported(kind) for table in tables
    ]
    for table in tables:
        intervals = [column for column in table.columns if column.kind is Kind.INTERVAL]
        for column in intervals:
            assert {f"{column.name}_low", f"{column.name}_high"} <= set(header_of(table))
