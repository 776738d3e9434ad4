"""score(job, block): compute the losses of a block."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.elements import SAMPLE_WEIGHT, ClassScores, Elements, Floats, PerElement, Suspicion
from losscli.errors import ArrayError, DataError
from losscli.evaluation.blocks import Block, Job, Values
from losscli.evaluation.places import axes_along, pick_kept, place
from losscli.losses.checks import Doubt, first, odd_mask
from losscli.losses.indices import Unread

# The number of values of a block that a check inspects.
_CHECKED_VALUES = 1 << 16

Arrays = Mapping[str, Any]


def score(job: Job, block: Block) -> Elements:
    """The losses of a block, in the order of the elements. Masked elements are not computed.

    Raises DataError for data that the loss does not accept, and for a NaN loss with --on-nan error.
    """
    arrays = block.arrays
    if block.kept is not None:
        views = job.layout.views
        arrays = {
            name: array if isinstance(array, Unread) else pick_kept(array, views[name], block.kept)
            for name, array in arrays.items()
        }
    suspicions: list[Suspicion] = []
    try:
        with np.errstate(all="ignore"):  # statistics report infinity and NaN
            if job.check:
                suspicions += _check_masks(job, block._replace(kept=None))
            losses = job.loss.on_blocks(job.options)(**arrays)
            if job.check:
                suspicions += _check(job, block, arrays, losses)
    except ArrayError as error:
        # A position in a mask counts all elements of the block, not only the kept elements.
        picked = block if error.array in block.arrays else block._replace(kept=None)
        where = place(job, picked, error.array, error.position)
        raise DataError(f"{where} {error.problem}") from error
    elements = replace(_in_order(job, block, arrays, losses), suspicions=tuple(suspicions))
    if block.sample_weights is not None:
        weights = _sample_weights(job, block, block.sample_weights, elements.losses)
        elements = replace(elements, losses=replace(elements.losses, sample_weights=weights))
    return elements if job.on_nan == "warn" else _without_nan(job, elements)


def _in_order(job: Job, block: Block, arrays: Arrays, losses: PerElement) -> Elements:
    """The elements of a block with their start index, masked elements included, in the order of the
    layout."""
    layout = job.layout
    scores = tempered = None
    if job.needs_scores:
        first_array = next(iter(arrays.values()))
        assert not isinstance(first_array, Unread)
        scores = ClassScores(first_array, block.kept)
        temper = job.loss.tempered_blocks(job.options)
        tempered = None if temper is None else partial(temper, **arrays)
    if block.kept is not None:
        losses = losses.spread(block.kept)
    target = block.arrays.get("target")
    assert not isinstance(target, Unread)
    if layout.order:
        losses = losses.transposed(layout.element_order)
        target = None if target is None else target.transpose(layout.element_order)
    others = list(block.arrays)[1:]
    return Elements(
        tuple(part.start for part in block.box),
        losses,
        target,
        block.labels,
        scores,
        {name: _read(block.arrays[name]) for name in others},
        whole_rows=_has_whole_rows(job, block),
        tempered=tempered,
    )


def _read(array: Values | Unread) -> Values:
    assert not isinstance(array, Unread)  # only the first array can be unread
    return array


def _has_whole_rows(job: Job, block: Block) -> bool:
    """Whether the box contains complete rows."""
    sizes = job.layout.grid[1:]
    parts = block.box[1:]
    return all(
        part.start == 0 and part.stop == size for part, size in zip(parts, sizes, strict=True)
    )


def _without_nan(job: Job, elements: Elements) -> Elements:
    """The elements, with NaN losses ignored. Raises DataError with --on-nan error."""
    with np.errstate(all="ignore"):
        if math.isfinite(elements.losses.values.sum()):
            return elements
    nan = np.isnan(elements.losses.values)
    if not nan.any():
        return elements
    if job.on_nan == "error":
        index = [a + b for a, b in zip(elements.start, first(nan), strict=True)]
        raise DataError(f"the loss at {index} is NaN (--on-nan error)")
    return replace(elements, losses=elements.losses.ignoring(nan), nan=nan)


def _sample_weights(
    job: Job, block: Block, weights: NDArray[np.generic], losses: PerElement
) -> Floats:
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
        where = place(job, block._replace(kept=None), SAMPLE_WEIGHT, position)
        raise DataError(f"{where} is {weights[position]}; expected a finite number of at least 0")
    return result


def _check_masks(job: Job, block: Block) -> Iterator[Suspicion]:
    for name, mask in block.masks.items():
        for doubt in odd_mask(name, mask):
            yield _suspicion(job, block, doubt, sampled=False)


def _check(job: Job, block: Block, arrays: Arrays, losses: PerElement) -> Iterator[Suspicion]:
    """Yield the warnings of the checks for this block. Expensive checks see only its first rows."""
    checks = [check for check in job.loss.checks if check.looks_at(block.number)]
    if not checks:
        return
    rows = max(1, _CHECKED_VALUES // job.layout.width)
    head = {name: _head(job, name, array, rows) for name, array in arrays.items()}
    ignored = None if losses.ignored is None else losses.ignored[:rows]
    head_losses = PerElement(losses.values[:rows], ignored=ignored)
    for check in checks:
        checked = (arrays, losses) if check.everywhere else (head, head_losses)
        for doubt in check.look(checked[0], job.options, checked[1]):
            yield _suspicion(job, block, doubt, sampled=not check.everywhere)


def _suspicion(job: Job, block: Block, doubt: Doubt, *, sampled: bool) -> Suspicion:
    where = place(job, block, doubt.array, doubt.position)
    return Suspicion(doubt.kind, f"{where} {doubt.problem}", doubt.count, sampled, doubt.advice)


def _head(job: Job, name: str, array: Values | Unread, rows: int) -> Values:
    """The first rows of an array's block, or the whole array if it does not run along elements."""
    if isinstance(array, Unread):
        return array.rows(rows)
    return array[:rows] if axes_along(job.layout.views[name]) else array
