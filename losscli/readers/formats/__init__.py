"""The formats that losscli reads: one file each.

A format is a module with `FORMATS`, its names, suffixes and first bytes, and with
`open_file(origin, reading)`, which returns a Container. It is imported when a file of that format
is read; what has to be known before is in `catalogue.py`, which is made of the modules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING

from losscli.errors import DataError
from losscli.readers import Reading
from losscli.readers.files.origin import COMPRESSED, STANDARD_INPUT, Origin
from losscli.readers.foreign import refuse_content, refuse_suffix
from losscli.readers.formats.catalogue import ROWS
from losscli.readers.formats.format import Format

if TYPE_CHECKING:
    from losscli.readers.container import Container

    OpenFile = Callable[[Origin, Reading], Container]

FORMATS: dict[str, Format] = {name: Format(name, *row) for name, row in ROWS.items()}

_SUFFIXES = {suffix: one.name for one in FORMATS.values() for suffix in one.all_suffixes}

# The format of what begins as no other.
_TEXT = "csv"


def open_file(name: str, reading: Reading) -> Container:
    """The container of the arrays that a file has."""
    origin = Origin(name)
    try:
        return _opener(reading.format or _format(origin))(origin, reading)
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: found text that is not UTF-8: {error}") from error
    except RecursionError as error:
        raise DataError(f"{name}: found lists within lists without end") from error


def known_format(name: str) -> str | None:
    """The format of a file by the suffix of its name; None if that says nothing."""
    return None if name == STANDARD_INPUT else _SUFFIXES.get(_suffix(name))


def _opener(format_name: str) -> OpenFile:
    module = import_module(f"{__name__}.{FORMATS[format_name].module}")
    opener: OpenFile = module.open_file
    return opener


def _suffix(name: str) -> str:
    path = PurePath(name)
    inner = PurePath(path.stem) if path.suffix.lower() in COMPRESSED else path
    return inner.suffix.lower().removeprefix(".")


def _format(origin: Origin) -> str:
    """The format by the suffix, or else by the first bytes."""
    known = known_format(origin.name)
    if known is not None:
        return known
    refuse_suffix(origin.name, _suffix(origin.name))
    head = origin.head()
    refuse_content(origin.name, head)
    begins = (one for one in FORMATS.values() if one.magic and re.match(one.magic, head, re.DOTALL))
    return next((one.name for one in begins), _TEXT)
