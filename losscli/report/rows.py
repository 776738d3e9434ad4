"""Results as rows of a table, the same in every format that has rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losscli.engine import Elements
from losscli.losses.layout import show
from losscli.reduction import Result

if TYPE_CHECKING:
    from losscli.inspection import Finding

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
    return [*index, *([] if _targets(elements) is None else ["target"]), "loss"]


def element_rows(elements: Elements) -> Iterator[list[object]]:
    """A row under `element_header` for each element, in C order."""
    losses, targets = elements.losses.values, _targets(elements)
    for position in np.ndindex(losses.shape):
        index = [start + offset for start, offset in zip(elements.start, position, strict=True)]
        target = [] if targets is None else [targets.item(position)]
        yield [*index, *target, losses[position].item()]


FINDING_HEADER = (
    "file",
    "array",
    "shape",
    "dtype",
    "looks like",
    "min",
    "max",
    "NaN",
    "infinite",
    "missing",
    "rows seen",
)


def finding_row(finding: Finding) -> tuple[object, ...]:
    """The row under FINDING_HEADER."""
    marks = f", and {' '.join(map(str, finding.marks))}" if finding.marks else ""
    return (
        finding.file,
        finding.name,
        show(finding.shape),
        finding.dtype,
        finding.looks_like + marks,
        "" if finding.minimum is None else f"{finding.minimum:.6g}",
        "" if finding.maximum is None else f"{finding.maximum:.6g}",
        finding.nan,
        finding.infinite,
        finding.missing,
        finding.rows,
    )


def _targets(elements: Elements) -> NDArray[Any] | None:
    target, shape = elements.target, elements.losses.values.shape
    if target is None or target.ndim != len(shape):
        return None
    return np.broadcast_to(target, shape)
