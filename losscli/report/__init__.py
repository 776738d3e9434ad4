"""A result for people and for pipes: one small file a format, loaded when it is used.

Each has `Report(stream)`, which takes the blocks of losses as they are computed and then the
result, and `write_rows(stream, header, rows)` for any other table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TextIO, cast

if TYPE_CHECKING:
    from losscli.comparison import Comparison
    from losscli.elements import Elements
    from losscli.inspection import Finding
    from losscli.result import Result

FORMATS = ("table", "plain", "json", "jsonl", "csv", "markdown")


class Report(Protocol):
    """Where a result goes."""

    def elements(self, elements: Elements) -> None:
        """A block of losses, in C order; only with the reduction `none`."""

    def result(self, result: Result) -> None:
        """The result, after the last block."""


def open_report(format_name: str | None, stream: TextIO) -> Report:
    """The report in a format; unless chosen, a table on a terminal and plain text elsewhere."""
    return cast(Report, _module(format_name, stream).Report(stream))


def write_rows(
    format_name: str | None,
    stream: TextIO,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """Rows in a format."""
    _module(format_name, stream).write_rows(stream, header, rows)


def write_findings(
    format_name: str | None,
    stream: TextIO,
    findings: Sequence[Finding],
    command: str | None,
    warnings: Sequence[str],
) -> None:
    """What files hold, and where the format has room for it the command that is probably wanted
    and what is damaged."""
    module = _module(format_name, stream)
    if hasattr(module, "write_findings"):
        module.write_findings(stream, findings, command, warnings)
    else:
        from losscli.report.rows import FINDING_HEADER, finding_row  # noqa: PLC0415 - needs NumPy

        module.write_rows(stream, FINDING_HEADER, map(finding_row, findings))


def write_comparison(format_name: str | None, stream: TextIO, comparison: Comparison) -> None:
    """Two results and their difference."""
    module = _module(format_name, stream)
    if hasattr(module, "write_comparison"):
        module.write_comparison(stream, comparison)
    else:
        from losscli.report.rows import comparison_sections, write_sections  # noqa: PLC0415

        write_sections(stream, comparison_sections(comparison), module.write_rows)


def is_number_alone(format_name: str | None, stream: TextIO) -> bool:
    """Whether a reduced loss is all that is shown."""
    return _chosen(format_name, stream) == "plain"


def _module(format_name: str | None, stream: TextIO) -> ModuleType:
    return import_module(f"losscli.report.{_chosen(format_name, stream)}")


def _chosen(format_name: str | None, stream: TextIO) -> str:
    return format_name or ("table" if stream.isatty() else "plain")
