"""The form of an output format: what renders a document to a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, TextIO

from losscli.elements import Elements
from losscli.report.document import Document, cells_of, header_of
from losscli.report.elements import element_header, element_rows

Cells = Sequence[object]


class Report(ABC):
    """Renders one document. Losses, if they are the result, come first, block by block."""

    # Whether a document is shown with all that it has, and not its rows alone.
    shows_everything: ClassVar[bool] = False

    # Whether people read a first line, and lines on the inputs.
    shows_inputs: ClassVar[bool] = False

    # What is to be said below the first line, by a format that has one.
    below_headline: Callable[[], None] | None = None

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @abstractmethod
    def elements(self, elements: Elements) -> None:
        """A block of losses, in C order."""

    @abstractmethod
    def document(self, document: Document) -> None:
        """The document, after the last block."""

    @abstractmethod
    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        """A table by itself."""


class RowReport(Report):
    """A report in rows: a format gives how a header and how lines are written."""

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
        """The tables below each other, with a blank line between."""
        for number, table in enumerate(document.sections):
            if number:
                self.stream.write("\n")
            self.rows(header_of(table), cells_of(table))

    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        self.write_header(header)
        self.write_lines(rows)
