"""The Python functions of the losses: `losscli.nll(input, target)`, made from the registry."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from losscli.evaluate import evaluate
from losscli.losses.registry import Loss


def function(loss: Loss) -> Callable[..., Any]:
    """The Python function of a loss: arrays in, a float64 or an array of them out."""

    def call(*inputs: Any, reduction: str = "mean", **parameters: Any) -> Any:
        names = {array.name for array in loss.arrays}
        given: dict[str, Any] = {
            name: np.asarray(value) if name in names and value is not None else value
            for name, value in parameters.items()
        }
        arrays = [np.asarray(array) for array in inputs]
        result = evaluate(loss.name, *arrays, reduction=reduction, broadcast=True, **given)
        for text in result.warnings:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return np.float64(result.value) if result.values is None else result.values[()]

    signature = inspect.signature(loss.function)
    last = inspect.Parameter(
        "reduction", inspect.Parameter.KEYWORD_ONLY, default="mean", annotation="str"
    )
    call.__name__ = call.__qualname__ = loss.python_name
    call.__module__ = "losscli"
    call.__doc__ = _public_docstring(loss)
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), last], return_annotation=Any
    )
    return call


def _public_docstring(loss: Loss) -> str:
    text = inspect.cleandoc(loss.function.__doc__ or "")
    return text.replace(
        "\n\nRaises:",
        '\n    reduction: "mean", "sum", or "none" for the loss of each element\n\nRaises:',
        1,
    )
