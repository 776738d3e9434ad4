"""run(jobs): compute blocks in threads and merge their statistics in order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

from losscli.elements import Elements, joined
from losscli.errors import DataError
from losscli.evaluation.blocks import Block, Box, Job, boxes, read, require_same_counts
from losscli.evaluation.scoring import score
from losscli.statistics.total import Total
from losscli.threads import in_order

# The number of blocks per step of a thread, to reduce the overhead of scheduling.
BLOCKS_AT_ONCE = 4

# Blocks with fewer elements are joined before they are added to statistics, which is ten times
# faster.
_FEW_ELEMENTS = 1 << 15

Blocks = tuple[Block, ...]
Numbered = tuple[int, Box]
OnElements = Callable[[Elements], None]
OnProgress = Callable[[int], None]


class Collector(Protocol):
    """The statistics of one model, or of two models and their difference."""

    @property
    def total(self) -> Total: ...

    def add(self, *elements: Elements) -> None:
        """Add a block of each model."""

    def merge(self, later: Self) -> None: ...


Collecting = TypeVar("Collecting", bound=Collector)


class Span(NamedTuple):
    """The blocks from number `start` to `stop`, which is excluded. If `stop` is None, all later
    blocks are included.

    `reads_on`: whether to check after the run that all arrays have the same number of rows, which
    may read files to the end.
    """

    start: int = 0
    stop: int | None = None
    reads_on: bool = True


@dataclass(frozen=True)
class _Part(Generic[Collecting]):
    """The statistics of some blocks, and the elements of these blocks for `on_elements`."""

    collected: Collecting
    elements: Sequence[Elements]


class Interrupted(KeyboardInterrupt):
    """A run that was interrupted, with the sums so far."""

    def __init__(self, total: Total) -> None:
        super().__init__("interrupted")
        self.total = total


def run(
    jobs: Sequence[Job],
    new: Callable[[], Collecting],
    threads: int,
    on_elements: OnElements | None = None,
    *,
    on_progress: OnProgress | None = None,
    span: Span = Span(),  # noqa: B008 - it cannot be changed
) -> Collecting:
    """Compute the losses of all blocks and collect their statistics.

    Blocks do not depend on the number of threads, and their results are merged in order.

    Args:
        jobs: the models, which have the same elements
        new: creates the statistics of a part
        threads: the number of threads
        on_elements: called with each block of the first model, in order
        on_progress: called with the number of elements done
        span: the blocks to compute
    """
    collected = new()
    parts = _parts(jobs, partial(_compute, jobs, new, on_elements is not None), threads, span)
    while (part := _next(parts, collected)) is not None:
        collected.merge(part.collected)
        with _interrupted(collected):
            if on_progress is not None:
                on_progress(collected.total.elements)
            if on_elements is not None:
                for elements in part.elements:
                    on_elements(elements)
    for job in jobs if span.reads_on else ():
        require_same_counts(job)
    for job in jobs:
        job.require_same_files()
    return collected


def _next(parts: Iterator[_Part[Collecting]], so_far: Collecting) -> _Part[Collecting] | None:
    with _interrupted(so_far):
        return next(parts, None)


@contextmanager
def _interrupted(so_far: Collector) -> Iterator[None]:
    """Add the sums so far to an interrupt."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(so_far.total) from error


def _parts(
    jobs: Sequence[Job],
    compute: Callable[[Iterable[Blocks]], _Part[Collecting]],
    threads: int,
    span: Span,
) -> Iterator[_Part[Collecting]]:
    steps = (partial(compute, blocks) for blocks in _groups_of_blocks(jobs, span))
    if threads == 1 or _is_one_block(jobs[0]):
        return (step() for step in steps)
    return in_order(steps, threads)


def _is_one_block(job: Job) -> bool:
    sizes = [size for size in job.layout.grid if size is not None]
    return len(sizes) == len(job.layout.grid) and math.prod(sizes) <= job.budget


def _groups_of_blocks(jobs: Sequence[Job], span: Span) -> Iterator[Iterable[Blocks]]:
    """Yield groups of consecutive blocks. If all sources allow concurrent reads, the thread that
    computes a group reads its blocks. Otherwise blocks are read here, in order."""
    layout = jobs[0].layout
    budget = min(job.budget for job in jobs)
    numbered: Iterator[Numbered] = enumerate(boxes(layout.grid, budget, layout.uncut))
    if all(job.is_concurrent for job in jobs):
        in_span = itertools.islice(numbered, span.start, span.stop)
        while group := list(itertools.islice(in_span, BLOCKS_AT_ONCE)):
            yield _read(jobs, group)
        return
    if all(job.can_start for job in jobs):
        numbered = _started(jobs, itertools.islice(numbered, span.start, span.stop))
    for block in _read(jobs, itertools.islice(numbered, span.stop)):
        if block[0].number >= span.start:
            yield [block]


def _started(jobs: Sequence[Job], numbered: Iterator[Numbered]) -> Iterator[Numbered]:
    """The same boxes, after the sources have skipped the rows before the first of them."""
    first = next(numbered, None)
    if first is None:
        return
    number, box = first
    if number and box:
        for job in jobs:
            job.start_at(box[0].start)
    yield first
    yield from numbered


def _read(jobs: Sequence[Job], numbered: Iterable[Numbered]) -> Iterator[Blocks]:
    """The blocks of all models, up to the last row."""
    for number, box in numbered:
        blocks = [None if _is_past_end(job, box) else read(job, number, box) for job in jobs]
        present = tuple(block for block in blocks if block is not None)
        if not present:
            return
        if len(present) < len(blocks):
            more, fewer = ("A", "B") if blocks[0] is not None else ("B", "A")
            raise DataError(f"{more} has more elements than {fewer}; expected the same number")
        yield present


def _is_past_end(job: Job, box: Box) -> bool:
    """Whether a box starts after the last row. That happens if the number of rows is known for this
    model, but not for the other model."""
    rows = job.layout.grid[0] if job.layout.grid else None
    return rows is not None and box[0].start >= rows


def _compute(
    jobs: Sequence[Job],
    new: Callable[[], Collecting],
    with_elements: bool,
    blocks: Iterable[Blocks],
) -> _Part[Collecting]:
    collected = new()
    taken: list[Elements] = []
    waiting: list[Elements] = []  # small consecutive blocks
    for blocks_of_models in blocks:
        scored = [score(job, block) for job, block in zip(jobs, blocks_of_models, strict=True)]
        if with_elements:
            taken.append(scored[0])
        if not _is_joined(jobs, scored[0]):
            collected.add(*scored)
            continue
        if waiting and not waiting[-1].continues_with(scored[0]):
            collected.add(joined(waiting))
            waiting = []
        waiting.append(scored[0])
    if waiting:
        collected.add(joined(waiting))
    return _Part(collected, taken)


def _is_joined(jobs: Sequence[Job], elements: Elements) -> bool:
    is_small = elements.losses.values.size < _FEW_ELEMENTS
    return is_small and len(jobs) == 1 and not jobs[0].needs_scores
