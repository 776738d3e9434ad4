"""Columns of a table as labels, as values to report, and as cells to compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers import budget
from losscli.readers.arrays.derived import AlongRows
from losscli.readers.fields import Field
from losscli.readers.tables.dictionaries import laid_out
from losscli.readers.tables.labels import as_values, label_values, words_and_none
from losscli.readers.tables.table_source import TableSource, rows_of
from losscli.readers.tables.types import FILE, LABEL
from losscli.source import Box, Label, Values

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table


class _LabelColumn(TableSource):
    """A source over one column of labels."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.int64)

    def _column(self, rows: pa.Table, start: int) -> pa.Array:
        [name] = self._columns
        return label_values(
            rows.column(LABEL + name).combine_chunks(),
            self.name,
            name,
            lambda row: self.table.place(start + row, name),
        )


class TableLabels(_LabelColumn):
    """A source with codes of labels: the code of a label is its index in `label_names`."""

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        super().__init__(table, columns)
        self._codes: dict[str | bytes | float | None, int] = {}
        self._text_bytes = 0

    @property
    def label_names(self) -> Sequence[Label]:
        """The distinct labels read so far, in the order of their codes; None for missing values."""
        return [str(label) if isinstance(label, bytes) else label for label in self._codes]

    def _decode(self, rows: pa.Table, start: int) -> Values:
        column = self._column(rows, start)
        is_encoded = isinstance(column, pa.DictionaryArray)
        encoded = column if is_encoded else column.dictionary_encode()
        indices = encoded.indices.fill_null(len(encoded.dictionary))
        used = indices.unique().to_numpy()  # a dictionary may have unused words, in any order
        words = words_and_none(encoded.dictionary)[used]
        merged = (word if word == word else math.nan for word in words)  # noqa: PLR0124 - one NaN
        codes = np.empty(len(encoded.dictionary) + 1, np.int64)
        codes[used] = [self._code(word) for word in merged]
        budget.require_labels(self.name, len(self._codes), self._text_bytes, self.bytes)
        numbers: Values = codes[indices.to_numpy()]
        return numbers

    def _code(self, word: str | bytes | float | None) -> int:
        if word not in self._codes and isinstance(word, str | bytes):
            self._text_bytes += len(word)
        return self._codes.setdefault(word, len(self._codes))


class TableValues(_LabelColumn):
    """A source with the labels of a column as numbers or Python objects."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(object)

    def _decode(self, rows: pa.Table, start: int) -> Values:
        return as_values(self._column(rows, start))


class TableCells(_LabelColumn):
    """A column as Arrow arrays, for comparing the column with a column of another table."""

    def __init__(self, table: Table, columns: tuple[str, ...], field: Field) -> None:
        super().__init__(table, columns)
        self.field = field
        self._start = 0

    @property
    def column(self) -> str:
        return self._columns[0]

    def cells(self, box: Box) -> pa.Array:
        """Return the cells in a box: floating-point keys unchanged, other columns as labels."""
        self._start, stop = rows_of(box)
        rows = self.table.read(self._start, stop)
        stored = rows.column(LABEL + self.column)
        if pa.types.is_floating(stored.type):
            return stored.combine_chunks()
        return laid_out(self._column(rows, self._start), self.name)

    def last_place(self, row: int) -> str:
        """Return the file and the line or row of a cell in the rows last read, for a message."""
        return self.table.place(self._start + row, self.column)

    def _decode(self, rows: pa.Table, start: int) -> Values:
        return as_values(self._column(rows, start))


class TableFiles(TableSource):
    """A source with the number of the file, from 0, that each row comes from."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.int64)

    @property
    def label_names(self) -> Sequence[Label]:
        return list(self.paths)

    def _decode(self, rows: pa.Table, start: int) -> Values:
        del start
        numbers: NDArray[np.int64] = rows.column(FILE).to_numpy()
        return numbers


class FileRows(AlongRows):
    """A source with the number of the file's row that each row of an array comes from."""

    def read(self, box: Box) -> Values:
        return self._array.file_rows(box)
