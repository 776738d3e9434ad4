"""evaluate(loss, *inputs): binds what is given, opens it, lays it out, runs the engine."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli import engine, remarks
from losscli._version import __version__
from losscli.errors import ArrayError, DataError, UsageError
from losscli.losses.layout import ArrayInfo, Layout, View, masked, show
from losscli.losses.registry import find
from losscli.readers import Array
from losscli.readers.concatenated import Concatenated
from losscli.readers.memory import MemoryArray
from losscli.reduction import Floats, Input, Result
from losscli.request import Request, bind
from losscli.sources import Sources, open_sources

if TYPE_CHECKING:
    from losscli.readers.table import TableArray

# An array that does not run along the samples is held in memory, up to this size.
HELD_BYTES = 64 << 20


def evaluate(
    loss: str,
    *inputs: Any,
    reduction: str = "mean",
    broadcast: bool = False,
    check: bool = True,
    strict: bool = False,
    threads: int | None = None,
    on_elements: Callable[[engine.Elements], None] | None = None,
    **parameters: Any,
) -> Result:
    """Compute a loss over files or arrays, block by block, in constant memory.

    Args:
        loss: its name, such as "nll" or "cross-entropy"
        inputs: the arrays of the loss in the order of its signature, each an array, the path of a
            file, a directory or a glob, or a list of such paths
        reduction: "none", "mean", "sum", or another that the loss has
        check: whether to look for mistakes in what the arrays hold, such as logits where
            log-probabilities belong
        broadcast: whether input and target may broadcast to more elements than either has
        strict: raise DataError for what looks wrong, as soon as it is known
        threads: how many compute side by side; unless given, as many as there are cores; the
            result has the same bits for any
        on_elements: called with every block of losses in C order; with the reduction "none"
            the result then holds no values
        parameters: further arrays and the options of the loss by name; for each array NAME that
            comes from a table, NAME_column: names or globs of columns; `id`, a column by which
            rows of several tables are paired; `classes`, the names of the classes; `skip_missing`,
            to leave out rows without a value; `input_format`, `header` and `delimiter`, where the
            files do not tell

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
    threads = _threads(threads)
    with ExitStack() as stack:
        sources = open_sources(request, stack)
        layout, held = _lay_out(request, sources)
        if layout.enlarged and not broadcast:
            problem = f"{layout.warnings[0]}, more than either has; --broadcast allows it"
            raise engine.named(sources.arrays["target"], problem)
        if strict:
            _refuse(layout.warnings)
        collected: list[Floats] | None = None
        if reduction == "none" and on_elements is None:
            collected = []
            on_elements = partial(_collect, collected)
        checks = request.loss.checks if check else ()
        work = engine.Work(
            request.loss, request.options, held, layout, checks, sources.masks, threads
        )
        if on_elements is not None and sources.named is not None:
            on_elements = partial(_with_names, on_elements, sources.named)
        outcome = engine.run(work, on_elements)
        inputs_read = tuple(_describe(role, sources.arrays[role]) for role in request.arrays)
        shape = _final_shape(layout, held)
        classes = None if sources.named is None else tuple(sources.named.class_names)
    totals = outcome.totals
    if sources.ragged is not None:
        totals = replace(totals, samples=sources.ragged.samples())
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
        pairing=sources.pairing,
        classes=classes,
        notes=sources.notes,
    )
    suspicious = (*layout.warnings, *outcome.doubts, *remarks.suspicions(result, totals))
    if strict:
        _refuse(suspicious)
    explained = remarks.explanations(result, totals, request.loss)
    return replace(result, suspicious=suspicious, warnings=(*suspicious, *explained))


def _refuse(suspicious: Sequence[str]) -> None:
    """Raise DataError if there is anything that looks wrong."""
    if suspicious:
        raise DataError(f"{suspicious[0]} (--strict)")


def _threads(wanted: int | None) -> int:
    """The number of threads; unless given, the cores that this process may use."""
    if wanted is not None and wanted < 1:
        raise UsageError(f"threads is {wanted}; expected at least 1")
    if wanted is None and hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return wanted or os.cpu_count() or 1


def _lay_out(request: Request, sources: Sources) -> tuple[Layout, dict[str, engine.Source]]:
    """The layout, with the arrays that do not run along the samples held in memory."""
    arrays = sources.arrays
    try:
        layout = _layout(request, sources, arrays)
        held: dict[str, engine.Source] = {
            name: _hold(source, layout.views[name], layout) for name, source in arrays.items()
        }
        for name, lengths in layout.concatenated.items():
            held[lengths] = _held(arrays[lengths])
            values = held[lengths].read((slice(None),))
            held[name] = Concatenated(arrays[name], lengths, values)
        return _layout(request, sources, held), held
    except ArrayError as error:
        raise engine.named(arrays[error.array], str(error)) from error


def _layout(request: Request, sources: Sources, arrays: Mapping[str, engine.Source]) -> Layout:
    infos = {
        name: ArrayInfo(one.shape, one.dtype, getattr(one, "columns", None) is not None)
        for name, one in arrays.items()
    }
    masks = {name: infos.pop(name) for name in sources.masks}
    # The steps of sequences in a table were shifted as they were read.
    options = request.options if sources.ragged is None else {**request.options, "shift": False}
    layout = request.loss.lay_out(infos, options)
    for name, mask in masks.items():
        layout = masked(layout, name, mask)
    return layout


def _hold(source: Array, view: View, layout: Layout) -> Array:
    """The source, or what it holds if every block needs all of it."""
    along = view.sample_axis is not None
    return source if along or (layout.grid[0] == 1 and None not in source.shape) else _held(source)


def _held(source: Array) -> MemoryArray:
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


def _describe(role: str, source: Array) -> Input:
    shape = tuple(source.count() if size is None else size for size in source.shape)
    stored: Mapping[str, str] = source.dtype.metadata or {}
    return Input(
        role,
        None if isinstance(source, MemoryArray) else source.name,
        source.bytes,
        shape,
        stored.get("stored", str(source.dtype)),
        source.columns,
        getattr(source, "files", ()),
    )


def _joined(blocks: list[Floats], shape: tuple[int, ...]) -> Floats:
    return np.concatenate([np.empty(0), *blocks]).reshape(shape)


def _collect(values: list[Floats], elements: engine.Elements) -> None:
    values.append(elements.losses.values.ravel())


def _with_names(
    on_elements: Callable[[engine.Elements], None],
    named: TableArray,
    elements: engine.Elements,
) -> None:
    """Hand on elements whose targets are called by their names."""
    names = np.array(named.class_names, dtype=object)
    assert elements.target is not None
    on_elements(replace(elements, target=names[elements.target]))
