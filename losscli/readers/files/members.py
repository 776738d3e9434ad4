"""A file of several named arrays, of which each parameter of a loss takes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from losscli.errors import DataError, listed
from losscli.readers import budget
from losscli.readers.container import Container
from losscli.readers.fields import Content, Field, Offer
from losscli.source import Source

# What NumPy's kinds of types contain.
_CONTENTS = {"f": Content.FLOAT, "i": Content.WHOLE, "u": Content.WHOLE, "b": Content.TRUTH}


class Members(Container):
    """The arrays of one file, each opened when it is taken."""

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
        self._taken: dict[str, Source] = {}

    @cached_property
    def offer(self) -> Offer:
        """What each array contains, as its header says; of a damaged one nothing is known."""
        fields = tuple(self._field(name) for name in self._openers)
        return Offer(self.name, fields, is_table=False)

    def array(self, columns: Sequence[str] | None, option: str) -> Source:
        """The one array of that name."""
        assert columns is not None
        if len(columns) > 1:
            raise DataError(
                f"{self.name}: {option} names {listed(columns)}; expected one array, since arrays "
                "are not joined"
            )
        [name] = columns
        if name not in self._taken:
            member = self._openers[name]()
            member.columns, member.paths = (name,), (self.name,)
            self._taken[name] = member
        return self._taken[name]

    def close(self) -> None:
        for member in self._taken.values():
            member.close()
        self._close()

    def _field(self, name: str) -> Field:
        try:
            array = self._openers[name]()
        except DataError:  # opening it as an array says what is wrong
            return Field(name, Content.OTHER)
        array.close()
        return Field(name, _CONTENTS.get(array.dtype.kind, Content.OTHER), len(array.shape) > 1)
