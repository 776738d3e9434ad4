"""evaluate_request(request): compute a loss over files or arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np

from losscli._version import __version__
from losscli.elements import Floats
from losscli.errors import ArrayError, DataError, UsageError
from losscli.evaluation import remarks
from losscli.evaluation.blocks import Job
from losscli.evaluation.model import OpenModel, open_model, refuse, with_file_name
from losscli.evaluation.outcome import Outcome, hashing_of
from losscli.evaluation.provenance import Provenance, provenance_of
from losscli.evaluation.run import Interrupted, OnElements, Span, run
from losscli.request.request import Request
from losscli.request.wanted import Wanted
from losscli.result import Fact, Result
from losscli.statistics.collected import Collected, null_facts
from losscli.statistics.guessing import Guessing
from losscli.statistics.ledger import Interval

# Called with the number of elements done, and the total if it is known.
OnProgress = Callable[[int, int | None], None]


def evaluate_request(
    request: Request,
    on_elements: OnElements | None = None,
    on_progress: OnProgress | None = None,
) -> Result:
    """Compute the result of a request. `on_elements` is called with each block, in C order.

    Raises DataError for files that cannot be read, and data that the loss does not accept.
    """
    return outcome_of(request, on_elements, on_progress).result


def outcome_of(
    request: Request,
    on_elements: OnElements | None = None,
    on_progress: OnProgress | None = None,
    *,
    hashes: bool = False,
) -> Outcome[Result]:
    """The result of a request, and what a record needs. With `hashes`, the digests of its files are
    computed at the same time."""
    shows_rows = on_elements is not None or request.wanted.shows_elements
    with ExitStack() as stack:
        model = open_model(request, stack, shows_rows=shows_rows)
        hashing = hashing_of(stack, model) if hashes or request.wanted.digest else None
        values: list[Floats] = []
        take = _taking(model, on_elements, values)
        collected = computed(model, take, on_progress)
        model.require_same_rows()
        digests = {} if hashing is None else hashing.result()
        provenance = provenance_of(model, digests)
        result = result_of(provenance, collected, values if on_elements is None else None)
        result = with_remarks(provenance, collected, result, on_progress)
        return Outcome(result, (provenance,), (collected.total,), digests)


def computed(
    model: OpenModel,
    on_elements: OnElements | None = None,
    on_progress: OnProgress | None = None,
    span: Span = Span(),  # noqa: B008 - it cannot be changed
) -> Collected:
    """The statistics of all elements, or of a span of blocks. Raises UsageError if a statistic
    needs a second pass over standard input."""
    new = partial(Collected, model.setting)
    again = new().rereading
    if again is not None and model.request.from_standard_input():
        raise UsageError(
            f"{again} reads the data several times, but - (standard input) can be read only once. "
            "Use a file."
        )
    progress = progress_of(model, on_progress)
    compute = partial(run, threads=model.request.execution.workers, on_progress=progress, span=span)
    try:
        collected = compute([model.job], new=new, on_elements=on_elements)
        while (following := collected.next_pass()) is not None:
            with _read_again(model) as job:
                collected.take_pass(compute([job], new=partial(deepcopy, following)))
            model.job.require_same_files()
    except ArrayError as error:
        raise with_file_name(model, error) from error
    except Interrupted as error:
        raise KeyboardInterrupt(remarks.so_far(error.total)) from error
    collected.name_labels(model.label_names)
    return collected


@contextmanager
def _read_again(model: OpenModel) -> Iterator[Job]:
    """The job of a model for another pass, without checks. Arrays that are read in order are opened
    again."""
    with ExitStack() as stack:
        again = model if model.job.is_concurrent else open_model(model.request, stack)
        yield replace(again.job, check=False)


def result_of(
    provenance: Provenance, collected: Collected, values: Sequence[Floats] | None = None
) -> Result:
    """The result of a run, without warnings."""
    request, shape = provenance.request, provenance.shape
    collected.finish()
    total = collected.total
    facts, tables = collected.report(request.wanted.by, provenance.classes, len(shape))
    result = Result(
        loss=request.loss.name,
        reduction=request.reduction,
        facts=(
            Fact("value", total.value()),
            *facts,
            Fact("shape", shape),
            Fact("count", total.count),
            Fact("ignored", total.ledger.ignored),
            Fact("skipped", remarks.skipped(collected, request)),
            Fact("samples", total.samples),
            Fact("weight_sum", total.weight_sum),
        ),
        tables=tables,
        options=request.options,
        changed=request.changed,
        inputs=provenance.inputs,
        version=__version__,
        notes=provenance.notes,
        columns=provenance.columns,
        values=_joined(values, shape) if request.reduction == "none" else None,
        pairing=provenance.pairing,
        classes=provenance.classes,
        selected=provenance.selected,
        absent=tuple(null_facts()),
    )
    return replace(result, signature=remarks.signature(result, request.loss))


def with_remarks(
    provenance: Provenance,
    collected: Collected,
    result: Result,
    on_progress: OnProgress | None = None,
) -> Result:
    """The result with warnings about suspicious data and notes that explain the number.

    Raises DataError for the first warning if the request is strict.
    """
    warnings = tuple(_suspicious(provenance, collected, result, on_progress))
    if provenance.request.execution.strict:
        refuse(warnings)
    explained = remarks.explanations(result, collected.total, provenance.request.loss)
    return replace(result, warnings=warnings, notes=(*result.notes, *explained))


def _taking(
    model: OpenModel, on_elements: OnElements | None, values: list[Floats]
) -> OnElements | None:
    """The function to call with each block: `on_elements` if it is given, else a function that
    appends the losses to `values` if the reduction is none, else None."""
    if on_elements is not None:
        return model.naming(on_elements)
    if model.request.reduction == "none":
        return lambda elements: values.append(elements.losses.values.ravel())
    return None


def _joined(blocks: Sequence[Floats] | None, shape: tuple[int, ...]) -> Floats | None:
    return None if blocks is None else np.concatenate([np.empty(0), *blocks]).reshape(shape)


def progress_of(model: OpenModel, on_progress: OnProgress | None) -> Callable[[int], None] | None:
    """`on_progress` with the total number of elements filled in."""
    return None if on_progress is None else lambda done: on_progress(done, model.elements)


def _suspicious(
    provenance: Provenance, collected: Collected, result: Result, on_progress: OnProgress | None
) -> Iterator[str]:
    """Warnings about the files, the data and the number."""
    yield from provenance.warnings
    yield from remarks.of_data(collected)
    yield from remarks.idle_conditions(provenance.request, result.selected)
    yield from remarks.of_number(result, collected)
    yield from _worse_than_guessing(provenance.request, collected, on_progress)


def _worse_than_guessing(
    request: Request, collected: Collected, on_progress: OnProgress | None
) -> Iterator[str]:
    """A warning if the whole confidence interval is above the loss of guessing.

    There is no warning if all labels are the same class, since the loss of guessing is then 0.
    """
    guessing, value = collected.get(Guessing), collected.total.value()
    if guessing is None or value is None or not request.execution.check:
        return
    prior = guessing.prior()
    least = guessing.prior_left_out(collected.total.count)
    if not (prior > 0.0 and value > least):
        return
    ci = collected.total.interval()
    if ci is None and not request.wanted.interval:
        ci = _interval_of_second_run(request, on_progress)
    if ci is not None and ci[0] > least:
        yield remarks.worse_than_guessing(value, prior)


def _interval_of_second_run(request: Request, on_progress: OnProgress | None) -> Interval | None:
    """The interval from a second run, for a loss that was computed without an interval. None if the
    input cannot be read again."""
    if request.from_standard_input():
        return None
    again = replace(
        request,
        wanted=Wanted(cluster=request.wanted.cluster),
        execution=replace(request.execution, check=False, strict=False),
    )
    try:
        ci: Interval | None = evaluate_request(again, on_progress=on_progress).ci
    except DataError:  # the files have changed; the result of the first run is still valid
        return None
    return ci
