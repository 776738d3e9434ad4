"""The formats that losscli reads, one module each.

A format is a module with `FORMATS` (names, suffixes and first bytes) and `open_file(origin,
reading)`, which returns a Container. A module is imported when a file of its format is read.
`catalogue.py` is generated from the modules and contains their `FORMATS`, so that a format can be
detected without importing its module.
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

_SUFFIXES = {suffix: kind.name for kind in FORMATS.values() for suffix in kind.all_suffixes}

# The format of files whose first bytes match no format.
_TEXT = "csv"


def open_file(name: str, reading: Reading) -> Container:
    """Open a file as a container of its arrays. Raises DataError if the file cannot be read."""
    origin = Origin(name, reading.anonymous)
    try:
        return _opener(reading.format or _format(origin))(origin, reading)
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: the text is not UTF-8: {error}") from error
    except RecursionError as error:
        raise DataError(f"{name}: lists are nested too deeply") from error


def known_format(name: str) -> str | None:
    """Return the format of a file by its suffix; None if the suffix is unknown."""
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
    """Return the name of the format, detected from the suffix, or else from the first bytes."""
    known = known_format(origin.name)
    if known is not None:
        return known
    refuse_suffix(origin.name, _suffix(origin.name))
    head = origin.head()
    refuse_content(origin.name, head)
    for kind in FORMATS.values():
        if kind.magic and re.match(kind.magic, head, re.DOTALL):
            return kind.name
    return _TEXT
