"""Results as rows of a table, the same in every format that has rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscli.engine import Elements
from losscli.reduction import Result

RESULT_HEADER = ("loss", "reduction", "value", "count", "ignored", "weight_sum")


def result_row(result: Result) -> tuple[object, ...]:
    """The row under RESULT_HEADER."""
    return (
        result.loss,
        result.reduction,
        result.value,
        result.count,
        result.ignored,
        result.weight_sum,
    )


def element_header(elements: Elements) -> list[str]:
    """An index for each axis, the target where it is one number an element, the loss."""
    axes = len(elements.start)
    index = ["index"] if axes == 1 else [f"index_{axis}" for axis in range(axes)]
    return [*index, *(["target"] if _has_target(elements) else []), "loss"]


def element_rows(elements: Elements) -> Iterator[list[object]]:
    """A row under `element_header` for each element, in C order."""
    losses = elements.losses.values
    targets = np.broadcast_to(elements.target, losses.shape) if _has_target(elements) else None
    for position in np.ndindex(losses.shape):
        index = [start + offset for start, offset in zip(elements.start, position, strict=True)]
        target = [] if targets is None else [targets[position].item()]
        yield [*index, *target, losses[position].item()]


def _has_target(elements: Elements) -> bool:
    return elements.target.ndim == elements.losses.values.ndim
