"""PyTorch as the judge of every registered loss, and inputs to judge it on.

Both follow from the registry: a loss's `Source:` names its function in PyTorch, which takes the
same parameters; its layout says which shapes it takes, and the help of an array whether its
values lie from 0 to 1.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from losscli.losses.layout import index_or_probability_targets, index_targets
from losscli.losses.registry import Integers, Loss


def by_classes(loss: Loss) -> bool:
    return loss.layout in (index_targets, index_or_probability_targets)


def takes_probabilities(loss: Loss) -> bool:
    return loss.layout is index_or_probability_targets


def in_unit_interval(loss: Loss, name: str) -> bool:
    return any("from 0 to 1" in array.help for array in loss.arrays if array.name == name)


def option_values(loss: Loss) -> dict[str, list[Any]]:
    """A few values for each option of a loss, the default first."""
    values: dict[str, list[Any]] = {}
    for option in loss.options:
        if option.kind is Integers:
            values[option.name] = [option.default, 1]
        elif option.kind is bool:
            values[option.name] = [False, True]
        else:
            others = [value for value in (0.0, 0.3, 1.0, 2.5) if value in option.interval]
            values[option.name] = [option.default, *others]
    return values


def torch_loss(loss: Loss, arrays: dict[str, Any], options: dict[str, Any], reduction: str) -> Any:
    """What PyTorch computes in float64."""
    import torch  # noqa: PLC0415 - only where it is installed

    function = getattr(torch.nn.functional, loss.source.rpartition(".")[2])
    tensors = {name: torch.from_numpy(_torch_array(array)) for name, array in arrays.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(**tensors, **options, reduction=reduction)
    return result.numpy()


def _torch_array(array: Any) -> Any:
    """Floating point as float64, whole numbers as the int64 that PyTorch wants of indices."""
    kind = np.float64 if np.asarray(array).dtype.kind == "f" else np.int64
    return np.array(array, dtype=kind)
