"""Which types of elements can be read: everything real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from losscli.errors import KindError

_KINDS = {"c": "complex numbers", "O": "Python objects", "U": "text", "S": "text", "V": "records"}


def require_real(name: str, dtype: np.dtype[np.generic]) -> None:
    """Raise KindError unless the elements are booleans, integers or floating-point numbers."""
    if dtype.kind not in "biuf":
        found = _KINDS.get(dtype.kind, str(dtype))
        raise KindError(f"{name}: found {found} (dtype {dtype}), expected real numbers")


def common_dtype(dtypes: Sequence[np.dtype[np.generic]]) -> np.dtype[np.generic]:
    """The type of the values of several arrays end to end.

    `np.result_type` forgets the metadata, which are what distinguishes bfloat16 from float32.
    """
    names = {stored_name(dtype) for dtype in dtypes}
    return dtypes[0] if len(names) == 1 else np.result_type(*dtypes)


def stored_name(dtype: np.dtype[np.generic]) -> str:
    """The name of the type that a file has, whatever its byte order: `>f4` is float32."""
    metadata: Mapping[str, str] = dtype.metadata or {}
    return metadata.get("stored", dtype.name)
