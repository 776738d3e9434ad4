"""One strictly valid JSON object. NaN and infinity become strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from losscli.elements import Elements
from losscli.json_text import dumps, lines_of
from losscli.report.document import Document, object_of
from losscli.report.format import Cells
from losscli.report.format import Report as Format


class Report(Format):
    """With the reduction none, the first key is `values`, so that no loss has to be kept."""

    shows_everything = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._written = 0

    def elements(self, elements: Elements) -> None:
        for loss in elements.losses.values.ravel().tolist():
            self.stream.write(", " if self._written else '{\n  "values": [')
            self.stream.write(dumps(loss))
            self._written += 1

    def document(self, document: Document) -> None:
        opening = "{\n"
        if document.elements is not None:
            opening = "],\n" if self._written else '{\n  "values": [],\n'
        self.stream.write(lines_of(object_of(document), opening))

    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        self.stream.write(dumps([dict(zip(header, row, strict=True)) for row in rows]) + "\n")
