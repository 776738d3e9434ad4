"""Makes reference.json: a few inputs for every registered loss, and what PyTorch gives for them.

    python tests/make_reference.py

needs torch==2.13.0. The tests read the file and need no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from oracle import by_classes, in_unit_interval, option_values, takes_probabilities, torch_loss

from losscli.losses.registry import LOSSES, Loss
from losscli.reduction import REDUCTIONS

REFERENCE = Path(__file__).with_name("reference.json")

# Inputs of the losses by classes have their class axis second.
SHAPES = [(3,), (4, 3), (2, 3, 2), (2, 4, 2, 2)]


def main() -> None:
    rng = np.random.default_rng(13)
    cases = [case for loss in LOSSES.values() for case in _cases(loss, rng)]
    lines = ",\n".join(json.dumps(case) for case in cases)
    REFERENCE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _cases(loss: Loss, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    optional = [array.name for array in loss.arrays if not array.required]
    for shape in SHAPES:
        for probabilities in {False, takes_probabilities(loss)}:
            for given in [[], *([name] for name in optional)]:
                for options in _option_sets(loss):
                    if probabilities and options.get("ignore_index", -1) >= 0:
                        continue
                    arrays = _arrays(loss, shape, probabilities, given, rng)
                    yield _case(loss, arrays, options)


def _option_sets(loss: Loss) -> list[dict[str, Any]]:
    """All options at their first value, then at their second, and so on."""
    values = option_values(loss)
    columns = zip_longest(*values.values())
    sets = [
        {
            name: values[name][0] if value is None else value
            for name, value in zip(values, column, strict=True)
        }
        for column in columns
    ]
    return sets or [{}]


def _arrays(
    loss: Loss,
    shape: tuple[int, ...],
    probabilities: bool,
    given: list[str],
    rng: np.random.Generator,
) -> dict[str, Any]:
    def values(name: str) -> Any:
        unit = in_unit_interval(loss, name)
        return rng.uniform(size=shape) if unit else rng.normal(scale=2, size=shape)

    arrays = {"input": values("input")}
    if not by_classes(loss):
        arrays["target"] = values("target")
        return arrays | {name: rng.uniform(size=shape) for name in given}
    classes = shape[min(1, len(shape) - 1)]
    if probabilities:
        arrays["target"] = rng.uniform(size=shape)
    else:
        elements = shape[:1] + shape[2:] if len(shape) > 1 else ()
        arrays["target"] = rng.integers(classes, size=elements)
    return arrays | {name: rng.uniform(size=classes) for name in given}


def _case(loss: Loss, arrays: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    rounded = {name: _short(np.asarray(array)) for name, array in arrays.items()}
    expected = {
        reduction: torch_loss(loss, rounded, options, reduction).tolist()
        for reduction in REDUCTIONS
    }
    return {
        "loss": loss.name,
        "arrays": {name: array.tolist() for name, array in rounded.items()},
        "options": options,
        "expected": expected,
    }


def _short(array: Any) -> Any:
    """In steps of 1/64, so that every number is short in decimal and exact in float32."""
    return np.round(array * 64) / 64 if array.dtype.kind == "f" else array


if __name__ == "__main__":
    main()
