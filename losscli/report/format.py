"""The base classes of output formats, which render a document to a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, TextIO

from losscli.elements import Elements
from losscli.report.document import Document, cells_of, header_of
from losscli.report.elements import element_header, element_rows

Cells = Sequence[object]


class Report(ABC):
    """Renders one document. With the reduction none, the losses come first, block by block."""

    # Whether the format shows the whole document instead of only its rows.
    shows_everything: ClassVar[bool] = False

    # Whether the format has a headline, and lines about the inputs.
    shows_inputs: ClassVar[bool] = False

    # A format with a headline calls this after writing the headline.
    below_headline: Callable[[], None] | None = None

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @abstractmethod
    def elements(self, elements: Elements) -> None:
        """Write a block of losses, in C order."""

    @abstractmethod
    def document(self, document: Document) -> None:
        """Write the document, after the last block."""

    @abstractmethod
    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        """Write a single table."""


class RowReport(Report):
    """A report that consists of rows. Subclasses write the header and the lines."""

    _begun = False

    @abstractmethod
    def write_header(self, header: Sequence[str]) -> None: ...

    @abstractmethod
    def write_lines(self, rows: Iterable[Cells]) -> None: ...

    def elements(self, elements: Elements) -> None:
        if not self._begun:
            self.write_header(element_header(elements))
            self._begun = True
        self.write_lines(element_rows(elements))

    def document(self, document: Document) -> None:
        if document.elements is None:
            self.sections(document)
        elif not self._begun:
            self.write_header(document.header)

    def sections(self, document: Document) -> None:
        """Write the tables, with a blank line between them."""
        for number, table in enumerate(document.sections):
            if number:
                self.stream.write("\n")
            self.rows(header_of(table), cells_of(table))

    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        self.write_header(header)
        self.write_lines(rows)
