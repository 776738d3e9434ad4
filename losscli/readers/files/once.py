"""once: a property that is computed once for each object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801 - used like functools.cached_property
    """A property that is computed when it is first read.

    In Python 3.11, functools.cached_property computes the values of all objects one after another,
    so that requests for several objects would wait for each other.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: object = None) -> Value:
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
