"""The elements of a loss in boxes, and what is read of every array for one of them.

A box has one range an axis, such that its elements are a run in C order. Boxes follow from the
shapes alone.
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

# Values of the widest array in one block, 2 MiB as float32, and elements in one: 2 MiB as float64,
# of which a loss makes several on its way. Fewer, and threads wait for each other: each of NumPy's
# calls gives up and takes back the interpreter's lock. More, and they do not fit into a cache.
BLOCK_VALUES = 1 << 19
BLOCK_ELEMENTS = 1 << 18

# Of a row of at least this many bytes a loss that needs one entry reads just that, of so many rows
# in a block.
LONG_ROW = 1 << 14
PICKED_ROWS = 1 << 11

Box = tuple[slice, ...]
Values = Array


@dataclass(frozen=True)
class Job:
    """A loss, its options, and the open arrays that it is computed from.

    Args:
        loss: the loss
        options: its options, checked
        sources: the arrays by name, the first one of the loss in front
        layout: how they run along the elements
        masks: the arrays that say which elements count
        labels: the arrays that say something of elements
        check: whether to look for mistakes in the data
        on_nan: what to do with a loss that is NaN: "warn", "error" or "skip"
        needs_scores: whether a statistic needs the input along its classes
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
        """Whether any block can be read at any time."""
        return all(source.concurrent for source in self.sources.values())

    @property
    def budget(self) -> int:
        """How many elements a block may have."""
        if self.picked is not None:
            return PICKED_ROWS
        return max(1, min(BLOCK_VALUES // self.layout.width, BLOCK_ELEMENTS))

    @functools.cached_property
    def picked(self) -> str | None:
        """The array of which only the targets' entries are read: whose rows are so long that a page
        of each is less than all of them."""
        name, source = next(iter(self.sources.items()))
        in_rows = self.layout.views[name].axes == (Axis(0, 0), Axis(WHOLE, 1))
        needs_rows = self.masks or self.needs_scores
        if not (self.loss.picks(self.options) and in_rows) or needs_rows:
            return None
        is_long = (source.shape[1] or 0) * source.dtype.itemsize >= LONG_ROW
        return name if is_long and source.can_take else None


class Block(NamedTuple):
    """A box of elements as read: the part of every array, and which elements a mask leaves in.

    `sample_weights` have fewer axes than the elements where they run along the first axes alone.
    """

    number: int
    box: Box
    arrays: Mapping[str, Values | Unread]
    masks: Mapping[str, Values]
    labels: Mapping[str, Values]
    kept: Mask | None
    sample_weights: Values | None = None


def boxes(shape: Shape, budget: int, uncut: int) -> Iterator[Box]:
    """Cut a grid of elements into runs in C order of at most `budget` elements, without end if
    the number of rows is not known. The last `uncut` axes stay whole, whatever the budget."""
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


def _starts(rows: int | None, step: int) -> Iterator[int]:
    return itertools.count(0, step) if rows is None else iter(range(0, rows, step))


def read(job: Job, number: int, box: Box) -> Block | None:
    """The block of every array; None past the end. Arrays of differing lengths are an error."""
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
    """The part of an array that a block is made of."""
    parts = [slice(None)] * rank
    for axis in view.axes:
        if axis.source is not None and axis.element is not None and not axis.repeated:
            part = box[axis.element]
            parts[axis.source] = slice(part.start + axis.offset, part.stop + axis.offset)
    return tuple(parts)


def _as_block(array: Values, view: View) -> Values:
    """The axes of a view, in its order."""
    present = [axis.source for axis in view.axes if axis.source is not None]
    dropped = [axis for axis in range(array.ndim) if axis not in present]
    index = tuple(np.newaxis if axis.source is None else slice(None) for axis in view.axes)
    return array.transpose(*present, *dropped)[(*index, *(0 for _ in dropped))]


def _kept(layout: Layout, arrays: Mapping[str, Values], masks: Sequence[Values]) -> Mask | None:
    """Which elements of a block all masks leave in; None for all of them."""
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
    """What helps where tables have one row fewer than all others: of text without a header the
    first row has become one."""
    most = max(counts.values())
    fewer = [name for name, count in counts.items() if count < most]
    is_header = all(counts[name] == most - 1 and job.sources[name].of_table for name in fewer)
    first = "; where the first line of text is a row, --no-header says so"
    return first if is_header else ""


def require_same_counts(job: Job) -> None:
    """Raise DataError unless all arrays that run along the samples have as many rows as there are
    samples."""
    counts = {}
    for name, source in job.sources.items():
        axis = job.layout.views[name].sample_axis
        if axis is not None:
            size = source.shape[axis]
            counts[name] = source.count() if size is None else size
    if len(set(counts.values())) > 1:
        rows = ", ".join(f"{name} has {count} rows" for name, count in counts.items())
        raise DataError(f"{rows}; expected as many in each{_header_hint(job, counts)}")
    expected = job.layout.rows
    for name, count in counts.items():
        if expected not in (None, count):
            word = "row" if count == 1 else "rows"
            raise named(job.sources[name], f"{name} has {count} {word}; expected {expected}")
