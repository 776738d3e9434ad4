"""run(jobs): blocks computed in threads, and what each part gives, merged in their order."""

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

# Blocks that one thread takes at a time, so that handing them out costs little.
BLOCKS_AT_ONCE = 4

# Blocks of fewer elements are joined before they are counted, which costs a tenth of counting each.
_FEW_ELEMENTS = 1 << 15

Blocks = tuple[Block, ...]
Numbered = tuple[int, Box]
OnElements = Callable[[Elements], None]
OnProgress = Callable[[int], None]


class Collector(Protocol):
    """The statistics of elements: of one model, or of two and their difference."""

    @property
    def total(self) -> Total: ...

    def add(self, *elements: Elements) -> None:
        """Take a block of each model."""

    def merge(self, later: Self) -> None: ...


Collecting = TypeVar("Collecting", bound=Collector)


class Span(NamedTuple):
    """Blocks from one number to another, the last one excluded; None is the end.

    `reads_on`: whether what follows is read where only that tells how many rows there are.
    """

    start: int = 0
    stop: int | None = None
    reads_on: bool = True


@dataclass(frozen=True)
class _Part(Generic[Collecting]):
    """What some blocks give: their statistics, and their elements if somebody takes them."""

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
    """Compute the losses of all blocks, and collect what is reported about them.

    Blocks are the same for any number of threads, and what they give is taken in their order.

    Args:
        jobs: the models, whose elements are the same
        new: makes the statistics of a part
        threads: how many compute side by side
        on_elements: called with each block of the first model, in order
        on_progress: called with the number of elements that are done
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
    return collected


def _next(parts: Iterator[_Part[Collecting]], so_far: Collecting) -> _Part[Collecting] | None:
    with _interrupted(so_far):
        return next(parts, None)


@contextmanager
def _interrupted(so_far: Collector) -> Iterator[None]:
    """An interrupt tells what was done so far."""
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
    """Some consecutive blocks at a time: to be read by whoever takes them where sources allow it,
    else read already, in order."""
    layout = jobs[0].layout
    budget = min(job.budget for job in jobs)
    numbered = enumerate(boxes(layout.grid, budget, layout.uncut))
    if all(job.is_concurrent for job in jobs):
        numbered_here = itertools.islice(numbered, span.start, span.stop)
        while group := list(itertools.islice(numbered_here, BLOCKS_AT_ONCE)):
            yield _read(jobs, group)
        return
    blocks = _read(jobs, itertools.islice(numbered, span.stop))
    for number, block in enumerate(blocks):
        if number >= span.start:
            yield [block]


def _read(jobs: Sequence[Job], numbered: Iterable[Numbered]) -> Iterator[Blocks]:
    """The blocks of all models, until they end."""
    for number, box in numbered:
        blocks = [None if _is_past_end(job, box) else read(job, number, box) for job in jobs]
        present = tuple(block for block in blocks if block is not None)
        if not present:
            return
        if len(present) < len(blocks):
            more, fewer = ("A", "B") if blocks[0] is not None else ("B", "A")
            raise DataError(f"{more} has more elements than {fewer}; expected the same targets")
        yield present


def _is_past_end(job: Job, box: Box) -> bool:
    """Whether a box begins after the last row, where the number of rows is known; boxes have no end
    where the other model's is not."""
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
    waiting: list[Elements] = []  # small blocks whose rows lie end to end
    for several in blocks:
        scored = [score(job, block) for job, block in zip(jobs, several, strict=True)]
        if with_elements:
            taken.append(scored[0])
        if not _is_joined(jobs, scored[0]):
            collected.add(*scored)
            continue
        if waiting and not waiting[-1].goes_on(scored[0]):
            collected.add(joined(waiting))
            waiting = []
        waiting.append(scored[0])
    if waiting:
        collected.add(joined(waiting))
    return _Part(collected, taken)


def _is_joined(jobs: Sequence[Job], elements: Elements) -> bool:
    is_small = elements.losses.values.size < _FEW_ELEMENTS
    return is_small and len(jobs) == 1 and not jobs[0].needs_scores
