"""Compute the losses of PyTorch on NumPy arrays and files of saved model outputs.

Every loss is a function of arrays, such as `losscli.nll(input, target)`. `evaluate` also takes
files.
"""

from losscli import _begin as _begin  # first, to handle signals while the rest is loading

# isort: split
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from losscli import errors as errors  # for `except losscli.errors.LosscliError`
from losscli._version import __version__
from losscli.losses import LISTED

if TYPE_CHECKING:
    from losscli.api import compare, evaluate, merge, verify
    from losscli.request.wanted import Wanted
    from losscli.result import Comparison, Result

# The public names other than the losses, and their modules.
_HOMES = {
    "Comparison": "losscli.result",
    "Result": "losscli.result",
    "Wanted": "losscli.request.wanted",
    "compare": "losscli.api",
    "evaluate": "losscli.api",
    "merge": "losscli.api",
    "verify": "losscli.api",
}

__all__ = [
    "Comparison",
    "Result",
    "Wanted",
    "__version__",
    "compare",
    "evaluate",
    "merge",
    "verify",
]
__all__ += [name.replace("-", "_") for name in LISTED]


def __getattr__(name: str) -> Callable[..., Any]:
    """Import a public name on first access, so that `losscli --help` does not load NumPy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        from losscli.api import function  # noqa: PLC0415
        from losscli.losses.registry import find  # noqa: PLC0415

        value = function(find(name))
    globals()[name] = value
    return cast(Callable[..., Any], value)


def __dir__() -> list[str]:
    return sorted(__all__)
