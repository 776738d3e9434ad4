"""A document for people and for pipes: one small file a format, loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TextIO, cast

from losscli.report import formats

if TYPE_CHECKING:
    from losscli.report.format import Report

FORMATS = tuple(module.name for module in iter_modules(formats.__path__))


def open_report(format_name: str | None, stream: TextIO) -> Report:
    """The report in a format; unless chosen, a table on a terminal and plain text elsewhere."""
    module = import_module(f"{formats.__name__}.{chosen_format(format_name, stream)}")
    return cast("Report", module.Report(stream))


def chosen_format(format_name: str | None, stream: TextIO) -> str:
    """The format of a stream, unless one is chosen."""
    return format_name or ("table" if stream.isatty() else "plain")
