"""For pipes: the reduced number alone, or one loss a line; rows with tabs between the cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from losscli.elements import Elements
from losscli.report.rows import sections, write_sections
from losscli.result import Result
from losscli.text import printable


class Report:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def elements(self, elements: Elements) -> None:
        self._stream.writelines(f"{loss!r}\n" for loss in elements.losses.values.ravel().tolist())

    def result(self, result: Result) -> None:
        tables = list(sections(result))
        if tables:
            write_sections(self._stream, tables, write_rows)
        elif result.value is not None:
            self._stream.write(f"{result.value!r}\n")


def write_rows(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    for row in (header, *rows):
        cells = (printable(str(cell).replace("\n", "; ")) for cell in row)
        stream.write("\t".join(cells) + "\n")
