"""What several arrays say of one row: whether a value is missing, and that it is the same row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from losscli.errors import DataError
from losscli.source import Box, Present, Shape, Source


class Together(Source):
    """A source that is 1 for every row that has values in all of some arrays of tables, which are
    read at the same time."""

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

    def count(self) -> int:
        return self._first.count()

    def read(self, box: Box) -> Present:
        """Raises DataError where arrays have sequences of differing lengths."""
        if self._is_ragged:
            self._require_the_same_rows(box)
        masks = [mask for one in self._arrays.values() if (mask := one.present(box)) is not None]
        shortest = min(map(len, masks))
        present: Present = np.logical_and.reduce([mask[:shortest] for mask in masks])
        return present

    def _require_the_same_rows(self, box: Box) -> None:
        rows = {name: array.file_rows(box) for name, array in self._arrays.items()}
        (first, expected), *others = rows.items()
        for name, found in others:
            size = min(len(expected), len(found))
            odd = np.flatnonzero(expected[:size] != found[:size])
            if len(odd):
                row = min(expected[odd[0]], found[odd[0]])
                raise DataError(
                    f"row {row}: {first} and {name} have sequences of differing lengths"
                )
