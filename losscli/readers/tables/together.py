"""Together: a mask of the rows that have values in all of several arrays of tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from losscli.errors import DataError
from losscli.source import Box, Present, Shape, Source


class Together(Source):
    """A mask of the rows without missing values in any of several arrays of tables.

    With `is_ragged`, reading also checks that the sequences of all arrays have the same lengths.
    """

    concurrent = False
    of_table = True

    def __init__(self, arrays: Mapping[str, Source], is_ragged: bool) -> None:
        self._arrays = arrays
        self._first = next(iter(arrays.values()))
        self._is_ragged = is_ragged

    @property
    def shape(self) -> Shape:
        return self._first.shape[:1]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.bool_)

    @property
    def can_start(self) -> bool:
        return all(array.can_start for array in self._arrays.values())

    def start_at(self, row: int) -> None:
        for array in self._arrays.values():
            array.start_at(row)

    def count(self) -> int:
        return self._first.count()

    def read(self, box: Box) -> Present:
        """Return the mask of a box. Raises DataError if sequences differ in length."""
        if self._is_ragged:
            self._require_the_same_rows(box)
        masks = [
            mask for array in self._arrays.values() if (mask := array.present(box)) is not None
        ]
        shortest = min(map(len, masks))
        present: Present = np.logical_and.reduce([mask[:shortest] for mask in masks])
        return present

    def _require_the_same_rows(self, box: Box) -> None:
        rows = {name: array.file_rows(box) for name, array in self._arrays.items()}
        (first, expected), *others = rows.items()
        for name, actual in others:
            size = min(len(expected), len(actual))
            odd = np.flatnonzero(expected[:size] != actual[:size])
            if len(odd):
                row = min(expected[odd[0]], actual[odd[0]])
                raise DataError(
                    f"row {row}: {first} and {name} have sequences of different lengths"
                )
