"""An array without one of its axes of size 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.readers import Array


class Squeezed:
    """A source over another one, of which an axis of size 1 is left out."""

    def __init__(self, source: Array, axis: int) -> None:
        self.name = source.name
        self.columns = source.columns
        self.files: tuple[str, ...] = getattr(source, "files", ())
        self.paths: tuple[str, ...] = getattr(source, "paths", self.files)
        self.path: str | None = getattr(source, "path", None)
        self.bytes = source.bytes
        self.dtype: np.dtype[Any] = source.dtype
        self.concurrent = source.concurrent
        self._source = source
        self._axis = axis

    @property
    def shape(self) -> tuple[int | None, ...]:
        shape = self._source.shape
        return shape[: self._axis] + shape[self._axis + 1 :]

    def count(self) -> int:
        return self._source.count()

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]:
        whole = (*box[: self._axis], slice(None), *box[self._axis :])
        return self._source.read(whole).squeeze(self._axis)
