"""For pipes: only the reduced number, or one loss per line, or rows separated by tabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from losscli.elements import Elements
from losscli.report.document import Document
from losscli.report.format import Cells, RowReport
from losscli.text import printable


class Report(RowReport):
    def elements(self, elements: Elements) -> None:
        values = elements.losses.values.ravel().tolist()
        self.stream.writelines(f"{loss!r}\n" for loss in values)

    def document(self, document: Document) -> None:
        if document.elements is not None:
            return
        if document.is_number_alone:
            self.stream.write(f"{document.number!r}\n")
        else:
            self.sections(document)

    def write_header(self, header: Sequence[str]) -> None:
        self.write_lines([header])

    def write_lines(self, rows: Iterable[Cells]) -> None:
        for row in rows:
            texts = ("" if cell is None else str(cell) for cell in row)
            cells = (printable(text.replace("\n", "; ")) for text in texts)
            self.stream.write("\t".join(cells) + "\n")
