"""The types of values that can be read: real numbers and booleans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from losscli.errors import KindError

_KINDS = {"c": "complex numbers", "O": "Python objects", "U": "text", "S": "text", "V": "records"}


def require_real(name: str, dtype: np.dtype[np.generic]) -> None:
    """Raise KindError unless values are booleans, integers or floating-point numbers."""
    if dtype.kind not in "biuf":
        kind = _KINDS.get(dtype.kind, str(dtype))
        raise KindError(f"{name}: expected real numbers, found {kind} (dtype {dtype})")


def common_dtype(dtypes: Sequence[np.dtype[np.generic]]) -> np.dtype[np.generic]:
    """Return the type of the values of concatenated arrays.

    `np.result_type` drops the metadata that distinguish bfloat16 from float32.
    """
    names = {stored_name(dtype) for dtype in dtypes}
    return dtypes[0] if len(names) == 1 else np.result_type(*dtypes)


def stored_name(dtype: np.dtype[np.generic]) -> str:
    """Return the name of a type as stored in the file, without the byte order: `>f4` is float32."""
    metadata: Mapping[str, str] = dtype.metadata or {}
    return metadata.get("stored", dtype.name)
