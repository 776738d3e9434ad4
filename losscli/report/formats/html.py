"""One page of HTML, for a browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TextIO

from losscli.elements import Elements
from losscli.report.document import Document
from losscli.report.elements import element_header, element_rows
from losscli.report.format import Cells
from losscli.report.format import Report as Format
from losscli.report.page.render import MOST_ROWS, page_of, page_of_rows


class Report(Format):
    """With the reduction none, the page shows the first losses."""

    shows_everything = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._header: Sequence[str] = ()
        self._losses: list[Cells] = []

    def elements(self, elements: Elements) -> None:
        self._header = self._header or element_header(elements)
        self._losses += islice(element_rows(elements), MOST_ROWS - len(self._losses))

    def document(self, document: Document) -> None:
        if document.elements is None:
            self.stream.write(page_of(document))
        else:
            header = self._header or document.header
            page = page_of_rows(header, self._losses, "losses", document.elements)
            self.stream.write(page)

    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        self.stream.write(page_of_rows(header, rows, "losscli"))
