"""The Python functions of the losses: `losscli.nll(input, target)`, made from the registry."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from losscli.evaluation import evaluate
from losscli.losses.registry import COMMON_ARRAYS, Loss
from losscli.request import Wanted


def function(loss: Loss) -> Callable[..., Any]:
    """The Python function of a loss: arrays in, a float64 or an array of them out."""

    def call(*inputs: Any, reduction: str = "mean", **parameters: Any) -> Any:
        names = {array.name for array in loss.inputs}
        given: dict[str, Any] = {
            name: np.asarray(value) if name in names and value is not None else value
            for name, value in parameters.items()
        }
        arrays = [np.asarray(array) for array in inputs]
        result = evaluate(
            loss.name,
            *arrays,
            reduction=reduction,
            broadcast=True,
            check=False,
            wanted=Wanted(interval=False),
            **given,
        )
        for text in result.suspicious:
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return np.float64(result.value) if result.values is None else result.values[()]

    signature = inspect.signature(loss.function)
    further = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in [
            *_layout_options(loss),
            *((array.name, None) for array in COMMON_ARRAYS),
            ("reduction", "mean"),
        ]
    ]
    call.__name__ = call.__qualname__ = loss.python_name
    call.__module__ = "losscli"
    call.__doc__ = _public_docstring(loss)
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *further], return_annotation=Any
    )
    return call


def _layout_options(loss: Loss) -> list[tuple[str, Any]]:
    """The options that the loss's own function lacks, with their defaults."""
    own = inspect.signature(loss.function).parameters
    return [(option.name, option.default) for option in loss.options if option.name not in own]


def _public_docstring(loss: Loss) -> str:
    text = inspect.cleandoc(loss.function.__doc__ or "")
    helps = {option.name: option.help for option in loss.options}
    further = [f"{name}: {helps[name]}" for name, _ in _layout_options(loss)]
    further += [f"{array.name}: {array.help}" for array in COMMON_ARRAYS]
    others = ", ".join(f'"{name}"' for name in loss.reductions if name != "none")
    reduction = f'reduction: {others}, or "none" for the loss of each element'
    lines = "".join(f"\n    {line}" for line in [*further, reduction])
    return text.replace("\n\nRaises:", f"{lines}\n\nRaises:", 1)
