"""One strictly valid JSON object. Numbers that JSON has no word for become strings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from losscli.engine import Elements
from losscli.reduction import Result

if TYPE_CHECKING:
    from losscli.inspection import Finding


class Report:
    """Losses go out as they come: with the reduction `none`, `values` is the first key."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._written = 0

    def elements(self, elements: Elements) -> None:
        for loss in elements.losses.values.ravel().tolist():
            self._stream.write(", " if self._written else '{\n  "values": [')
            self._stream.write(_dumps(loss))
            self._written += 1

    def result(self, result: Result) -> None:
        facts = ",\n".join(f"  {_dumps(key)}: {_dumps(value)}" for key, value in _facts(result))
        opening = "{\n"
        if result.reduction == "none":
            opening = "],\n" if self._written else '{\n  "values": [],\n'
        self._stream.write(f"{opening}{facts}\n}}\n")


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    stream.write(_dumps([dict(zip(header, row, strict=True)) for row in rows]) + "\n")


def write_findings(stream: TextIO, findings: Sequence[Finding], command: str | None) -> None:
    found = {"arrays": [asdict(one) for one in findings], "command": command}
    stream.write(json.dumps(_speakable(found), indent=2, allow_nan=False) + "\n")


def _facts(result: Result) -> list[tuple[str, Any]]:
    return [
        ("loss", result.loss),
        ("reduction", result.reduction),
        ("value", result.value),
        ("shape", result.shape),
        ("count", result.count),
        ("ignored", result.ignored),
        ("samples", result.samples),
        ("weight_sum", result.weight_sum),
        ("options", {name.rstrip("_"): value for name, value in result.options.items()}),
        ("inputs", [asdict(one) for one in result.inputs]),
        ("pairing", result.pairing),
        ("classes", result.classes),
        ("notes", result.notes),
        ("warnings", result.warnings),
        ("version", result.version),
    ]


def _dumps(value: Any) -> str:
    return json.dumps(_speakable(value), allow_nan=False, ensure_ascii=False)


def _speakable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _speakable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_speakable(item) for item in value]
    return value
