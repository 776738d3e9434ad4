"""Convert statistics to JSON and back, bit for bit.

Numbers, text, None and lists are JSON. Everything else is an object with one key, which names the
type: arrays, tuples, dictionaries, NaN and infinity, and instances of the classes of losscli's own
data. Functions are left out. Decoding runs no code of a file: it fills the attributes of new
instances of these classes.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli import elements, result, statistics

# Arrays with fewer items are lists of numbers, which are shorter than compressed bytes.
_FEW_ITEMS = 8

# The kinds of arrays: booleans, integers and floating-point numbers.
_ARRAY_KINDS = "bifu"

_PLAIN = (bool, int, str, type(None))


class StateError(ValueError):
    """A state that `encoded` did not make."""


def encoded(value: Any) -> Any:
    """The JSON of a value. Raises TypeError for types that it cannot represent."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray):
        return {"array": _encoded_array(value)}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encoded(key), encoded(item)] for key, item in value.items()]}
    if isinstance(value, set | frozenset):
        return {type(value).__name__: sorted((encoded(item) for item in value), key=repr)}
    name = type(value).__name__
    if _classes().get(name) is type(value):
        fields: Mapping[str, Any] = (
            value._asdict() if hasattr(value, "_asdict") else vars(value)  # a NamedTuple, or not
        )
        attributes = {key: encoded(item) for key, item in fields.items() if not callable(item)}
        return {name: attributes}
    if type(value) is tuple:
        return {"tuple": [encoded(item) for item in value]}
    raise TypeError(f"cannot save a value of type {name}")


def decoded(state: Any) -> Any:
    """The value that `encoded` converted. Raises StateError for other JSON."""
    if isinstance(state, (*_PLAIN, float)):
        return state
    if isinstance(state, list):
        return [decoded(item) for item in state]
    if not isinstance(state, dict) or len(state) != 1:
        raise StateError("expected an object with one key")
    [(kind, content)] = state.items()
    try:
        if kind in _CONTAINERS:
            return _CONTAINERS[kind](content)
        return _instance(_classes()[kind], content)
    except StateError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError(f"invalid {kind}: {error}") from error


def _encoded_array(array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype.kind not in _ARRAY_KINDS:
        raise TypeError(f"cannot save an array of type {array.dtype}")
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    head = {"dtype": data.dtype.str, "shape": list(array.shape)}
    if array.size < _FEW_ITEMS:
        return {**head, "items": encoded(data.ravel().tolist())}
    return {**head, "zlib": base64.b64encode(zlib.compress(data.tobytes())).decode("ascii")}


def _decoded_array(content: Mapping[str, Any]) -> NDArray[Any]:
    try:
        return _array(content)
    except (binascii.Error, zlib.error, MemoryError, OverflowError) as error:
        raise StateError(f"damaged array: {error}") from error


def _array(content: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(content["dtype"]), tuple(content["shape"])
    has_sizes = all(isinstance(size, int) and size >= 0 for size in shape)
    if dtype.kind not in _ARRAY_KINDS or not has_sizes:
        raise StateError(f"an array of type {dtype} and shape {shape}")
    if "items" in content:
        return np.array(decoded(content["items"]), dtype).reshape(shape)
    size = math.prod(shape) * dtype.itemsize
    data = zlib.decompressobj().decompress(base64.b64decode(content["zlib"]), size + 1)
    if len(data) != size:
        raise StateError(f"an array of {len(data)} bytes; expected {size}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _decoded_float(content: str) -> float:
    number = float(content)
    if math.isfinite(number):
        raise StateError("a finite number is not an object")
    return number


_CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "array": _decoded_array,
    "tuple": lambda content: tuple(decoded(content)),
    "set": lambda content: set(decoded(content)),
    "frozenset": lambda content: frozenset(decoded(content)),
    "dict": lambda content: {decoded(key): decoded(item) for key, item in content},
    "float": _decoded_float,
}


def _instance(kind: type, content: Mapping[str, Any]) -> Any:
    """A new instance with these attributes. Classes whose invalid attributes would take time or
    memory without end have a method `require_valid`, which raises ValueError."""
    attributes = {name: decoded(item) for name, item in content.items()}
    if issubclass(kind, tuple):
        return kind(**attributes)
    instance = kind.__new__(kind)
    for name, value in attributes.items():
        object.__setattr__(instance, name, value)
    if hasattr(instance, "require_valid"):
        instance.require_valid()
    return instance


@cache
def _classes() -> dict[str, type]:
    """The classes of losscli's data: of statistics, elements and results."""
    names = (module.name for module in iter_modules(statistics.__path__))
    modules = [elements, result, *(import_module(f"{statistics.__name__}.{n}") for n in names)]
    return {
        kind.__name__: kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    }
