"""lay_out(): the layout of the arrays along the elements, with small arrays loaded into memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from losscli.elements import SAMPLE_WEIGHT
from losscli.errors import ArrayError, DataError, quoted
from losscli.losses.layout import ArrayInfo, Layout, Shape, View, show
from losscli.losses.layout.masks import masked
from losscli.losses.layout.shapes import without_ones
from losscli.opening.rows import require_joined
from losscli.opening.sources import Sources
from losscli.readers.arrays.concatenated import Concatenated
from losscli.readers.arrays.memory import MemoryArray
from losscli.readers.arrays.squeezed import Squeezed
from losscli.readers.tables.selection import KeptRows
from losscli.request.request import Files
from losscli.source import Source, named

# The maximum size of an array without a sample axis, which is loaded into memory.
MOST_BYTES = 64 << 20


class Plan(NamedTuple):
    """The elements of a loss and the arrays that they are computed from.

    `notes` report axes of size 1 that were dropped.
    """

    layout: Layout
    arrays: Mapping[str, Source]
    masks: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def lay_out(sources: Sources, broadcast: bool) -> Plan:
    """Return the layout, with arrays that do not run along the samples loaded into memory.

    Without `broadcast`, (N) and (N, 1) are the same samples.
    """
    _require_numbers(sources)
    arrays: dict[str, Source] = dict(sources.arrays)
    notes: tuple[str, ...] = ()
    if not broadcast:
        arrays, notes = _squeezed(sources, arrays)
    try:
        arrays, layout = _of_the_same_rows(sources, arrays)
        loaded: dict[str, Source] = {
            name: _loaded(source, layout.views[name], layout) for name, source in arrays.items()
        }
        for name, lengths in layout.concatenated.items():
            loaded[lengths] = _in_memory(arrays[lengths])
            values = loaded[lengths].read((slice(None),))
            loaded[name] = Concatenated(arrays[name], lengths, values)
        layout = _layout(sources, loaded)
    except ArrayError as error:
        raise named(arrays[error.array], str(error)) from error
    masks = tuple(name for name in sources.masks if name in loaded)
    return Plan(layout, loaded, masks, sources.labels, notes)


def _require_numbers(sources: Sources) -> None:
    """Raise DataError if a weight or a mask is a column of names. Only targets may contain
    names."""
    named_target, request = sources.named, sources.request
    if named_target is None:
        return
    optional = {array.name for array in request.loss.inputs if not array.required}
    for role in optional & set(request.arrays):
        array = sources.arrays[role]
        if (array.name, array.columns) == (named_target.name, named_target.columns):
            column = quoted((array.columns or ("",))[0])
            raise DataError(f"{array.name}: column {column} ({role}): expected numbers, found text")


def _layout(sources: Sources, arrays: Mapping[str, Source]) -> Layout:
    in_table = {name: _in_table(sources, name) for name in arrays}
    # A required array in a file next to a table has rows too. Weights may have a value per class.
    pairs_rows = any(in_table.values())
    required = {array.name for array in sources.request.loss.arrays if array.required}
    infos = {
        name: ArrayInfo(
            array.shape,
            array.dtype,
            in_table[name],
            has_rows=in_table[name] or (pairs_rows and name in required and bool(array.paths)),
        )
        for name, array in arrays.items()
    }
    further = (*sources.masks, *sources.labels, SAMPLE_WEIGHT)
    further_infos = {name: infos.pop(name) for name in further if name in infos}
    # The steps of sequences in a table are already shifted when they are read.
    options = sources.options if sources.ragged is None else {**sources.options, "shift": False}
    layout = sources.request.loss.lay_out(infos, options)
    for name, info in further_infos.items():
        layout = masked(layout, name, info)
    return layout


def _in_table(sources: Sources, name: str) -> bool:
    """Whether an array consists of columns of a table."""
    files = sources.request.arrays.get(name)
    return isinstance(files, tuple) and sources.containers[files].is_table


def _of_the_same_rows(
    sources: Sources, arrays: dict[str, Source]
) -> tuple[dict[str, Source], Layout]:
    """Return the arrays and their layout. Rows are filtered by the conditions. Row checks of files
    that do not run along the samples are dropped."""
    arrays_of_loss = {name: array for name, array in arrays.items() if name not in sources.same}
    layout = _layout(sources, arrays_of_loss)
    along = {name for name, view in layout.views.items() if view.sample_axis is not None}

    def runs_along(files: Files) -> bool:
        values = (sources.request.arrays.get(name) for name in along)
        return any(isinstance(value, tuple) and value == files for value in values)

    if sources.request.id is not None:
        require_joined(sources.request, sources.containers, runs_along)
    arrays = {
        name: array
        for name, array in arrays.items()
        if name not in sources.same or runs_along(sources.same[name][0])
    }
    if sources.selections:
        for name in along - set(sources.same):
            arrays[name] = _kept(sources, name, arrays[name], layout.views[name])
    return arrays, _layout(sources, arrays)


def _kept(sources: Sources, name: str, array: Source, view: View) -> Source:
    """Return an array with its rows filtered by conditions on a table. Tables filter their own
    rows."""
    if _in_table(sources, name) or array.of_table:
        return array
    if view.sample_axis != 0:
        raise DataError(f"{array.name}: --where filters rows, but rows are not the first axis")
    return KeptRows(array, [selection.stream() for selection in sources.selections])


def _squeezed(
    sources: Sources, arrays: dict[str, Source]
) -> tuple[dict[str, Source], tuple[str, ...]]:
    """Return the arrays and notes. An axis of size 1 that only the input or only the target has is
    dropped, which a note reports."""
    if not {"input", "target"} <= set(arrays):
        return arrays, ()
    axes = _odd_axes(sources, arrays["input"].shape, arrays["target"].shape)
    if axes is None:
        return arrays, ()
    notes = []
    squeezed = dict(arrays)
    for name, axis in zip(("input", "target"), axes, strict=True):
        whole: Shape = arrays[name].shape
        if axis is None:
            continue
        for other, array in arrays.items():
            if other == name or (other not in ("input", "target") and array.shape == whole):
                squeezed[other] = Squeezed(array, axis)
        without = show(squeezed[name].shape)
        hint = ". Use --broadcast to keep the axis." if sources.request.loss.broadcasts else ""
        notes.append(f"{name}: treated shape {show(whole)} as {without}{hint}")
    return squeezed, tuple(notes)


def _odd_axes(
    sources: Sources, shape: Shape, target: Shape
) -> tuple[int | None, int | None] | None:
    """Return the axes to drop from input and target; None if there are none."""
    loss = sources.request.loss
    if loss.is_elementwise:
        return without_ones(shape, target)
    if not loss.has_classes or len(shape) < 3 or len(target) < len(shape):
        return None
    axis = sources.options.get("class_axis")
    axis = 1 if axis is None else axis % len(shape)
    axes = without_ones(shape[:axis] + shape[axis + 1 :], target)
    is_probabilities = without_ones(shape, target) is None and len(target) == len(shape)
    if axes is None or axes[0] is not None or (is_probabilities and target[axis] == shape[axis]):
        return None
    return axes


def _loaded(source: Source, view: View, layout: Layout) -> Source:
    """Return the source, or its values in memory if every block needs all of them."""
    is_one_block = layout.grid[0] == 1 and None not in source.shape
    runs_along = view.sample_axis is not None
    return source if runs_along or is_one_block else _in_memory(source)


def _in_memory(source: Source) -> MemoryArray:
    row_bytes = math.prod(size or 1 for size in source.shape[1:]) * source.dtype.itemsize
    most_rows = MOST_BYTES // max(1, row_bytes)
    # Read one row beyond the limit: a table does not know its number of rows in advance.
    box = [slice(0, most_rows + 1), *[slice(None)] * len(source.shape)]
    block = source.read(tuple(box[: len(source.shape)]))
    if block.ndim and len(block) > most_rows:
        raise named(
            source,
            f"every sample needs the whole array of shape {show(source.shape)}; expected at most "
            f"{MOST_BYTES >> 20} MiB",
        )
    return MemoryArray(source.name, block)
