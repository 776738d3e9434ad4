"""evaluate(loss, *inputs): binds what is given, opens it, lays it out, runs the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli import engine, readers
from losscli._version import __version__
from losscli.errors import ArrayError, DataError, listed
from losscli.losses.layout import ArrayInfo, Layout, View, show
from losscli.losses.registry import Loss, find
from losscli.readers.memory import MemoryArray
from losscli.reduction import Floats, Input, Result, Totals
from losscli.request import Request, bind

if TYPE_CHECKING:
    from losscli.readers.npy import NpyArray
    from losscli.readers.table import Table, TableArray

    Source = MemoryArray | NpyArray | TableArray

# An array that does not run along the samples is held in memory, up to this size.
HELD_BYTES = 64 << 20


def evaluate(
    loss: str,
    *inputs: Any,
    reduction: str = "mean",
    broadcast: bool = False,
    on_elements: Callable[[engine.Elements], None] | None = None,
    **parameters: Any,
) -> Result:
    """Compute a loss over files or arrays, block by block, in constant memory.

    Args:
        loss: its name, such as "nll" or "cross-entropy"
        inputs: the arrays of the loss in the order of its signature, each the path of a `.npy`,
            CSV or Parquet file, or an array
        reduction: "none", "mean" or "sum"
        broadcast: whether input and target may broadcast to more elements than either has
        on_elements: called with every block of losses in C order; with the reduction "none"
            the result then holds no values
        parameters: further arrays and the options of the loss by name, and for each array NAME
            that comes from a table, NAME_column: names or globs of columns

    Raises:
        UsageError: for parameters that the loss does not take, or out of their range
        DataError: for files that cannot be read, and data that the loss cannot take

    Example:
        >>> from losscli import evaluate
        >>> result = evaluate("nll", [[-0.5, -1.25], [-2.0, -0.25]], [0, 1])
        >>> result.value, result.count
        (0.375, 2)
    """
    request = bind(find(loss), inputs, reduction, parameters)
    with ExitStack() as stack:
        sources, notes = _open_sources(request, stack)
        layout, held = _lay_out(request.loss, sources)
        if layout.enlarged and not broadcast:
            raise DataError(f"{layout.warnings[0]}, more than either has; --broadcast allows it")
        collected: list[Floats] | None = None
        if reduction == "none" and on_elements is None:
            collected = []
            on_elements = partial(_collect, collected)
        function = partial(request.loss.function, **request.options)
        totals = engine.run(function, held, layout, on_elements)
        inputs_read = tuple(_describe(role, source) for role, source in sources.items())
        shape = _final_shape(layout, held)
    reduced = None if reduction == "none" else totals.reduce(reduction)
    return Result(
        loss=request.loss.name,
        reduction=reduction,
        value=reduced,
        count=totals.count,
        ignored=totals.ignored,
        weight_sum=float(totals.weights),
        shape=shape,
        options=request.options,
        inputs=inputs_read,
        version=__version__,
        values=None if collected is None else _joined(collected, shape),
        notes=tuple(notes),
        warnings=(*layout.warnings, *_doubts(reduced, totals)),
    )


def _open_sources(request: Request, stack: ExitStack) -> tuple[dict[str, Source], list[str]]:
    """A source for every array, and notes on the columns that nobody named."""
    files: dict[Path, NpyArray | Table] = {}
    for value in request.arrays.values():
        if isinstance(value, Path) and value not in files:
            files[value] = stack.enter_context(closing(readers.open_file(value)))
    sources: dict[str, Source] = {}
    # Named columns first: what they take is not among the columns that remain for the others.
    for name in sorted(request.arrays, key=lambda name: name not in request.columns):
        value = request.arrays[name]
        if isinstance(value, Path):
            option = f"--{name.replace('_', '-')}-column"
            sources[name] = files[value].array(request.columns.get(name), option)
        else:
            sources[name] = MemoryArray("", value)
    notes = [
        f"{name}: took {'columns' if len(source.columns) > 1 else 'column'} "
        f"{listed(source.columns)} of {source.name}"
        for name, source in sources.items()
        if source.columns is not None and name not in request.columns
    ]
    return {name: sources[name] for name in request.arrays}, notes


def _lay_out(loss: Loss, sources: Mapping[str, Source]) -> tuple[Layout, dict[str, Source]]:
    """The layout, with the arrays that do not run along the samples held in memory."""
    try:
        layout = loss.layout(_infos(sources))
        held = {name: _hold(source, layout.views[name], layout) for name, source in sources.items()}
        return loss.layout(_infos(held)), held
    except ArrayError as error:
        raise engine.named(sources[error.array], str(error)) from error


def _infos(sources: Mapping[str, Source]) -> dict[str, ArrayInfo]:
    return {
        name: ArrayInfo(source.shape, source.dtype, source.columns is not None)
        for name, source in sources.items()
    }


def _hold(source: Source, view: View, layout: Layout) -> Source:
    if 0 in view.axes or (layout.grid[0] == 1 and None not in source.shape):
        return source
    row_bytes = math.prod(size or 1 for size in source.shape[1:]) * source.dtype.itemsize
    most_rows = HELD_BYTES // max(1, row_bytes)
    # One row more than may be held tells that there are too many, in a table as well.
    box = [slice(0, most_rows + 1), *[slice(None)] * len(source.shape)]
    block = source.read(tuple(box[: len(source.shape)]))
    if block.ndim and len(block) > most_rows:
        raise DataError(
            f"{source.name}: shape {show(source.shape)} is to be repeated for every sample; "
            f"expected at most {HELD_BYTES >> 20} MiB of it"
        )
    return MemoryArray(source.name, block)


def _final_shape(layout: Layout, sources: Mapping[str, Source]) -> tuple[int, ...]:
    """The shape of the elements, now that the number of rows is known."""
    return tuple(_rows(layout, sources) if size is None else size for size in layout.shape)


def _rows(layout: Layout, sources: Mapping[str, Source]) -> int:
    return next(s.count() for name, s in sources.items() if 0 in layout.views[name].axes)


def _describe(role: str, source: Source) -> Input:
    shape = tuple(source.count() if size is None else size for size in source.shape)
    path = None if isinstance(source, MemoryArray) else source.name
    return Input(role, path, source.bytes, shape, str(source.dtype), source.columns)


def _joined(blocks: list[Floats], shape: tuple[int, ...]) -> Floats:
    return np.concatenate([np.empty(0), *blocks]).reshape(shape)


def _collect(values: list[Floats], elements: engine.Elements) -> None:
    values.append(elements.losses.values.ravel())


def _doubts(reduced: float | None, totals: Totals) -> list[str]:
    """What the reader of the number should know before trusting it."""
    if reduced is None or not math.isnan(reduced):
        return []
    if totals.elements == 0:
        return ["the result is NaN: the input is empty"]
    if totals.count == 0:
        return ["the result is NaN: every element is ignored"]
    if float(totals.weights) == 0.0:
        return ["the result is NaN: the weights add up to 0"]
    return ["the result is NaN: the loss of at least one element is; --reduction none shows them"]
