"""Format: the name of a format, and how to recognise its files."""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """A format. Its name is also a suffix.

    `suffixes` are additional suffixes. `magic` is a regular expression for the first bytes; empty
    if files can begin with any bytes. `module` is the module that declares the format.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    magic: bytes = b""
    module: str = ""

    @property
    def all_suffixes(self) -> tuple[str, ...]:
        return (self.name, *self.suffixes)
