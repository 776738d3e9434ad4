"""Given, the columns to choose from, and Chosen, the columns of each array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from losscli.binding.classes import Labels
from losscli.binding.pairs import How, Side
from losscli.readers.fields import Offer
from losscli.request.request import Files, FilesOrNumbers, Request


class ReadLabels(Protocol):
    """Reads the labels of a target from its files and columns; None if the files cannot be read
    twice."""

    def __call__(
        self, files: FilesOrNumbers, columns: Sequence[str] | None, all_rows: bool = False
    ) -> Labels | None: ...


class Given(NamedTuple):
    """What columns are chosen from.

    Args:
        request: the request
        offers: the columns of each of its files
        ranks: the number of axes of arrays without columns, ignoring a last axis of size 1
        read_labels: reads the labels of a target
        classes: the class names from the request
    """

    request: Request
    offers: Mapping[Files, Offer]
    ranks: Mapping[str, int]
    read_labels: ReadLabels
    classes: Sequence[str] | None = None

    def files_of(self, array: str) -> Files | None:
        """Return the files of an array if they have columns."""
        files = self.request.arrays.get(array)
        return files if isinstance(files, tuple) and self.offers[files].fields else None

    def offer_of(self, array: str) -> Offer:
        return self.offers[self.request.files_of(array)]

    def sharing(self, files: Files) -> list[str]:
        """Return the arrays that come from these files."""
        return [array for array in self.request.arrays if self.files_of(array) == files]


@dataclass(frozen=True)
class Chosen:
    """The columns of each array that has columns, how they were chosen, and the notes on them."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    how: Mapping[str, How] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def with_columns(self, array: str, columns: Sequence[str], how: How = How.FOUND) -> Chosen:
        known = {**self.columns, array: tuple(columns)}
        return replace(self, columns=known, how={**self.how, array: how})

    def reordered(self, array: str, columns: Sequence[str], like: str) -> Chosen:
        """Return the choice with the columns of an array in another order, and a note on it."""
        if tuple(columns) == self.columns[array]:
            return self
        note = f"{array}: columns reordered to match {like}"
        known = {**self.columns, array: tuple(columns)}
        return replace(self, columns=known, notes=(*self.notes, note))

    def noting(self, note: str) -> Chosen:
        return replace(self, notes=(*self.notes, note))


def side(given: Given, chosen: Chosen, array: str) -> Side:
    offer = given.offer_of(array)
    return Side(array, offer.file, chosen.columns[array], chosen.how[array], offer.numbered)
