"""Format: the name of a format, and how to know its files."""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """A format by its name, which is also a suffix.

    `suffixes` are further ones. `magic` is a regular expression for the first bytes, empty for
    text that could be anything. `module` is the one in which it was declared.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    magic: bytes = b""
    module: str = ""

    @property
    def all_suffixes(self) -> tuple[str, ...]:
        return (self.name, *self.suffixes)
