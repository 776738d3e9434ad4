"""What sources have in common that are made of another source, or of what no file contains."""

from __future__ import annotations

from typing import Any

import numpy as np

from losscli.readers import Array


class Derived:
    """A source over another one, of whose file and columns it is."""

    def __init__(self, source: Array) -> None:
        self.name = source.name
        self.columns = source.columns
        self.files: tuple[str, ...] = getattr(source, "files", ())
        self.paths: tuple[str, ...] = getattr(source, "paths", self.files)
        self.path: str | None = getattr(source, "path", None)
        self.bytes = source.bytes
        self.dtype: np.dtype[Any] = source.dtype
        self.concurrent = source.concurrent
        self._source = source

    @property
    def label_names(self) -> Any:
        """Those of the source, known once all was read; None if it has no labels."""
        return getattr(self._source, "label_names", None)

    def count(self) -> int:
        return self._source.count()


class Made:
    """A source of what is known without reading a file, or from several of them."""

    concurrent = True
    columns: tuple[str, ...] | None = None
    name = ""
    bytes = 0


class AlongRows(Made):
    """A source of something that is known of each row of an array."""

    dtype: np.dtype[Any] = np.dtype(np.int64)

    def __init__(self, array: Array) -> None:
        self._array = array

    @property
    def shape(self) -> tuple[int | None, ...]:
        return self._array.shape[:1]

    def count(self) -> int:
        return self._array.count()
