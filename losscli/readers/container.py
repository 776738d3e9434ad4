"""Container: an opened file, or several as one, and the arrays that it offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from losscli.errors import DataError
from losscli.readers.fields import Offer
from losscli.source import Source

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table


class Container(ABC):
    """An opened file, or several as one.

    Attributes:
        name: its path, or the paths and patterns that it was opened by
        notes: what was chosen in opening it
        warnings: what looks wrong with the file
    """

    name: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    @abstractmethod
    def offer(self) -> Offer:
        """The names and contents of its arrays; nothing if it is a single array."""

    @abstractmethod
    def array(self, columns: Sequence[str] | None, option: str) -> Source:
        """The array made of these columns; None if it is a single array. `option` names them, for
        messages."""

    @abstractmethod
    def close(self) -> None: ...

    @property
    def table(self) -> Table | None:
        """The table itself, if the arrays are columns of the same rows."""
        return None

    @property
    def is_table(self) -> bool:
        return self.table is not None


class SingleArray(Container):
    """A file of one array, which has no name of its own."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source

    @property
    def offer(self) -> Offer:
        return Offer(self.name)

    def array(self, columns: Sequence[str] | None, option: str) -> Source:
        if columns is not None:
            raise DataError(f"{self.name}: found a .npy array, which has no columns ({option})")
        return self._source

    def close(self) -> None:
        self._source.close()
