"""One strictly valid JSON object. Numbers that JSON has no word for become strings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from losscli.elements import Elements
from losscli.report.rows import differences
from losscli.result import Group, Result, TopElement
from losscli.text import printable_json

if TYPE_CHECKING:
    from losscli.comparison import Comparison
    from losscli.inspection import Finding


class Report:
    """Losses go out as they come: with the reduction `none`, `values` is the first key."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._written = 0

    def elements(self, elements: Elements) -> None:
        for loss in elements.losses.values.ravel().tolist():
            self._stream.write(", " if self._written else '{\n  "values": [')
            self._stream.write(dumps(loss))
            self._written += 1

    def result(self, result: Result) -> None:
        lines = ",\n".join(f"  {dumps(key)}: {dumps(value)}" for key, value in facts(result))
        opening = "{\n"
        if result.reduction == "none":
            opening = "],\n" if self._written else '{\n  "values": [],\n'
        self._stream.write(f"{opening}{lines}\n}}\n")


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    stream.write(dumps([dict(zip(header, row, strict=True)) for row in rows]) + "\n")


def write_findings(
    stream: TextIO, findings: Sequence[Finding], command: str | None, warnings: Sequence[str]
) -> None:
    arrays = [asdict(one) for one in findings]
    found = {"arrays": arrays, "command": command, "warnings": warnings}
    stream.write(dumps(found, indent=2) + "\n")


def write_comparison(stream: TextIO, comparison: Comparison) -> None:
    stream.write(dumps(comparison_facts(comparison), indent=2) + "\n")


def comparison_facts(comparison: Comparison) -> dict[str, Any]:
    return {
        "a": dict(facts(comparison.a)),
        "b": dict(facts(comparison.b)),
        "difference": comparison.difference,
        "ci": comparison.ci,
        "wins": dict(zip(("a", "b"), comparison.wins, strict=True)),
        **dict(_asked_for(differences(comparison))),
    }


def facts(result: Result) -> list[tuple[str, Any]]:
    return [
        ("loss", result.loss),
        ("reduction", result.reduction),
        ("value", result.value),
        ("ci", result.ci),
        ("perplexity", result.perplexity),
        ("rmse", result.rmse),
        ("bits", result.bits),
        ("reference", None if result.reference is None else asdict(result.reference)),
        ("shape", result.shape),
        ("count", result.count),
        ("ignored", result.ignored),
        ("skipped", result.skipped),
        ("samples", result.samples),
        ("weight_sum", result.weight_sum),
        ("options", {name.rstrip("_"): value for name, value in result.options.items()}),
        ("inputs", [asdict(one) for one in result.inputs]),
        ("pairing", result.pairing),
        ("classes", result.classes),
        *([] if result.selected is None else [("selected", asdict(result.selected))]),
        ("notes", result.notes),
        ("warnings", result.warnings),
        ("signature", result.signature),
        ("version", result.version),
        *_asked_for(result),
    ]


def _asked_for(result: Result) -> Iterator[tuple[str, Any]]:
    """What is there where it was asked for alone."""
    if result.accuracy is not None:
        yield "accuracy", result.accuracy
    if result.groups is not None:
        yield "by", result.by
        yield "groups", [_group(one) for one in result.groups]
    if result.top is not None:
        yield "top", [_top(one) for one in result.top]
    if result.quantiles is not None:
        yield "quantiles", result.quantiles
    if result.histogram is not None:
        yield "histogram", [asdict(one) for one in result.histogram]


def _top(element: TopElement) -> dict[str, Any]:
    """With the key only where there is one."""
    found = asdict(element)
    return found if element.keys else {name: found[name] for name in found if name != "keys"}


def _group(group: Group) -> dict[str, Any]:
    """The label of a group by itself where there is one alone."""
    return {
        "group": group.labels[0] if len(group.labels) == 1 else group.labels,
        "value": group.value,
        "ci": group.ci,
        "count": group.count,
        "samples": group.samples,
        "share": group.share,
    }


def dumps(value: Any, indent: int | None = None) -> str:
    text = json.dumps(_speakable(value), indent=indent, allow_nan=False, ensure_ascii=False)
    return printable_json(text)


def _speakable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _speakable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_speakable(item) for item in value]
    return value
