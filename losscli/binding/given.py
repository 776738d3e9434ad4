"""Given, what there is to choose from, and Chosen, the columns of each array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from losscli.binding.classes import Labels
from losscli.binding.pairs import How, Side
from losscli.readers.fields import Offer
from losscli.request.request import Files, FilesOrNumbers, Request


class ReadLabels(Protocol):
    """Gives the labels of a target, from its files and columns; None where they cannot be read
    twice."""

    def __call__(
        self, files: FilesOrNumbers, columns: Sequence[str] | None, all_rows: bool = False
    ) -> Labels | None: ...


class Given(NamedTuple):
    """What there is to choose from: the request, what each of its files offers, and how to read the
    labels of a target. `ranks` are the axes of arrays that have no columns, without those of size 1
    at the end. `classes` are the names that were given for them.
    """

    request: Request
    offers: Mapping[Files, Offer]
    ranks: Mapping[str, int]
    read_labels: ReadLabels
    classes: Sequence[str] | None = None

    def files_of(self, array: str) -> Files | None:
        """The files of an array that has columns."""
        files = self.request.arrays.get(array)
        return files if isinstance(files, tuple) and self.offers[files].fields else None

    def offer_of(self, array: str) -> Offer:
        return self.offers[self.request.files_of(array)]

    def sharing(self, files: Files) -> list[str]:
        """The arrays of the same files."""
        return [array for array in self.request.arrays if self.files_of(array) == files]


@dataclass(frozen=True)
class Chosen:
    """The columns of each array that has any, how they came to be chosen, and what to say of it."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    how: Mapping[str, How] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def with_columns(self, array: str, columns: Sequence[str], how: How = How.FOUND) -> Chosen:
        known = {**self.columns, array: tuple(columns)}
        return replace(self, columns=known, how={**self.how, array: how})

    def reordered(self, array: str, columns: Sequence[str], like: str) -> Chosen:
        """With the columns of an array in another order, and a note that says so."""
        if tuple(columns) == self.columns[array]:
            return self
        note = f"{array}: columns put in the order of {like}"
        known = {**self.columns, array: tuple(columns)}
        return replace(self, columns=known, notes=(*self.notes, note))

    def noting(self, note: str) -> Chosen:
        return replace(self, notes=(*self.notes, note))


def side(given: Given, chosen: Chosen, array: str) -> Side:
    offer = given.offer_of(array)
    return Side(array, offer.file, chosen.columns[array], chosen.how[array], offer.numbered)
