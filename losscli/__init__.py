"""Losses of saved model outputs: the functions of PyTorch's table on NumPy arrays and files.

Every loss is a function here, `losscli.nll(input, target)`; `evaluate` does the same for files.
"""

from collections.abc import Callable
from typing import Any

from losscli._version import __version__
from losscli.comparison import Comparison, compare
from losscli.evaluation import evaluate
from losscli.functions import function
from losscli.losses.registry import LOSSES
from losscli.reduction import Result
from losscli.request import Wanted

_functions = {loss.python_name: function(loss) for loss in LOSSES.values()}

__all__ = ["Comparison", "Result", "Wanted", "__version__", "compare", "evaluate"]
__all__ += list(_functions)


def __getattr__(name: str) -> Callable[..., Any]:
    if name in _functions:
        return _functions[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
