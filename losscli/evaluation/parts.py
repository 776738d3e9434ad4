"""Split a request into parts for other processes, and merge their statistics.

A part is a request and a span of its blocks. Its statistics can be pickled and saved. Merged in the
order of the parts, they give the same result as a single run, bit for bit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from losscli.errors import UsageError
from losscli.evaluation.blocks import count_boxes
from losscli.evaluation.evaluate import OnProgress, computed, result_of, with_remarks
from losscli.evaluation.model import OpenModel, open_model
from losscli.evaluation.outcome import Outcome, hashing_of
from losscli.evaluation.provenance import Provenance, provenance_of
from losscli.evaluation.run import OnElements, Span
from losscli.request.request import Request
from losscli.result import Result
from losscli.statistics.collected import Collected
from losscli.statistics.statistic import Setting

if TYPE_CHECKING:
    from concurrent.futures import Executor

# The number of blocks of a part for an executor: about a second of work for one core.
_BLOCKS_OF_PART = 256


@dataclass(frozen=True)
class Part:
    """A span of the blocks of a request, which can be sent to another process."""

    request: Request
    span: Span


@dataclass(frozen=True)
class Division:
    """A request that is split into parts.

    Args:
        provenance: the provenance of the whole
        setting: the setting of the statistics
        blocks: the number of blocks
        row_blocks: the number of blocks per row: 1 if a block contains one row or several
    """

    provenance: Provenance
    setting: Setting
    blocks: int
    row_blocks: int

    def spans(self, count: int) -> list[Span]:
        """Split the blocks into `count` spans of whole rows and about equal size. Spans are empty
        if there are fewer rows than spans."""
        units = self.blocks // self.row_blocks
        cuts = [units * k // count * self.row_blocks for k in range(count + 1)]
        return [Span(*ends, reads_on=False) for ends in itertools.pairwise(cuts)]


def divide(request: Request) -> Division:
    """Open the files of a request and count its blocks. If a format does not store the number of
    rows, all rows are read.

    Raises UsageError for a request that cannot be split, and DataError for files that cannot be
    read.
    """
    _require_parts(request)
    with ExitStack() as stack:
        model = open_model(request, stack, shows_rows=request.wanted.shows_elements)
        again = Collected(model.setting).rereading
        if again is not None:
            raise UsageError(
                f"{again} reads the data several times, but parts are read only once. Remove "
                f"{again}, or compute the loss in one run."
            )
        for _, rows in model.sources.same.values():
            rows.read_all()
        blocks, row_blocks = _count_blocks(model)
        digests = hashing_of(stack, model).result() if request.wanted.digest else {}
        return Division(provenance_of(model, digests), model.setting, blocks, row_blocks)


def parts_of(request: Request, division: Division, count: int) -> list[Part]:
    """Split a request into at most `count` parts with about the same number of blocks."""
    spans = division.spans(count)
    return [Part(request, span) for span in spans if span.start != span.stop]


def compute_part(
    part: Part, on_elements: OnElements | None = None, on_progress: OnProgress | None = None
) -> Collected:
    """Open the files again and compute the statistics of a part. `on_elements` is called with each
    block."""
    request = part.request
    shows_rows = on_elements is not None or request.wanted.shows_elements
    with ExitStack() as stack:
        model = open_model(request, stack, shows_rows=shows_rows)
        take = None if on_elements is None else model.naming(on_elements)
        return computed(model, take, on_progress, part.span)


def merge_parts(division: Division, collected: Iterable[Collected]) -> Outcome[Result]:
    """The result of a request from the statistics of its parts, in order."""
    whole = Collected(division.setting)
    for part in collected:
        whole.merge(part)
    provenance = division.provenance
    result = with_remarks(provenance, whole, result_of(provenance, whole))
    return Outcome(result, (provenance,), (whole.total,))


def evaluate_in(
    request: Request, executor: Executor, on_progress: OnProgress | None = None
) -> Outcome[Result]:
    """Compute the result of a request in the processes of an executor.

    Each part is computed with one thread unless the request sets `threads`. The first
    error cancels the parts that have not started.
    """
    if request.reduction == "none":
        raise UsageError("an executor does not support --reduction none. Use --reduction mean.")
    division = divide(request)
    parts = parts_of(_for_workers(request), division, -(-division.blocks // _BLOCKS_OF_PART) or 1)
    futures = [executor.submit(compute_part, part) for part in parts]
    try:
        results = (future.result() for future in futures)
        return merge_parts(division, _counted(results, division, len(parts), on_progress))
    finally:
        for future in futures:
            future.cancel()


def _for_workers(request: Request) -> Request:
    execution = request.execution
    return replace(request, execution=replace(execution, threads=execution.threads or 1))


def _counted(
    results: Iterable[Collected], division: Division, count: int, on_progress: OnProgress | None
) -> Iterable[Collected]:
    """The same statistics, with the progress reported for each."""
    elements = math.prod(division.provenance.shape)
    for number, collected in enumerate(results, 1):
        if on_progress is not None:
            on_progress(elements * number // count, elements)
        yield collected


def _count_blocks(model: OpenModel) -> tuple[int, int]:
    """The number of blocks of a model, and the number per row. Reads files whose number of rows is
    not known before."""
    grid = [model.count_rows() if size is None else size for size in model.layout.grid]
    return count_boxes(grid, model.job.budget, model.layout.uncut)


def _require_parts(request: Request) -> None:
    if request.from_standard_input():
        raise UsageError(
            "every part reads the files, but - (standard input) can be read only once. Use a file."
        )
