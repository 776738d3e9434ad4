"""Container: an open file, or several files read as one, which gives arrays."""

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
    """An open file, or several files read as one.

    Attributes:
        name: the path, or the paths and patterns that were opened
        notes: the choices made while opening it
        warnings: suspicious properties of the file
    """

    name: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    @abstractmethod
    def offer(self) -> Offer:
        """The names and contents of the arrays; without fields if there is one unnamed array."""

    @abstractmethod
    def array(self, columns: Sequence[str] | None, option: str) -> Source:
        """Return the array that consists of these columns. None is the only array of a file without
        names. `option` is the option that chose the columns, for messages."""

    @abstractmethod
    def close(self) -> None: ...

    @property
    def table(self) -> Table | None:
        """The table, if the arrays are columns of the same rows."""
        return None

    @property
    def is_table(self) -> bool:
        return self.table is not None


class SingleArray(Container):
    """A file with one unnamed array."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source

    @property
    def offer(self) -> Offer:
        return Offer(self.name)

    def array(self, columns: Sequence[str] | None, option: str) -> Source:
        if columns is not None:
            raise DataError(f"{self.name}: a .npy array has no named columns. Remove {option}.")
        return self._source

    def close(self) -> None:
        self._source.close()
