"""A file of several named arrays, of which each parameter of a loss takes one."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from losscli.errors import DataError, listed, quoted


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

    def __init__(self, name: str, openers: Mapping[str, Callable[[], Member]]) -> None:
        self.name = name
        self._openers = openers
        self._taken: dict[str, Member] = {}

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._openers)

    def array(self, patterns: Sequence[str] | None, option: str) -> Member:
        """The one array that the patterns name; without any, the one that no other took."""
        chosen = self._chosen(patterns, option)
        if chosen not in self._taken:
            self._taken[chosen] = self._openers[chosen]()
            self._taken[chosen].columns = (chosen,)
            self._taken[chosen].path = self.name
        return self._taken[chosen]

    def close(self) -> None:
        for member in self._taken.values():
            member.close()

    def _chosen(self, patterns: Sequence[str] | None, option: str) -> str:
        if patterns is None:
            matches = self._remaining()
        else:
            matches = [n for n in self.names if any(fnmatch.fnmatchcase(n, p) for p in patterns)]
        if len(matches) == 1:
            return matches[0]
        if not matches:
            wanted = "free array" if patterns is None else f"array {quoted(', '.join(patterns))}"
            raise DataError(
                f"{self.name}: found no {wanted} for {option}; there are {listed(self.names)}"
            )
        raise DataError(
            f"{self.name}: any of {listed(matches)} could be meant; {option} names the one to take"
        )

    def _remaining(self) -> list[str]:
        """Those that nothing took: of floating point, or else any."""
        free = [name for name in self.names if name not in self._taken]
        if len(free) < 2:
            return free
        opened = {name: self._openers[name]() for name in free}
        floating = [name for name, one in opened.items() if np.issubdtype(one.dtype, np.floating)]
        for one in opened.values():
            one.close()
        return floating or free
