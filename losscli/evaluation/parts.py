"""Split a request into parts for other processes, and merge their statistics.

A part is a request and a span of its blocks. Its statistics can be pickled. Merged in the order of
the parts, they give the same result as a single run, bit for bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from losscli.errors import UsageError
from losscli.evaluation.blocks import boxes
from losscli.evaluation.evaluate import computed, result_of, with_remarks
from losscli.evaluation.model import OpenModel, open_model
from losscli.evaluation.run import Span
from losscli.request.request import Request
from losscli.result import Result
from losscli.statistics.collected import Collected


class Part(NamedTuple):
    """A span of the blocks of a request, which can be sent to another process."""

    request: Request
    span: Span


def parts_of(request: Request, count: int) -> list[Part]:
    """Split a request into at most `count` parts with about the same number of blocks.

    Raises UsageError for a request that cannot be split, and DataError for files that cannot be
    read.
    """
    _require_parts(request)
    with ExitStack() as stack:
        model = open_model(request, stack)
        if Collected(model.setting).passes > 1:
            raise UsageError("parts allow only one pass. Remove statistics that need several.")
        blocks = number_of_blocks(model)
    cuts = [blocks * k // count for k in range(count + 1)]
    pairs = itertools.pairwise(cuts)
    return [Part(request, Span(start, stop)) for start, stop in pairs if start < stop]


def number_of_blocks(model: OpenModel) -> int:
    """The number of blocks of a model. Files whose number of rows is unknown are read to the
    end."""
    shape = model.shape or (1,)
    return sum(1 for _ in boxes(shape, model.job.budget, model.layout.uncut))


def compute_part(part: Part) -> Collected:
    """Open the files again and compute the statistics of a part."""
    with ExitStack() as stack:
        model = open_model(part.request, stack, shows_rows=part.request.wanted.shows_elements)
        return computed(model, span=part.span)


def merge_parts(request: Request, collected: Iterable[Collected]) -> Result:
    """The result of a request from the statistics of its parts, in order. Opens the files again.
    Raises ValueError if there are no parts."""
    with ExitStack() as stack:
        model = open_model(request, stack, shows_rows=request.wanted.shows_elements)
        whole = merged(collected)
        for source in model.plan.arrays.values():
            if source.shape and source.shape[0] is None:
                source.count()  # read to the end of the file
        return with_remarks(model, whole, result_of(model, whole))


def merged(collected: Iterable[Collected]) -> Collected:
    """Merge the statistics of parts, in order. Raises ValueError if there are none."""
    parts: Sequence[Collected] = list(collected)
    if not parts:
        raise ValueError("there are no parts")
    whole = Collected(parts[0].setting)
    for part in parts:
        whole.merge(part)
    return whole


def _require_parts(request: Request) -> None:
    if request.from_standard_input():
        raise UsageError(
            "every part reads the files, but - (standard input) can be read only once. Use a file."
        )
    if request.reduction == "none":
        raise UsageError("parts do not support --reduction none. Use --reduction mean.")
