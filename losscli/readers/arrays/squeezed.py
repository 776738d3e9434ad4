"""Squeezed: an array without one of its axes of size 1."""

from __future__ import annotations

from losscli.readers.arrays.derived import Derived
from losscli.source import Box, Shape, Source, Values


class Squeezed(Derived):
    """A source over another source, without an axis of size 1."""

    def __init__(self, source: Source, axis: int) -> None:
        super().__init__(source)
        self._axis = axis

    @property
    def shape(self) -> Shape:
        shape = self._source.shape
        return shape[: self._axis] + shape[self._axis + 1 :]

    def read(self, box: Box) -> Values:
        whole = (*box[: self._axis], slice(None), *box[self._axis :])
        return self._source.read(whole).squeeze(self._axis)
