"""Split the elements of a loss into boxes, and read the values of every array for a box.

A box has one range of indices per axis, and its elements are contiguous in C order. How elements
are split depends only on shapes and options, never on the number of threads.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from losscli.elements import SAMPLE_WEIGHT, Array, Mask
from losscli.errors import DataError
from losscli.losses.indices import Unread
from losscli.losses.layout import WHOLE, Axis, Layout, Shape, View
from losscli.losses.registry import Loss
from losscli.source import Source, named

# The maximum number of values of the widest array in a block (2 MiB as float32), and the maximum
# number of elements (2 MiB as float64). A loss needs several temporary arrays of that size. Smaller
# blocks make threads wait for the interpreter lock, which each NumPy call releases and reacquires.
# Larger blocks exceed the cache.
BLOCK_VALUES = 1 << 19
BLOCK_ELEMENTS = 1 << 18

# A loss that needs one entry per row reads only that entry if rows have at least this many bytes.
# Blocks then have PICKED_ROWS rows.
LONG_ROW = 1 << 14
PICKED_ROWS = 1 << 11

Box = tuple[slice, ...]
Values = Array


@dataclass(frozen=True)
class Job:
    """A loss, its options, and the open arrays that it reads.

    Args:
        loss: the loss
        options: its checked options
        sources: the arrays by name, starting with the loss's first array
        layout: how the axes of the arrays run along the elements
        masks: the arrays that mask elements
        labels: the arrays of labels, keys and sample numbers
        check: whether to check the data for mistakes
        on_nan: what to do when an element's loss is NaN: "warn", "error" or "skip"
        needs_scores: whether a statistic needs the class scores of the input
    """

    loss: Loss
    options: Mapping[str, Any]
    sources: Mapping[str, Source]
    layout: Layout
    masks: Sequence[str] = ()
    labels: Sequence[str] = ()
    check: bool = True
    on_nan: str = "warn"
    needs_scores: bool = False

    @property
    def is_concurrent(self) -> bool:
        """Whether blocks can be read in any order, by several threads."""
        return all(source.concurrent for source in self.sources.values())

    def require_same_files(self) -> None:
        """Raise DataError if a file was replaced while it was read."""
        for source in self.sources.values():
            source.require_same()

    @property
    def can_start(self) -> bool:
        """Whether all arrays can skip rows."""
        return all(source.can_start for source in self.sources.values())

    def start_at(self, row: int) -> None:
        """Skip the rows before `row`."""
        for source in self.sources.values():
            source.start_at(row)

    @property
    def budget(self) -> int:
        """The maximum number of elements in a block."""
        if self.picked is not None:
            return PICKED_ROWS
        return max(1, min(BLOCK_VALUES // self.layout.width, BLOCK_ELEMENTS))

    @functools.cached_property
    def picked(self) -> str | None:
        """The name of the first array if its rows are long and only the targets' entries are read;
        else None."""
        name, source = next(iter(self.sources.items()))
        in_rows = self.layout.views[name].axes == (Axis(0, 0), Axis(WHOLE, 1))
        needs_rows = self.masks or self.needs_scores
        if not (self.loss.picks(self.options) and in_rows) or needs_rows:
            return None
        is_long = (source.shape[1] or 0) * source.dtype.itemsize >= LONG_ROW
        return name if is_long and source.can_take else None


class Block(NamedTuple):
    """The values of every array for a box of elements, and the elements that the masks keep.

    `sample_weights` have fewer axes than the elements if they run along the first axes only. `kept`
    is None if all elements are kept.
    """

    number: int
    box: Box
    arrays: Mapping[str, Values | Unread]
    masks: Mapping[str, Values]
    labels: Mapping[str, Values]
    kept: Mask | None
    sample_weights: Values | None = None


def boxes(shape: Shape, budget: int, uncut: int) -> Iterator[Box]:
    """Split a grid of elements into boxes of at most `budget` elements, in C order.

    The iterator is endless if the number of rows is unknown. The last `uncut` axes are never split,
    even if a box then exceeds the budget.
    """
    rows, *rest = shape
    row_size = math.prod(size for size in rest if size is not None)
    if len(shape) <= uncut:
        yield tuple(slice(0, size) for size in shape)
    elif row_size <= budget or len(rest) <= uncut:
        step = max(1, budget // max(row_size, 1))
        whole = tuple(slice(0, size) for size in rest)
        for start in _starts(rows, step):
            stop = start + step if rows is None else min(start + step, rows)
            yield (slice(start, stop), *whole)
    else:
        for row in _starts(rows, 1):
            for inner in boxes(tuple(rest), budget, uncut):
                yield (slice(row, row + 1), *inner)


def count_boxes(shape: Sequence[int], budget: int, uncut: int) -> tuple[int, int]:
    """The number of boxes that `boxes` yields, and the number of boxes per row: 1 if a box contains
    one row or several."""
    rows, *rest = shape or (1,)
    row_size = math.prod(rest)
    if len(shape) <= uncut or not shape:
        return 1, 1
    if row_size <= budget or len(rest) <= uncut:
        return -(-rows // max(1, budget // max(row_size, 1))), 1
    of_row, _ = count_boxes(rest, budget, uncut)
    return rows * of_row, of_row


def _starts(rows: int | None, step: int) -> Iterator[int]:
    return itertools.count(0, step) if rows is None else iter(range(0, rows, step))


def read(job: Job, number: int, box: Box) -> Block | None:
    """The block of a box; None after the last row. Raises DataError if lengths differ."""
    arrays: dict[str, Values] = {}
    unread: dict[str, Unread] = {}
    lengths = set()
    for name, source in job.sources.items():
        view = job.layout.views[name]
        if name == job.picked:
            unread[name] = _unread(source, box[0])
            continue
        array = source.read(_box_of(view, box, len(source.shape)))
        if view.sample_axis is not None:
            lengths.add(array.shape[view.sample_axis])
        arrays[name] = _as_block(array, view)
    if len(lengths) > 1:
        require_same_counts(job)
    if lengths == {0} and job.layout.grid[0] is None:
        return None
    masks = {name: arrays.pop(name) for name in job.masks}
    labels = {name: arrays.pop(name) for name in job.labels}
    sample_weights = arrays.pop(SAMPLE_WEIGHT, None)
    kept = _kept(job.layout, arrays, list(masks.values())) if masks else None
    return Block(number, box, {**unread, **arrays}, masks, labels, kept, sample_weights)


def _unread(source: Source, rows: slice) -> Unread:
    start, stop, _ = rows.indices(source.shape[0] or 0)
    classes = source.shape[1] or 0
    return Unread(
        (stop - start, classes),
        source.dtype,
        functools.partial(source.take, start),
        lambda count: source.read((slice(start, min(start + count, stop)), slice(None))),
    )


def _box_of(view: View, box: Box, rank: int) -> Box:
    """The range of each axis of an array that belongs to a box of elements."""
    ranges = [slice(None)] * rank
    for axis in view.axes:
        if axis.source is not None and axis.element is not None and not axis.repeated:
            span = box[axis.element]
            ranges[axis.source] = slice(span.start + axis.offset, span.stop + axis.offset)
    return tuple(ranges)


def _as_block(array: Values, view: View) -> Values:
    """The array with the axes of a view, in the view's order."""
    present = [axis.source for axis in view.axes if axis.source is not None]
    dropped = [axis for axis in range(array.ndim) if axis not in present]
    index = tuple(np.newaxis if axis.source is None else slice(None) for axis in view.axes)
    return array.transpose(*present, *dropped)[(*index, *(0 for _ in dropped))]


def _kept(layout: Layout, arrays: Mapping[str, Values], masks: Sequence[Values]) -> Mask | None:
    """The elements of a block that all masks keep; None if they keep all."""
    mask = functools.reduce(np.logical_and, (mask != 0 for mask in masks))
    if mask.all():
        return None
    sizes = [1] * mask.ndim
    for name, array in arrays.items():
        for axis, size in zip(layout.views[name].axes, array.shape, strict=True):
            if axis.element is not None and not axis.uncut and size != 1:
                sizes[axis.element] = size
    return np.array(np.broadcast_to(mask, sizes))


def _header_hint(job: Job, counts: Mapping[str, int]) -> str:
    """Advice if every shorter array is a table with one row less than the others: its first row may
    have been read as the header. Otherwise an empty text."""
    most = max(counts.values())
    fewer = [name for name, count in counts.items() if count < most]
    is_header = all(counts[name] == most - 1 and job.sources[name].of_table for name in fewer)
    hint = ". If the first line of a text file is data, use --no-header."
    return hint if is_header else ""


def require_same_counts(job: Job) -> None:
    """Raise DataError unless all arrays that run along the samples have one row per sample."""
    counts = {}
    for name, source in job.sources.items():
        axis = job.layout.views[name].sample_axis
        if axis is not None:
            size = source.shape[axis]
            counts[name] = source.count() if size is None else size
    if len(set(counts.values())) > 1:
        rows = ", ".join(f"{name} has {_rows(count)}" for name, count in counts.items())
        raise DataError(f"{rows}; expected the same number{_header_hint(job, counts)}")
    expected = job.layout.rows
    for name, count in counts.items():
        if expected not in (None, count):
            raise named(job.sources[name], f"{name} has {_rows(count)}; expected {expected}")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
