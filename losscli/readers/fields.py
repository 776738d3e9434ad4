"""The name and content of each array of a container, known before any array is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple


class Content(Enum):
    """The kind of the values of a column or of a named array."""

    FLOAT = "float"
    WHOLE = "whole"
    TRUTH = "truth"
    TEXT = "text"
    COMMA = "numbers with a decimal comma"
    TIME = "time"
    OTHER = "other"
    DAMAGED = "damaged"


_NUMBERS = (Content.FLOAT, Content.WHOLE, Content.TRUTH)


class Field(NamedTuple):
    """A column of a table, or a named array of a file.

    `content` is the kind of its values. `is_row` means that each cell is a row of values, such as a
    list or an entry of an array with several axes.
    """

    name: str
    content: Content
    is_row: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers or booleans."""
        return self.content in _NUMBERS

    @property
    def is_plain(self) -> bool:
        """Whether each cell is one number."""
        return self.is_number and not self.is_row


@dataclass(frozen=True)
class Offer:
    """The columns or named arrays that a file offers.

    Args:
        file: the path, or the paths and patterns that were opened
        fields: the columns or named arrays; empty if the file is one unnamed array
        numbered: whether the file has no header, so that names are positions
        parts: the offer of each file, if there are several
        is_table: whether the fields are columns of the same rows, not separate arrays
    """

    file: str
    fields: tuple[Field, ...] = ()
    numbered: bool = False
    parts: tuple[Offer, ...] = ()
    is_table: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    def field(self, name: str) -> Field:
        return self._by_name[name]
