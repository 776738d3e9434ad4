"""Files as named arrays in blocks. One small file a format, chosen by suffix."""

from __future__ import annotations

import errno
import os
import stat
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from losscli.errors import DataError

if TYPE_CHECKING:
    from losscli.readers.npy import NpyArray
    from losscli.readers.table import Table

# A format is a module with `open_file(path)`, which gives one array or a table of columns. It is
# loaded when a file of that suffix is.
_FORMATS = {
    ".npy": "losscli.readers.npy",
    ".csv": "losscli.readers.csv",
    ".parquet": "losscli.readers.parquet",
}


def open_file(path: Path) -> NpyArray | Table:
    """The array of a file, or a table whose columns make arrays."""
    try:
        _require_file(path)
        if path.suffix.lower() in _FORMATS:
            opened: NpyArray | Table = import_module(_FORMATS[path.suffix.lower()]).open_file(path)
            return opened
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    raise DataError(
        f"{path}: found the suffix {path.suffix!r}, expected one of {', '.join(_FORMATS)}"
    )


def _require_file(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: not a regular file; expected one of {', '.join(_FORMATS)}")
