"""Files as named arrays in blocks. One small file a format, chosen by suffix or first bytes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from losscli.errors import DataError
from losscli.readers.fields import Offer
from losscli.readers.origin import STANDARD_INPUT, Origin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A format is a module with `open_file(origin, reading)`, which gives a container. It is loaded
# when a file of that format is read.
FORMATS = {
    "npy": "losscli.readers.npy",
    "npz": "losscli.readers.npz",
    "csv": "losscli.readers.csv",
    "tsv": "losscli.readers.csv",
    "parquet": "losscli.readers.parquet",
    "arrow": "losscli.readers.arrow",
    "jsonl": "losscli.readers.jsonl",
    "safetensors": "losscli.readers.safetensors",
}

_SUFFIXES = {
    **{name: name for name in FORMATS},
    "txt": "csv",
    "pq": "parquet",
    "feather": "arrow",
    "ipc": "arrow",
    "arrows": "arrow",
    "ndjson": "jsonl",
    "json": "jsonl",
}

_COMPRESSED = (".gz", ".bz2", ".zst", ".zstd")

# What the files of a format begin with; anything else is text, as CSV is.
_MAGIC = {
    "npy": rb"\x93NUMPY",
    "npz": rb"PK\x03\x04",
    "parquet": rb"PAR1",
    "arrow": rb"ARROW1|\xff\xff\xff\xff",
    "jsonl": rb"\s*[{\[]",
    "safetensors": rb".{6}\x00\x00\{",
}

# Formats that are not read: the Python that converts one, the suffix of what it writes, and what
# else there is to know. Files hold an array, a dictionary of arrays or a tuple of them.
_NAMED = "x if isinstance(x, dict) else {f'x{i}': v for i, v in enumerate(x)} if isinstance(x, "
_OF_PICKLE = (
    f"x = {_NAMED}tuple) else {{'x': x}}; "
    "n.savez(argv[2], **{str(k): n.asarray(v) for k, v in x.items()})"
)
_CONVERSIONS = {
    "pt": (
        "import numpy as n, torch as t; x = t.load(argv[1], map_location='cpu'); "
        f"x = {_NAMED}(list, tuple)) else {{'x': x}}; "
        "n.savez(argv[2], **{str(k): (v.float() if v.dtype == t.bfloat16 else v).detach().numpy() "
        "for k, v in x.items() if t.is_tensor(v)})",
        "npz",
        "",
    ),
    "pkl": (
        f"import numpy as n, pickle; x = pickle.load(open(argv[1], 'rb')); {_OF_PICKLE}",
        "npz",
        ", if you trust where it comes from",
    ),
    "joblib": (
        f"import numpy as n, joblib; x = joblib.load(argv[1]); {_OF_PICKLE}",
        "npz",
        ", if you trust where it comes from",
    ),
    "h5": (
        "import h5py, numpy; numpy.save(argv[2], h5py.File(argv[1])['NAME'][()])",
        "npy",
        ", where NAME is a data set in it",
    ),
    "xlsx": ("import pandas; pandas.read_excel(argv[1]).to_csv(argv[2], index=False)", "csv", ""),
}
_CONVERSIONS |= {
    "pth": _CONVERSIONS["pt"],
    "pickle": _CONVERSIONS["pkl"],
    "hdf5": _CONVERSIONS["h5"],
    "xls": _CONVERSIONS["xlsx"],
}


# How rows of tables with a key may be joined, and how rows may be paired without one.
JOINS, PAIRS = ("inner",), ("position",)


@dataclass(frozen=True)
class Reading:
    """How files are read, where that is not to be told from them.

    `threads` is how many parse text side by side; None is one for each core.
    """

    format: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    threads: int | None = None


AS_THEY_ARE = Reading()


class Array(Protocol):
    """One array of a file: what the engine reads blocks from."""

    name: str
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


class Container(Protocol):
    """An opened file, or several as one.

    `is_table`: its arrays are columns of the same rows.
    """

    is_table: bool

    @property
    def offer(self) -> Offer:
        """What its arrays are called and hold; nothing if it is a single array."""

    def array(self, columns: Sequence[str] | None, option: str) -> Array:
        """The array that is made of these columns; None if it is a single array. `option` names
        them, for messages."""

    def close(self) -> None: ...


def open_file(name: str, reading: Reading) -> Container:
    """The array of one file, or a container of the arrays that it holds."""
    origin = Origin(name)
    try:
        module = import_module(FORMATS[reading.format or _format(origin)])
        container: Container = module.open_file(origin, reading)
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: found text that is not UTF-8: {error}") from error
    except RecursionError as error:
        raise DataError(f"{name}: found lists within lists without end") from error
    return container


def known_format(name: str) -> str | None:
    """The format that a name's suffix says, if it says one."""
    return None if name == STANDARD_INPUT else _SUFFIXES.get(_suffix(name))


def _suffix(name: str) -> str:
    path = PurePath(name)
    inner = PurePath(path.stem) if path.suffix.lower() in _COMPRESSED else path
    return inner.suffix.lower().removeprefix(".")


def _format(origin: Origin) -> str:
    """The format by the suffix, or else by the first bytes."""
    known = known_format(origin.name)
    if known is not None:
        return known
    if _suffix(origin.name) in _CONVERSIONS:
        raise _unread(origin, _suffix(origin.name))
    head = origin.head()
    for kind, magic in {"pkl": rb"\x80[\x02-\x05]", "h5": rb"\x89HDF\r\n"}.items():
        if re.match(magic, head):
            raise _unread(origin, kind)
    begins = (name for name, magic in _MAGIC.items() if re.match(magic, head, re.DOTALL))
    return next(begins, "csv")


def _unread(origin: Origin, kind: str) -> DataError:
    line = conversion(origin.name, kind)
    return DataError(f"{origin.name}: .{kind} files are not read; this converts one: {line}")


def conversion(name: str, kind: str) -> str:
    """The command for a shell that converts a file of a format that is not read."""
    code, suffix, beside = _CONVERSIONS[kind]
    files = shlex.join([name, f"{PurePath(name).stem}.{suffix}"])
    return f'python -c "from sys import argv; {code}" {files}{beside}'
