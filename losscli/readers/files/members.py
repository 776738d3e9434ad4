"""Members: a file of several named arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from losscli.errors import DataError, KindError, listed
from losscli.readers import budget
from losscli.readers.container import Container
from losscli.readers.fields import Content, Field, Offer
from losscli.source import Source

# The content of NumPy's kinds of types.
_CONTENTS = {"f": Content.FLOAT, "i": Content.WHOLE, "u": Content.WHOLE, "b": Content.TRUTH}


class Members(Container):
    """The arrays of one file, each opened on first use."""

    def __init__(
        self,
        name: str,
        openers: Mapping[str, Callable[[], Source]],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        budget.require_names(name, openers)
        self.name = name
        self._openers = openers
        self._close = close
        self._opened: dict[str, Source] = {}

    @cached_property
    def offer(self) -> Offer:
        """The content of each array, from its header. The content of a damaged array is DAMAGED."""
        fields = tuple(self._field(name) for name in self._openers)
        return Offer(self.name, fields, is_table=False)

    def array(self, columns: Sequence[str] | None, option: str) -> Source:
        """Return the array whose name is the only one of `columns`. Raises DataError for several
        names."""
        assert columns is not None
        if len(columns) > 1:
            raise DataError(
                f"{self.name}: {option}: expected one array, found {listed(columns)}. Separate "
                "arrays are not joined."
            )
        [name] = columns
        if name not in self._opened:
            member = self._openers[name]()
            member.columns, member.paths = (name,), (self.name,)
            self._opened[name] = member
        return self._opened[name]

    def close(self) -> None:
        for member in self._opened.values():
            member.close()
        self._close()

    def _field(self, name: str) -> Field:
        try:
            array = self._openers[name]()
        except KindError:
            return Field(name, Content.OTHER)
        except DataError:  # raised again if the array is used
            return Field(name, Content.DAMAGED)
        array.close()
        return Field(name, _CONTENTS.get(array.dtype.kind, Content.OTHER), len(array.shape) > 1)
