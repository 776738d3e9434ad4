"""evaluate(loss, *inputs): binds what is given, opens it, lays it out, runs the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli import engine, readers, remarks
from losscli._version import __version__
from losscli.errors import ArrayError, DataError, listed
from losscli.losses.layout import ArrayInfo, Layout, View, masked, show
from losscli.losses.registry import MASK, find, kebab
from losscli.readers.concatenated import Concatenated
from losscli.readers.memory import MemoryArray
from losscli.reduction import Floats, Input, Result
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
    check: bool = True,
    on_elements: Callable[[engine.Elements], None] | None = None,
    **parameters: Any,
) -> Result:
    """Compute a loss over files or arrays, block by block, in constant memory.

    Args:
        loss: its name, such as "nll" or "cross-entropy"
        inputs: the arrays of the loss in the order of its signature, each the path of a `.npy`,
            CSV or Parquet file, or an array
        reduction: "none", "mean", "sum", or another that the loss has
        check: whether to look for mistakes in what the arrays hold, such as logits where
            log-probabilities belong
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
        layout, held = _lay_out(request, sources)
        if layout.enlarged and not broadcast:
            raise DataError(f"{layout.warnings[0]}, more than either has; --broadcast allows it")
        collected: list[Floats] | None = None
        if reduction == "none" and on_elements is None:
            collected = []
            on_elements = partial(_collect, collected)
        checks = request.loss.checks if check else ()
        work = engine.Work(request.loss, request.options, held, layout, checks)
        outcome = engine.run(work, on_elements)
        inputs_read = tuple(_describe(role, source) for role, source in sources.items())
        shape = _final_shape(layout, held)
    totals = outcome.totals
    result = Result(
        loss=request.loss.name,
        reduction=reduction,
        value=None if reduction == "none" else totals.reduce(reduction),
        count=totals.count,
        ignored=totals.ignored,
        samples=totals.samples,
        weight_sum=float(totals.weights),
        shape=shape,
        options=request.options,
        changed=request.changed,
        inputs=inputs_read,
        version=__version__,
        values=None if collected is None else _joined(collected, shape),
        notes=tuple(notes),
    )
    suspicious = (*layout.warnings, *outcome.doubts, *remarks.suspicions(result, totals))
    explained = remarks.explanations(result, totals, request.loss)
    return replace(result, suspicious=suspicious, warnings=(*suspicious, *explained))


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
            option = f"--{kebab(name)}-column"
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


def _lay_out(
    request: Request, sources: Mapping[str, Source]
) -> tuple[Layout, dict[str, Source | Concatenated]]:
    """The layout, with the arrays that do not run along the samples held in memory."""
    try:
        layout = _layout(request, sources)
        held: dict[str, Source | Concatenated] = {
            name: _hold(source, layout.views[name], layout) for name, source in sources.items()
        }
        for name, lengths in layout.concatenated.items():
            held[lengths] = _held(sources[lengths])
            held[name] = Concatenated(sources[name], lengths, held[lengths].read((slice(None),)))
        return _layout(request, held), held
    except ArrayError as error:
        raise engine.named(sources[error.array], str(error)) from error


def _layout(request: Request, sources: Mapping[str, Source | Concatenated]) -> Layout:
    infos = {
        name: ArrayInfo(source.shape, source.dtype, source.columns is not None)
        for name, source in sources.items()
    }
    mask = infos.pop(MASK.name, None)
    layout = request.loss.lay_out(infos, request.options)
    return layout if mask is None else masked(layout, mask)


def _hold(source: Source, view: View, layout: Layout) -> Source:
    """The source, or what it holds if every block needs all of it."""
    along = view.sample_axis is not None
    return source if along or (layout.grid[0] == 1 and None not in source.shape) else _held(source)


def _held(source: Source) -> MemoryArray:
    row_bytes = math.prod(size or 1 for size in source.shape[1:]) * source.dtype.itemsize
    most_rows = HELD_BYTES // max(1, row_bytes)
    # One row more than may be held tells that there are too many, in a table as well.
    box = [slice(0, most_rows + 1), *[slice(None)] * len(source.shape)]
    block = source.read(tuple(box[: len(source.shape)]))
    if block.ndim and len(block) > most_rows:
        raise engine.named(
            source,
            f"shape {show(source.shape)} is needed whole for every sample; expected at most "
            f"{HELD_BYTES >> 20} MiB of it",
        )
    return MemoryArray(source.name, block)


def _final_shape(layout: Layout, sources: Mapping[str, engine.Source]) -> tuple[int, ...]:
    """The shape of the elements, now that the number of rows is known."""
    return tuple(_rows(layout, sources) if size is None else size for size in layout.shape)


def _rows(layout: Layout, sources: Mapping[str, engine.Source]) -> int:
    along = (name for name in sources if layout.views[name].sample_axis is not None)
    return sources[next(along)].count()


def _describe(role: str, source: Source) -> Input:
    shape = tuple(source.count() if size is None else size for size in source.shape)
    path = None if isinstance(source, MemoryArray) else source.name
    return Input(role, path, source.bytes, shape, str(source.dtype), source.columns)


def _joined(blocks: list[Floats], shape: tuple[int, ...]) -> Floats:
    return np.concatenate([np.empty(0), *blocks]).reshape(shape)


def _collect(values: list[Floats], elements: engine.Elements) -> None:
    values.append(elements.losses.values.ravel())
