"""Blocks of every array, one loss, and the sums: the loop that everything goes through.

A block is a box of elements: one range an axis, such that the box is a run in C order. Boxes
follow from the shapes alone, so the same files always give the same block sums.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from losscli.elements import SAMPLE_WEIGHT, Elements, Floats, Mask, PerElement
from losscli.errors import ArrayError, DataError
from losscli.losses.checks import Doubt, first, odd_mask
from losscli.losses.layout import WHOLE, Axis, Layout, Shape, View
from losscli.losses.numerics import Unread
from losscli.losses.registry import Loss
from losscli.reduction import Totals
from losscli.threads import in_order

# Values of the widest array in one block, 2 MiB as float32, and elements in one: 1 MiB as float64,
# of which a loss makes several on its way. Fewer, and Python between the blocks shows; more, and
# they do not fit into a core's cache.
BLOCK_VALUES = 1 << 19
BLOCK_ELEMENTS = 1 << 17

# Of a row of at least this many bytes a loss that needs one entry reads just that, of so many rows
# in a block.
LONG_ROW = 1 << 14
PICKED_ROWS = 1 << 11

# Values of a block at which a check looks.
LOOKED_VALUES = 1 << 16

# Blocks that one thread takes at a time, so that handing them out costs little.
BLOCKS_AT_ONCE = 4

LossFunction = Callable[..., PerElement]
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

    @property
    def concurrent(self) -> bool:
        """Whether any box can be read at any time, by several threads at once."""

    def read(self, box: Box) -> NDArray[Any]:
        """The values in a box, fewer rows where the array ends.

        Unless it is concurrent, rows are asked for in order.
        """

    def count(self) -> int:
        """The number of rows, reading on to the end if need be."""


class Tally(Protocol):
    """What is counted of every block, in the thread that computes it."""

    def of(self, elements: Elements) -> Any:
        """The count of one block; called by several threads at once."""

    def add(self, found: Any) -> None:
        """Add the count of the next block, in C order."""


@dataclass(frozen=True)
class Work:
    """A loss, its options, and what it is computed from.

    `look`: for mistakes in that. `on_nan`: whether a loss that is NaN counts ("warn"), is an
    "error", or is left out ("skip").
    """

    loss: Loss
    options: Mapping[str, Any]
    sources: Mapping[str, Source]
    layout: Layout
    look: bool
    on_nan: str
    masks: Sequence[str]
    labels: Sequence[str]
    predict: Predict | None
    threads: int
    tally: Tally | None = None


# Of a block of scores, the class with the largest, for the elements whose losses ask for it.
Predict = Callable[[NDArray[Any], PerElement], NDArray[np.intp]]


@dataclass(frozen=True)
class NonFinite:
    """How many losses are NaN, or infinite, and the index of the first one."""

    count: int
    index: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """The sums over all blocks, what looks wrong in them, and which losses are no numbers.

    `told` are the kinds of doubts among `doubts`.
    """

    totals: Totals
    doubts: tuple[str, ...]
    told: frozenset[str]
    nan: NonFinite | None
    infinite: NonFinite | None


@dataclass(frozen=True)
class Block:
    """A box of elements as read: the part of every array, and which elements a mask leaves in.

    `sample_weights` have fewer axes than the elements where they run along the first axes alone.
    """

    number: int
    box: Box
    arrays: Mapping[str, NDArray[Any]]
    masks: Mapping[str, NDArray[Any]]
    labels: Mapping[str, NDArray[Any]]
    kept: Mask | None
    sample_weights: NDArray[Any] | None = None


@dataclass(frozen=True)
class _Suspicion:
    """A doubt with the place in the whole array. `looked`: only a part of it was looked at."""

    doubt: Doubt
    text: str
    looked: bool


@dataclass(frozen=True)
class _Part:
    """What some blocks give: their sums, what is suspicious, their elements if wanted, and what
    was counted of each."""

    totals: Totals
    doubts: Sequence[_Suspicion]
    elements: Sequence[Elements]
    nan: NonFinite | None
    infinite: NonFinite | None
    counted: Sequence[Any]


def run(
    work: Work,
    on_elements: Callable[[Elements], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Apply a loss to all blocks and merge their sums.

    Blocks are the same for any number of threads, and what they give is taken in their order: so
    are the sums, the doubts, and the first error. `on_progress` is told how many elements are done.
    """
    function = work.loss.on_blocks(work.options)
    totals, doubts = Totals(), _Doubts()
    nan: NonFinite | None = None
    infinite: NonFinite | None = None
    parts = _parts(work, function, on_elements is not None)
    while (part := _next(parts, totals)) is not None:
        totals = totals.merge(part.totals)
        nan, infinite = _both(nan, part.nan), _both(infinite, part.infinite)
        if on_progress is not None:
            on_progress(totals.elements)
        for doubt in part.doubts:
            doubts.add(doubt)
        for found in part.counted:
            cast(Tally, work.tally).add(found)
        if on_elements is not None:
            for elements in part.elements:
                on_elements(elements)
    _check_counts(work)
    totals = replace(totals, samples=_samples(work))
    return Outcome(totals, doubts.told(), doubts.kinds(), nan, infinite)


class Interrupted(KeyboardInterrupt):
    """A run that was interrupted, with what was done so far."""

    def __init__(self, totals: Totals) -> None:
        super().__init__("interrupted")
        self.totals = totals


def _next(parts: Iterator[_Part], so_far: Totals) -> _Part | None:
    try:
        return next(parts, None)
    except KeyboardInterrupt as error:
        raise Interrupted(so_far) from error


def _parts(work: Work, function: LossFunction, with_elements: bool) -> Iterator[_Part]:
    """What every group of blocks gives, in their order, computed by threads side by side."""
    compute = functools.partial(_compute_group, work, function, with_elements)
    steps = (functools.partial(compute, blocks) for blocks in _groups_of_blocks(work))
    if work.threads == 1 or _is_one_block(work.layout):
        yield from (step() for step in steps)
    else:
        yield from in_order(steps, work.threads)


def _is_one_block(layout: Layout) -> bool:
    sizes = [size for size in layout.grid if size is not None]
    return len(sizes) == len(layout.grid) and math.prod(sizes) * layout.width <= BLOCK_VALUES


def _groups_of_blocks(work: Work) -> Iterator[Iterable[Block]]:
    """Some consecutive blocks at a time: to be read by whoever takes them where sources allow it,
    else read already, in order."""
    if _picked(work) is None:
        budget = max(1, min(BLOCK_VALUES // work.layout.width, BLOCK_ELEMENTS))
    else:
        budget = PICKED_ROWS
    numbered = enumerate(boxes(work.layout.grid, budget, work.layout.uncut))
    concurrent = all(source.concurrent for source in work.sources.values())
    at_once = BLOCKS_AT_ONCE if concurrent else 1
    while group := list(itertools.islice(numbered, at_once)):
        blocks = (_read(work, number, box) for number, box in group)
        read = itertools.takewhile(lambda block: block is not None, blocks)
        if concurrent:
            yield cast(Iterator[Block], read)
            continue
        present = cast(list[Block], list(read))
        yield present
        if len(present) < len(group):
            return


def _picked(work: Work) -> str | None:
    """The array of which only the targets' entries are read: whose rows are so long that a page
    of each is less than all of them."""
    name, source = next(iter(work.sources.items()))
    in_rows = work.layout.views[name].axes == (Axis(0, 0), Axis(WHOLE, 1))
    whole_rows = work.masks or work.predict
    if not (work.loss.picks(work.options) and in_rows) or whole_rows:
        return None
    long = (source.shape[1] or 0) * source.dtype.itemsize >= LONG_ROW
    return name if long and hasattr(source, "take") else None


def _unread(source: Any, rows: slice) -> Unread:
    start, stop, _ = rows.indices(source.shape[0])
    classes = source.shape[1]
    return Unread(
        (stop - start, classes),
        source.dtype,
        functools.partial(source.take, start),
        lambda count: source.read((slice(start, min(start + count, stop)), slice(None))),
    )


def _compute_group(
    work: Work, function: LossFunction, with_elements: bool, blocks: Iterable[Block]
) -> _Part:
    totals, doubts, elements = Totals(), list[_Suspicion](), list[Elements]()
    nan: NonFinite | None = None
    infinite: NonFinite | None = None
    counted = []
    for block in blocks:
        with np.errstate(all="ignore"):  # infinities and NaN are told of, not warned of
            computed = _compute(work, function, block, doubts)
            sums = Totals.of(computed.losses.weighted())
            finite = _all_finite(computed.losses, sums)
        if not finite:
            values = computed.losses.values
            found = _where(np.isnan(values), computed.start)
            nan = _both(nan, found)
            infinite = _both(infinite, _where(np.isinf(values), computed.start))
            if found is not None and work.on_nan != "warn":
                computed = _without_nan(work, computed, found)
                sums = Totals.of(computed.losses.weighted())
        totals = totals.merge(sums)
        if work.tally is not None:
            counted.append(work.tally.of(computed))
        if with_elements:
            elements.append(computed)
    return _Part(totals, doubts, elements, nan, infinite, counted)


def _all_finite(losses: PerElement, sums: Totals) -> bool:
    """Whether no loss is infinite or NaN. The sums lack those whose sample weight is 0."""
    if losses.sample_weights is not None and not math.isfinite(losses.values.sum()):
        return False
    return math.isfinite(float(sums.values))


def _without_nan(work: Work, elements: Elements, found: NonFinite) -> Elements:
    """The elements with those ignored whose loss is NaN. Raises DataError if that is an error."""
    if work.on_nan == "error":
        raise DataError(f"the loss at {list(found.index)} is NaN (--on-nan error)")
    return replace(elements, losses=elements.losses.ignoring(np.isnan(elements.losses.values)))


def _where(marked: Mask, start: tuple[int, ...]) -> NonFinite | None:
    count = int(np.count_nonzero(marked))
    if not count:
        return None
    index = tuple(a + b for a, b in zip(start, first(marked), strict=True))
    return NonFinite(count, index)


def _both(one: NonFinite | None, other: NonFinite | None) -> NonFinite | None:
    """What two runs of blocks hold, the first of them in front."""
    if one is None or other is None:
        return one or other
    return replace(one, count=one.count + other.count)


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


def _read(work: Work, number: int, box: Box) -> Block | None:
    """The block of every array; None past the end. Arrays of differing lengths are an error."""
    arrays: dict[str, Any] = {}
    lengths = set()
    picked = _picked(work)
    for name, source in work.sources.items():
        view = work.layout.views[name]
        if name == picked:
            arrays[name] = _unread(source, box[0])
            continue
        array = source.read(_box_of(view, box, len(source.shape)))
        if view.sample_axis is not None:
            lengths.add(array.shape[view.sample_axis])
        arrays[name] = _as_block(array, view)
    if len(lengths) > 1:
        _check_counts(work)
    if lengths == {0} and work.layout.grid[0] is None:
        return None
    masks = {name: arrays.pop(name) for name in work.masks}
    labels = {name: arrays.pop(name) for name in work.labels}
    sample_weights = arrays.pop(SAMPLE_WEIGHT, None)
    kept = _kept(work.layout, arrays, list(masks.values())) if masks else None
    return Block(number, box, arrays, masks, labels, kept, sample_weights)


def _box_of(view: View, box: Box, rank: int) -> Box:
    """The part of an array that a block is made of."""
    parts = [slice(None)] * rank
    for axis in view.axes:
        if axis.source is not None and axis.element is not None and not axis.repeated:
            part = box[axis.element]
            parts[axis.source] = slice(part.start + axis.offset, part.stop + axis.offset)
    return tuple(parts)


def _as_block(array: NDArray[Any], view: View) -> NDArray[Any]:
    """The axes of a view, in its order."""
    present = [axis.source for axis in view.axes if axis.source is not None]
    dropped = [axis for axis in range(array.ndim) if axis not in present]
    index = tuple(np.newaxis if axis.source is None else slice(None) for axis in view.axes)
    return array.transpose(*present, *dropped)[(*index, *(0 for _ in dropped))]


def _compute(
    work: Work, function: LossFunction, block: Block, doubts: list[_Suspicion]
) -> Elements:
    """The losses of a block in the elements' order. What is masked is not even looked at."""
    arrays = block.arrays
    if block.kept is not None:
        views = work.layout.views
        arrays = {name: _pick_kept(one, views[name], block.kept) for name, one in arrays.items()}
    try:
        if work.look:
            doubts.extend(_look_at_masks(work, replace(block, kept=None)))
        losses = function(**arrays)
        doubts.extend(_look(work, block, arrays, losses))
    except ArrayError as error:
        # A mask is not picked from by itself.
        picked = block if error.array in block.arrays else replace(block, kept=None)
        place = _place(work, picked, error.array, error.position)
        raise DataError(f"{place} {error.problem}") from error
    predicted = None if work.predict is None else work.predict(arrays["input"], losses)
    elements = _elements(work.layout, block, losses, predicted)
    if block.sample_weights is None:
        return elements
    weights = _sample_weights(work, block, block.sample_weights, elements.losses)
    return replace(elements, losses=replace(elements.losses, sample_weights=weights))


def _elements(
    layout: Layout, block: Block, losses: PerElement, predicted: NDArray[np.intp] | None
) -> Elements:
    """Of a block as computed, the elements where they belong and in their order."""
    if block.kept is not None:
        losses = losses.spread(block.kept)
        if predicted is not None:
            picked, predicted = predicted, np.full(block.kept.shape, -1, np.intp)
            predicted[block.kept] = picked
    target = block.arrays.get("target")
    if layout.order:
        losses = losses.transposed(layout.element_order)
        if target is not None:
            target = target.transpose(layout.element_order)
    start = tuple(part.start for part in block.box)
    _, *others = block.arrays
    arrays = {name: block.arrays[name] for name in others}
    return Elements(start, target, losses, block.labels, predicted, arrays=arrays)


def _sample_weights(work: Work, block: Block, weights: NDArray[Any], losses: PerElement) -> Floats:
    """The sample weights of a block's losses, 0 where an element is ignored.

    Raises DataError for a weight below 0, NaN or infinite, unless its elements are all ignored.
    """
    shape = losses.values.shape
    padded = weights.reshape(*weights.shape, *(1,) * (len(shape) - weights.ndim))
    result: Floats = padded.astype(np.float64, copy=False)
    wrong = ~((result >= 0.0) & (result < np.inf))
    if losses.ignored is not None:
        result = np.where(losses.ignored, 0.0, result)
        wrong = ~losses.ignored & wrong
    if wrong.any():
        sizes = zip(first(wrong), weights.shape, strict=False)
        position = tuple(0 if size == 1 else offset for offset, size in sizes)
        place = _place(work, replace(block, kept=None), SAMPLE_WEIGHT, position)
        raise DataError(f"{place} is {weights[position]}; expected a finite number of at least 0")
    return result


def _look_at_masks(work: Work, block: Block) -> Iterator[_Suspicion]:
    for name, mask in block.masks.items():
        for doubt in odd_mask(name, mask):
            yield _suspicion(work, block, doubt, looked=False)


def _look(
    work: Work, block: Block, arrays: Mapping[str, NDArray[Any]], losses: PerElement
) -> Iterator[_Suspicion]:
    """What the checks say of a block, or of its first elements."""
    checks = [check for check in work.loss.checks if check.looks_at(block.number)]
    if not (work.look and checks):
        return
    rows = max(1, LOOKED_VALUES // work.layout.width)
    head = {name: _head(work, name, array, rows) for name, array in arrays.items()}
    ignored = None if losses.ignored is None else losses.ignored[:rows]
    head_losses = PerElement(losses.values[:rows], ignored=ignored)
    for check in checks:
        looked = (arrays, losses) if check.everywhere else (head, head_losses)
        for doubt in check.look(looked[0], work.options, looked[1]):
            yield _suspicion(work, block, doubt, looked=not check.everywhere)


def _suspicion(work: Work, block: Block, doubt: Doubt, *, looked: bool) -> _Suspicion:
    place = _place(work, block, doubt.array, doubt.position)
    return _Suspicion(doubt, f"{place} {doubt.problem}", looked)


def _head(work: Work, name: str, array: Any, rows: int) -> NDArray[Any]:
    """The first rows of a block's array, if it runs along the elements there."""
    if isinstance(array, Unread):
        return array.rows(rows)
    head: NDArray[Any] = array[:rows] if _axes_along(work.layout.views[name]) else array
    return head


def _kept(
    layout: Layout, arrays: Mapping[str, NDArray[Any]], masks: Sequence[NDArray[Any]]
) -> Mask | None:
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


def _pick_kept(block: NDArray[Any], view: View, kept: Mask) -> NDArray[Any]:
    """The kept elements along one axis in front, the axes that are whole behind it."""
    along = _axes_along(view)
    if not along:
        return block
    moved = np.moveaxis(block, along, range(len(along)))
    return np.broadcast_to(moved, kept.shape + moved.shape[len(along) :])[kept]


def _axes_along(view: View) -> list[int]:
    """The axes of a block that run along elements which a mask can leave out."""
    return [k for k, axis in enumerate(view.axes) if axis.element is not None and not axis.uncut]


class _Doubts:
    """What looks wrong, each kind once with its first place and in how many it was seen."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[_Suspicion, int]] = {}

    def add(self, found: _Suspicion) -> None:
        earliest, count = self._seen.get(found.doubt.kind, (found, 0))
        self._seen[found.doubt.kind] = (earliest, count + found.doubt.count)

    def kinds(self) -> frozenset[str]:
        return frozenset(self._seen)

    def told(self) -> tuple[str, ...]:
        return tuple(one.text + _seen(count, one.looked) for one, count in self._seen.values())


def _seen(count: int, looked: bool) -> str:
    if count == 1:
        return ""
    return f"; seen {count} times{' where it was looked for' if looked else ''}"


def named(source: Source, problem: str) -> DataError:
    """The error for what is wrong in a source, with its path if it has one."""
    return DataError(f"{source.name}: {problem}" if source.name else problem)


def _place(work: Work, block: Block, array: str, position: tuple[int, ...] | None) -> str:
    """An array for a message, with its path and the index in it of a position in its block."""
    view = work.layout.views[array]
    where = "" if position is None else _index(view, block, position)
    return str(named(work.sources[array], f"{array}{where}"))


def _index(view: View, block: Block, position: tuple[int, ...]) -> str:
    if block.kept is not None:
        position = _before_picking(view, position, block.kept)
    index: dict[int, int] = {}
    for axis, offset in zip(view.axes, position, strict=True):
        if axis.source is not None:
            along = axis.element is not None and not axis.repeated
            start = block.box[axis.element].start + axis.offset if along else 0  # type: ignore[index]
            index[axis.source] = offset + start
    place = [index[axis] for axis in sorted(index)]
    if not place:
        return ""
    return f" in row {place[0]}" if len(place) == 1 else f" at {place}"


def _before_picking(view: View, position: tuple[int, ...], kept: Mask) -> tuple[int, ...]:
    """The position in a block of what lies there once the kept elements are picked."""
    along = _axes_along(view)
    if not along:
        return position
    chosen, others = iter(np.argwhere(kept)[position[0]].tolist()), iter(position[1:])
    found = [next(chosen if k in along else others) for k in range(len(view.axes))]
    return tuple(
        0 if axis.repeated or axis.source is None else offset
        for axis, offset in zip(view.axes, found, strict=True)
    )


def _samples(work: Work) -> int:
    """The length of the first array's axis of samples."""
    if not work.layout.shape:
        return 1
    name, source = next(iter(work.sources.items()))
    axis = work.layout.views[name].sample_axis or 0
    if not source.shape:
        return 1
    size = source.shape[axis]
    return source.count() if size is None else size


def _check_counts(work: Work) -> None:
    """Raise DataError unless all arrays that run along the samples have as many rows as there are
    samples."""
    counts = {}
    for name, source in work.sources.items():
        axis = work.layout.views[name].sample_axis
        if axis is not None:
            size = source.shape[axis]
            counts[name] = source.count() if size is None else size
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} has {count} rows" for name, count in counts.items())
        raise DataError(f"{found}; expected as many in each")
    expected = work.layout.rows
    for name, count in counts.items():
        if expected not in (None, count):
            rows = "row" if count == 1 else "rows"
            raise named(work.sources[name], f"{name} has {count} {rows}; expected {expected}")
