"""Values as strictly valid JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from losscli.text import printable_json


def dumps(value: object, indent: int | None = None) -> str:
    """The value as JSON without control characters. NaN and infinity become strings, and
    dataclasses become objects."""
    text = json.dumps(_plain(value), indent=indent, allow_nan=False, ensure_ascii=False)
    return printable_json(text)


def lines_of(content: Mapping[str, object], opening: str = "{\n") -> str:
    """A JSON object with a line for each name. `opening` is what was written before."""
    lines = ",\n".join(f"  {dumps(key)}: {dumps(value)}" for key, value in content.items())
    return f"{opening}{lines}\n}}\n"


class InvalidError(ValueError):
    """Valid JSON, or almost JSON, that losscli does not read."""


def no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads although JSON has no such numbers."""
    raise InvalidError(f"{name} is not JSON")


def _plain(value: Any) -> Any:
    """The value with NaN and infinity as text, and dataclasses as dictionaries."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
