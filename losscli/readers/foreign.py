"""Formats that losscli does not read, and the commands that convert them."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath
from typing import NamedTuple

from losscli.errors import DataError


class _Conversion(NamedTuple):
    """The Python code that converts a file, the suffix of its output, and a remark."""

    code: str
    suffix: str
    remark: str = ""


# Code that makes a dictionary of arrays from an array, a dictionary of arrays or a tuple of arrays.
_NAMED = "x if isinstance(x, dict) else {f'x{i}': v for i, v in enumerate(x)} if isinstance(x, "
_OF_PICKLE = (
    f"x = {_NAMED}tuple) else {{'x': x}}; "
    "n.savez(argv[2], **{str(k): n.asarray(v) for k, v in x.items()})"
)
_TRUSTED = ", if you trust its source"

_TORCH = _Conversion(
    "import numpy as n, torch as t; x = t.load(argv[1], map_location='cpu'); "
    f"x = {_NAMED}(list, tuple)) else {{'x': x}}; "
    "n.savez(argv[2], **{str(k): (v.float() if v.dtype == t.bfloat16 else v).detach().numpy() "
    "for k, v in x.items() if t.is_tensor(v)})",
    "npz",
)
_PICKLE = _Conversion(
    f"import numpy as n, pickle; x = pickle.load(open(argv[1], 'rb')); {_OF_PICKLE}",
    "npz",
    _TRUSTED,
)
_JOBLIB = _Conversion(
    f"import numpy as n, joblib; x = joblib.load(argv[1]); {_OF_PICKLE}", "npz", _TRUSTED
)
_HDF5 = _Conversion(
    "import h5py, numpy; numpy.save(argv[2], h5py.File(argv[1])['NAME'][()])",
    "npy",
    ", where NAME is a data set in the file",
)
_EXCEL = _Conversion(
    "import pandas; pandas.read_excel(argv[1]).to_csv(argv[2], index=False)", "csv"
)

_CONVERSIONS = {
    "pt": _TORCH,
    "pth": _TORCH,
    "pkl": _PICKLE,
    "pickle": _PICKLE,
    "joblib": _JOBLIB,
    "h5": _HDF5,
    "hdf5": _HDF5,
    "xlsx": _EXCEL,
    "xls": _EXCEL,
}

_MAGIC = {"pkl": rb"\x80[\x02-\x05]", "h5": rb"\x89HDF\r\n"}


def refuse_suffix(name: str, suffix: str) -> None:
    """Raise DataError with a conversion for the suffix of a format that losscli does not read."""
    if suffix in _CONVERSIONS:
        raise _unsupported(name, suffix)


def refuse_content(name: str, head: bytes) -> None:
    """Raise DataError with a conversion if these are the first bytes of such a format."""
    for kind, magic in _MAGIC.items():
        if re.match(magic, head):
            raise _unsupported(name, kind)


def _unsupported(name: str, kind: str) -> DataError:
    command = conversion(name, kind)
    return DataError(f"{name}: losscli does not read .{kind} files. Convert the file: {command}")


def conversion(name: str, kind: str) -> str:
    """Return the shell command that converts a file of a format that losscli does not read."""
    code, suffix, remark = _CONVERSIONS[kind]
    files = shlex.join([name, f"{PurePath(name).stem}.{suffix}"])
    return f'python -c "from sys import argv; {code}" {files}{remark}'
