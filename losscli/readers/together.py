"""What several arrays say of one row: whether a value is missing, and that it is the same row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError
from losscli.readers.derived import Made


class Together(Made):
    """A source that is 1 for every row that is there in all of some arrays, read beside them."""

    concurrent = False
    of_table = True
    dtype = np.dtype(np.bool_)

    def __init__(self, arrays: Mapping[str, Any], ragged: bool) -> None:
        self._arrays = arrays
        self._first = next(iter(arrays.values()))
        self._ragged = ragged

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (self._first.shape[0],)

    def count(self) -> int:
        count: int = self._first.count()
        return count

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        """Raises DataError where arrays have sequences of differing lengths."""
        if self._ragged:
            self._require_the_same_rows(box)
        present = [array.present(box) for array in self._arrays.values()]
        shortest = min(map(len, present))
        result: NDArray[np.bool_] = np.logical_and.reduce([one[:shortest] for one in present])
        return result

    def _require_the_same_rows(self, box: tuple[slice, ...]) -> None:
        rows = {name: array.rows(box) for name, array in self._arrays.items()}
        (first, expected), *others = rows.items()
        for name, found in others:
            size = min(len(expected), len(found))
            odd = np.flatnonzero(expected[:size] != found[:size])
            if len(odd):
                row = min(expected[odd[0]], found[odd[0]])
                raise DataError(
                    f"row {row}: {first} and {name} have sequences of differing lengths"
                )
