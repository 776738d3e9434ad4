"""Describe where an element is in its file, for messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Mask
from losscli.errors import quoted
from losscli.evaluation.blocks import Block, Job
from losscli.losses.layout import View
from losscli.source import Source, named


def place(job: Job, block: Block, array: str, position: tuple[int, ...] | None) -> str:
    """The file and the name of an array, with the index in the file of a position in a block."""
    source = job.sources[array]
    if position is None:
        return str(named(source, array))
    view = job.layout.views[array]
    index = _index(view, block, position)
    return str(named(source, f"{array}{_described(index, source, view)}"))


def axes_along(view: View) -> list[int]:
    """The axes of a block that run along elements, and that a mask can therefore index."""
    return [k for k, axis in enumerate(view.axes) if axis.element is not None and not axis.uncut]


def pick_kept(block: NDArray[np.generic], view: View, kept: Mask) -> NDArray[np.generic]:
    """The kept elements of a block as one leading axis, followed by the axes that a mask cannot
    index."""
    along = axes_along(view)
    if not along:
        return block
    moved = np.moveaxis(block, along, range(len(along)))
    return np.broadcast_to(moved, kept.shape + moved.shape[len(along) :])[kept]


def _index(view: View, block: Block, position: Sequence[int]) -> list[int]:
    """The index in the file's array of a position in a block."""
    if block.kept is not None:
        position = _before_picking(view, position, block.kept)
    index: dict[int, int] = {}
    for axis, offset in zip(view.axes, position, strict=True):
        if axis.source is None:
            continue
        start = 0
        if axis.element is not None and not axis.repeated:
            start = block.box[axis.element].start + axis.offset
        index[axis.source] = offset + start
    return [index[axis] for axis in sorted(index)]


def _described(index: Sequence[int], source: Source, view: View) -> str:
    """An index as text for a message: the line of a text file, a row, or the index of every
    axis."""
    if not index:
        return ""
    has_rows = any(axis.source == 0 and axis.element is not None for axis in view.axes)
    line = source.line(index[0]) if has_rows else None
    if line is None:
        row = source.file_row(index[0]) if has_rows else index[0]
        return f" in row {row}" if has_rows and len(index) == 1 else f" at {[row, *index[1:]]}"
    columns = source.columns or ()
    if len(index) == 1:
        return f" in line {line}"
    if len(index) == 2 and len(columns) > 1:
        return f" in line {line}, column {quoted(columns[index[1]])}"
    return f" in line {line} at {list(index[1:])}"


def _before_picking(view: View, position: Sequence[int], kept: Mask) -> tuple[int, ...]:
    """The position in a block, from the position among the picked elements."""
    along = axes_along(view)
    if not along:
        return tuple(position)
    chosen, others = iter(np.argwhere(kept)[position[0]].tolist()), iter(position[1:])
    offsets = [next(chosen if k in along else others) for k in range(len(view.axes))]
    return tuple(
        0 if axis.repeated or axis.source is None else offset
        for axis, offset in zip(view.axes, offsets, strict=True)
    )
