"""Render documents. The module of an output format is loaded on first use."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TextIO, cast

from losscli.report import formats

if TYPE_CHECKING:
    from losscli.report.format import Report

# The format that has statistics and a record of its own.
PAGE = "html"

FORMATS = tuple(module.name for module in iter_modules(formats.__path__))


def open_report(format_name: str | None, stream: TextIO) -> Report:
    """The report that writes a format to a stream. The default is a table on a terminal and plain
    text elsewhere."""
    module = import_module(f"{formats.__name__}.{chosen_format(format_name, stream)}")
    return cast("Report", module.Report(stream))


def chosen_format(format_name: str | None, stream: TextIO) -> str:
    """The given format, or the default of the stream."""
    return format_name or ("table" if stream.isatty() else "plain")
