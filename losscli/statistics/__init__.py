"""The statistics of the losses, one file each.

A module of this package that defines a `Statistic` adds it to the command line, to Python and to
every output format.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losscli.statistics.statistic import Option, Statistic


@cache
def registered() -> tuple[type[Statistic], ...]:
    """All statistics, in the order in which they are reported."""
    from losscli.statistics.statistic import Statistic  # noqa: PLC0415 - imports NumPy

    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Statistic) and not isabstract(kind)
    }
    return tuple(sorted(kinds, key=lambda kind: (kind.order, kind.__name__)))


@cache
def options() -> tuple[Option, ...]:
    """The options of all statistics."""
    return tuple(option for kind in registered() for option in kind.options)
