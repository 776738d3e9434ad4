"""TableSource: the base class of all arrays of a table."""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers.tables.types import ROW
from losscli.source import Box, Shape, Source, Values

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table


class TableSource(Source):
    """A source over columns of a table. Consecutive boxes with the same rows are decoded once."""

    concurrent = False
    of_table = True

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        self.name = table.name
        self.bytes = table.bytes
        self.columns = columns
        self.files = table.files
        self.paths = table.files or (table.name,)
        self.table = table
        self._columns = columns
        self._range: tuple[int, int] | None = None
        self._block: Values | None = None

    @property
    def shape(self) -> Shape:
        return (self.table.row_count,)

    @property
    def can_start(self) -> bool:
        return self.table.can_start

    def start_at(self, row: int) -> None:
        self.table.start_at(row)

    def count(self) -> int:
        return self.table.count()

    def read(self, box: Box) -> Values:
        start, stop = rows_of(box)
        if self._block is None or self._range != (start, stop):
            self._block = self._decode(self.table.read(start, stop), start)
            self._range = (start, stop)
        return self._block[(slice(None), *box[1:])]

    def file_rows(self, box: Box) -> NDArray[np.int64]:
        """Return the row of the file for each row of a box. Requires that rows are sequences, or
        that the table has conditions."""
        numbers: NDArray[np.int64] = self.table.read(*rows_of(box)).column(ROW).to_numpy()
        return numbers

    def line(self, row: int) -> int | None:
        """Return the line at which a row begins in a text file; None if it is not known."""
        return self.table.line(row)

    @abstractmethod
    def _decode(self, rows: pa.Table, start: int) -> Values:
        """Return the values of rows of the table, starting with row `start`."""


def rows_of(box: Box) -> tuple[int, int]:
    """Return the first row of a box and the row after its last."""
    return box[0].start or 0, sys.maxsize if box[0].stop is None else box[0].stop
