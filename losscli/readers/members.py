"""A file of several named arrays, of which each parameter of a loss takes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError, listed
from losscli.readers.fields import Content, Field, Offer


class Member(Protocol):
    """One of the arrays."""

    name: str
    path: str | None
    columns: tuple[str, ...] | None

    @property
    def bytes(self) -> int: ...

    @property
    def shape(self) -> tuple[int | None, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def concurrent(self) -> bool: ...

    def read(self, box: tuple[slice, ...]) -> NDArray[Any]: ...

    def count(self) -> int: ...

    def close(self) -> None: ...


class Members:
    """The arrays of one file, each opened when it is taken."""

    is_table = False

    def __init__(self, name: str, openers: Mapping[str, Callable[[], Member]]) -> None:
        self.name = name
        self._openers = openers
        self._taken: dict[str, Member] = {}

    @cached_property
    def offer(self) -> Offer:
        """What each array holds, as its header says; of a damaged one nothing is known."""
        fields = tuple(self._field(name) for name in self._openers)
        return Offer(self.name, fields, is_table=False)

    def array(self, columns: Sequence[str] | None, option: str) -> Member:
        """The one array of that name."""
        assert columns is not None
        if len(columns) > 1:
            raise DataError(
                f"{self.name}: {option} names {listed(columns)}; expected one array, since arrays "
                "are not joined"
            )
        [name] = columns
        if name not in self._taken:
            self._taken[name] = self._openers[name]()
            self._taken[name].columns = (name,)
            self._taken[name].path = self.name
        return self._taken[name]

    def close(self) -> None:
        for member in self._taken.values():
            member.close()

    def _field(self, name: str) -> Field:
        try:
            array = self._openers[name]()
        except DataError:  # opening it as an array says what is wrong
            return Field(name, Content.OTHER)
        array.close()
        return Field(name, _CONTENTS.get(array.dtype.kind, Content.OTHER), len(array.shape) > 1)


# What NumPy's kinds of types hold.
_CONTENTS = {"f": Content.FLOAT, "i": Content.WHOLE, "u": Content.WHOLE, "b": Content.TRUTH}
