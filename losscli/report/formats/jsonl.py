"""JSON Lines: the result as one object, or an object for each of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from losscli.elements import Elements
from losscli.json_text import dumps
from losscli.report.document import Document, cells_of, header_of, object_of
from losscli.report.elements import element_header, element_rows
from losscli.report.format import Cells
from losscli.report.format import Report as Format


class Report(Format):
    def elements(self, elements: Elements) -> None:
        self.rows(element_header(elements), element_rows(elements))

    def document(self, document: Document) -> None:
        if document.elements is not None:
            return
        if not (document.tables or document.has_rows_alone):
            self.stream.write(dumps(object_of(document)) + "\n")
            return
        for table in document.sections:
            self.rows(header_of(table), cells_of(table))

    def rows(self, header: Sequence[str], rows: Iterable[Cells]) -> None:
        for row in rows:
            self.stream.write(dumps(dict(zip(header, row, strict=True))) + "\n")
