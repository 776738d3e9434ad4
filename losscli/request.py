"""What was asked for, checked as far as it can be before a file is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from losscli.errors import UsageError
from losscli.losses.registry import Loss, kebab


@dataclass(frozen=True)
class Request:
    """What was asked for, in order and complete, before any file is opened."""

    loss: Loss
    arrays: Mapping[str, Any]
    columns: Mapping[str, Sequence[str]]
    options: Mapping[str, Any]
    reduction: str

    @property
    def changed(self) -> dict[str, Any]:
        """The options that are not the default."""
        defaults = {
            option.name: option.check(option.default, self.options) for option in self.loss.options
        }
        return {name: value for name, value in self.options.items() if value != defaults[name]}


def bind(
    loss: Loss, inputs: Sequence[Any], reduction: str, parameters: Mapping[str, Any]
) -> Request:
    """Sort what was given into arrays, columns and options; all that is wrong usage ends here."""
    if reduction not in loss.reductions:
        raise UsageError(
            f"reduction is {reduction!r}; expected one of {', '.join(loss.reductions)}"
        )
    names = [array.name for array in loss.inputs]
    column_names = {f"{name}_column": name for name in names}
    options = {option.name: option.default for option in loss.options}
    unknown = set(parameters) - set(names) - set(column_names) - set(options)
    if unknown:
        raise UsageError(
            f"{loss.name} takes no {sorted(unknown)[0]!r}; it takes {', '.join([*names, *options])}"
        )
    arrays = _bind_arrays(loss, inputs, parameters)
    columns = {
        column_names[name]: [given] if isinstance(given, str) else list(given)
        for name, given in parameters.items()
        if name in column_names and given
    }
    for name in columns:
        if name not in arrays:
            arrays[name] = arrays.get(names[0])
        if not isinstance(arrays[name], Path):
            raise UsageError(f"{name}-column needs a table; {name} is not the path of one")
    first = names[0].upper()
    for array in loss.arrays:
        if array.required and array.name not in arrays:
            raise UsageError(
                f"{array.name.upper()} is missing; give a file"
                + (f", or --{kebab(array.name)}-column for a column of {first}" if arrays else "")
            )
    options |= {name: parameters[name] for name in options if name in parameters}
    checked = {option.name: option.check(options[option.name], options) for option in loss.options}
    return Request(loss, arrays, columns, checked, reduction)


def _bind_arrays(
    loss: Loss, inputs: Sequence[Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Arrays by name; those without a name fill the required ones that have none, in order."""
    named = {
        array.name: parameters[array.name]
        for array in loss.inputs
        if parameters.get(array.name) is not None
    }
    open_names = [array.name for array in loss.arrays if array.required and array.name not in named]
    if len(inputs) > len(open_names):
        raise UsageError(
            f"found {len(inputs)} inputs, expected {len(open_names)} ({', '.join(open_names)})"
        )
    given = dict(zip(open_names, inputs, strict=False)) | named
    return {
        array.name: Path(given[array.name])
        if isinstance(given[array.name], str | os.PathLike)
        else np.asarray(given[array.name])
        for array in loss.inputs
        if array.name in given
    }
