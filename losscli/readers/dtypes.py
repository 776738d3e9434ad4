"""Which types of elements can be read: everything real."""

from __future__ import annotations

from typing import Any

import numpy as np

from losscli.errors import KindError

_KINDS = {"c": "complex numbers", "O": "Python objects", "U": "text", "S": "text", "V": "records"}


def require_real(name: str, dtype: np.dtype[Any]) -> None:
    """Raise KindError unless the elements are booleans, integers or floating-point numbers."""
    if dtype.kind not in "biuf":
        found = _KINDS.get(dtype.kind, str(dtype))
        raise KindError(f"{name}: found {found} (dtype {dtype}), expected real numbers")
