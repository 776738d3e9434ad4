"""Losses of saved model outputs: the functions of PyTorch's table on NumPy arrays and files.

Every loss is a function here, `losscli.nll(input, target)`; `evaluate` does the same for files.
"""

from losscli import _begin as _begin  # first, as it answers signals while the rest is loaded

# isort: split
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from losscli import errors as errors  # for `except losscli.errors.LosscliError`
from losscli._version import __version__
from losscli.losses import LISTED

if TYPE_CHECKING:
    from losscli.api import compare, evaluate
    from losscli.request.wanted import Wanted
    from losscli.result import Comparison, Result

# The public names beside the losses, and where they are from.
_HOMES = {
    "Comparison": "losscli.result",
    "Result": "losscli.result",
    "Wanted": "losscli.request.wanted",
    "compare": "losscli.api",
    "evaluate": "losscli.api",
}

__all__ = ["Comparison", "Result", "Wanted", "__version__", "compare", "evaluate"]
__all__ += [name.replace("-", "_") for name in LISTED]


def __getattr__(name: str) -> Callable[..., Any]:
    """Make a public name when it is first asked for: `losscli --help` does without NumPy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
    else:
        from losscli.api import function  # noqa: PLC0415
        from losscli.losses.registry import find  # noqa: PLC0415

        found = function(find(name))
    globals()[name] = found
    return cast(Callable[..., Any], found)


def __dir__() -> list[str]:
    return sorted(__all__)
