"""Blocks of every array, one loss, and the sums: the loop that everything goes through.

A block is a box of elements: one range an axis, such that the box is a run in C order. Boxes
follow from the shapes alone, so the same files always give the same block sums.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from losscli.errors import ArrayError, DataError
from losscli.losses.layout import Layout, Shape, View
from losscli.reduction import PerElement, Totals

# Values of the widest array in one block: 1 MiB as float64, which stays in a core's cache.
BLOCK_VALUES = 1 << 17

Box = tuple[slice, ...]


class Source(Protocol):
    """Where the blocks of one array come from."""

    @property
    def name(self) -> str:
        """Its path, or nothing if it was in memory."""

    @property
    def shape(self) -> Shape:
        """Its shape; the first size is None where only the end of the file tells."""

    @property
    def dtype(self) -> np.dtype[np.generic]: ...

    def read(self, box: Box) -> NDArray[Any]:
        """The values in a box, fewer rows where the array ends. Rows are asked for in order."""

    def count(self) -> int:
        """The number of rows, reading on to the end if need be."""


@dataclass(frozen=True)
class Elements:
    """A box of elements as computed: where it starts, its targets, its losses."""

    start: tuple[int, ...]
    target: NDArray[Any]
    losses: PerElement


def run(
    function: Callable[..., PerElement],
    sources: Mapping[str, Source],
    layout: Layout,
    on_elements: Callable[[Elements], None] | None = None,
) -> Totals:
    """Apply a loss to all blocks and merge their sums."""
    totals = Totals()
    for box in boxes(layout.grid, max(1, BLOCK_VALUES // layout.width)):
        blocks = _read(sources, layout, box)
        if blocks is None:
            break
        losses = _compute(function, blocks, box, sources, layout)
        if on_elements is not None:
            on_elements(Elements(tuple(part.start for part in box), blocks["target"], losses))
        totals = totals.merge(Totals.of(losses))
    _check_counts(sources, layout)
    return totals


def boxes(shape: Shape, budget: int) -> Iterator[Box]:
    """Cut a grid of elements into runs in C order of at most `budget` elements, without end if
    the number of rows is not known."""
    rows, *rest = shape
    row_size = math.prod(size for size in rest if size is not None)
    if row_size <= budget:
        step = budget // max(row_size, 1)
        whole = tuple(slice(0, size) for size in rest)
        for start in _starts(rows, step):
            stop = start + step if rows is None else min(start + step, rows)
            yield (slice(start, stop), *whole)
    else:
        for row in _starts(rows, 1):
            for inner in boxes(tuple(rest), budget):
                yield (slice(row, row + 1), *inner)


def _starts(rows: int | None, step: int) -> Iterator[int]:
    return itertools.count(0, step) if rows is None else iter(range(0, rows, step))


def _read(
    sources: Mapping[str, Source], layout: Layout, box: Box
) -> dict[str, NDArray[Any]] | None:
    """The block of every array; None past the end. Arrays of differing lengths are an error."""
    blocks = {}
    lengths = set()
    for name, source in sources.items():
        view = layout.views[name]
        block = source.read(_box_of(view, box))
        if 0 in view.axes:
            lengths.add(block.shape[view.axes.index(0)])
        kept = block.shape[: block.ndim - view.dropped]
        blocks[name] = block.reshape((1,) * view.added + kept)
    if len(lengths) > 1:
        _check_counts(sources, layout)
    return None if lengths == {0} and layout.grid[0] is None else blocks


def _box_of(view: View, box: Box) -> Box:
    return tuple(slice(None) if axis is None else box[axis] for axis in view.axes)


def _compute(
    function: Callable[..., PerElement],
    blocks: Mapping[str, NDArray[Any]],
    box: Box,
    sources: Mapping[str, Source],
    layout: Layout,
) -> PerElement:
    try:
        with np.errstate(all="ignore"):
            return function(**blocks)
    except ArrayError as error:
        where = _place(layout.views[error.array], box, error.position)
        problem = f"{error.array}{where} {error.problem}"
        raise named(sources[error.array], problem) from error


def named(source: Source, problem: str) -> DataError:
    """The error for what is wrong in a source, with its path if it has one."""
    return DataError(f"{source.name}: {problem}" if source.name else problem)


def _place(view: View, box: Box, position: tuple[int, ...] | None) -> str:
    """The index in an array of a position in a block of it, for a message."""
    if position is None:
        return ""
    starts = [0 if axis is None else box[axis].start for axis in view.axes]
    inside = position[view.added :] + (0,) * view.dropped
    index = [start + offset for start, offset in zip(starts, inside, strict=True)]
    if not index:
        return ""
    return f" in row {index[0]}" if len(index) == 1 else f" at {index}"


def _check_counts(sources: Mapping[str, Source], layout: Layout) -> None:
    """Raise DataError if arrays that run along the first axis have differing numbers of rows."""
    counts = {
        name: source.count() for name, source in sources.items() if 0 in layout.views[name].axes
    }
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} has {count} rows" for name, count in counts.items())
        raise DataError(f"{found}; expected as many in each")
