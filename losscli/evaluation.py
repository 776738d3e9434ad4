"""evaluate(loss, *inputs): binds what is given, opens it, lays it out, runs the engine."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli import engine, remarks
from losscli._version import __version__
from losscli.elements import Elements, Floats
from losscli.errors import ArrayError, DataError, UsageError
from losscli.losses.layout import Layout, Shape
from losscli.losses.registry import find
from losscli.opening.inputs import inputs_of
from losscli.opening.names import class_names
from losscli.opening.plan import Plan, lay_out
from losscli.opening.sources import Model, Sources, open_sources
from losscli.request import (
    SAMPLE,
    Request,
    Wanted,
    bind,
    key_array,
    label_array,
    reads_standard_input,
)
from losscli.result import Result, Selected
from losscli.results import with_statistics
from losscli.statistics import top
from losscli.statistics.collected import Collected
from losscli.statistics.frequencies import Frequencies
from losscli.statistics.moments import Interval

# What a loss that is NaN does.
ON_NAN = ("warn", "error", "skip")

OnElements = Callable[[Elements], None]
OnProgress = Callable[[int, int | None], None]


def evaluate(
    loss: str,
    *inputs: Any,
    reduction: str = "mean",
    broadcast: bool = False,
    check: bool = True,
    strict: bool = False,
    on_nan: str = "warn",
    threads: int | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - it is frozen
    on_elements: OnElements | None = None,
    on_progress: OnProgress | None = None,
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
        on_nan: what a loss that is NaN does: it counts and is told of ("warn"), is an "error", or
            is left out ("skip")
        threads: how many compute side by side; unless given, as many as there are cores; the
            result has the same bits for any
        wanted: what else to tell: groups, the worst elements, quantiles
        on_elements: called with every block of losses in C order; with the reduction "none"
            the result then holds no values
        on_progress: called with the number of elements done, and of all if that is known
        parameters: further arrays and the options of the loss by name, and the arrays that every
            loss takes, `mask` and `sample_weight`; for each array NAME that comes from a table,
            NAME_column: names or globs of columns; `id`, a column by which
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
    request = bind(find(loss), inputs, reduction, parameters, wanted)
    return evaluate_request(
        request,
        running(broadcast, check, strict, on_nan, threads),
        on_elements=on_elements,
        on_progress=on_progress,
    )


@dataclass(frozen=True)
class Running:
    """How a request is carried out; the parameters of `evaluate` of the same names."""

    broadcast: bool = False
    check: bool = True
    strict: bool = False
    on_nan: str = "warn"
    threads: int = 1


def running(
    broadcast: bool, check: bool, strict: bool, on_nan: str, threads: int | None
) -> Running:
    """Raises UsageError for what cannot be meant."""
    if on_nan not in ON_NAN:
        raise UsageError(f"on_nan is {on_nan!r}; expected one of {', '.join(ON_NAN)}")
    return Running(broadcast, check, strict, on_nan, _threads(threads))


def evaluate_request(
    request: Request,
    how: Running,
    *,
    on_elements: OnElements | None = None,
    on_progress: OnProgress | None = None,
    beside: Callable[[Layout, Sources], OnElements] | None = None,
    model: Model = Model(),  # noqa: B008 - it is frozen
) -> Result:
    """Carry out a request. `beside` gives what takes elements as they are computed, before their
    targets and labels are called by their names; `model` is what one of two has to follow."""
    request = replace(request, reading=replace(request.reading, threads=how.threads))
    reduction, wanted = request.reduction, request.wanted
    shows_rows = on_elements is not None or wanted.top > 0
    with ExitStack() as stack:
        sources = open_sources(request, stack, model, shows_rows)
        plan = lay_out(sources, how.broadcast)
        layout, held, request = plan.layout, plan.arrays, sources.request
        if layout.enlarged and not how.broadcast:
            problem = f"{layout.warnings[0]}, more than either has; --broadcast allows it"
            raise engine.named(sources.arrays["target"], problem)
        names = _class_names(request, sources)
        _require_a_name_each(request, sources, names, layout)
        if how.strict:
            _refuse((*sources.warnings, *layout.warnings))
        frequencies = _frequencies(request, layout, how)
        work = _work(sources, plan, how, frequencies)
        collected = gather(request, layout, bool(sources.masks))
        values: list[Floats] | None = None
        takers: list[OnElements] = [collected.add] if collected.is_needed else []
        if beside is not None:
            takers.append(beside(layout, sources))
        if on_elements is not None:
            takers.append(partial(_with_names, on_elements, sources))
        elif reduction == "none":
            values = []
            takers.append(partial(_collect, values))
        on_blocks = partial(hand_on, takers) if takers else None
        progress = None if on_progress is None else partial(_progress, on_progress, layout.shape)
        outcome = _run(sources, work, on_blocks, progress)
        selected = _selected(sources)
        inputs_read = inputs_of(sources, wanted.digest)
        shape = _final_shape(layout, held)
    collected.finish()
    totals = outcome.totals
    if sources.ragged is not None:
        totals = replace(totals, samples=sources.ragged.samples())
    moments = collected.total()
    if moments is not None and (totals.ignored or wanted.cluster is not None):
        totals = replace(totals, samples=moments.samples)
    outcome = replace(outcome, totals=totals)
    result = Result(
        loss=request.loss.name,
        reduction=reduction,
        value=None if reduction == "none" else totals.reduce(reduction),
        count=totals.count,
        ignored=totals.ignored,
        skipped=outcome.nan.count if outcome.nan and how.on_nan == "skip" else 0,
        samples=totals.samples,
        weight_sum=float(totals.weights),
        shape=shape,
        options=request.options,
        changed=request.changed,
        inputs=inputs_read,
        version=__version__,
        values=None if values is None else _joined(values, shape),
        pairing=sources.pairing,
        classes=names,
        notes=(*sources.notes, *plan.notes),
        selected=selected,
    )
    result = with_statistics(result, request, layout, sources, collected, frequencies=frequencies)
    suspicious = (
        *sources.warnings,
        *layout.warnings,
        *outcome.doubts,
        *_idle_conditions(sources, selected),
        *remarks.suspicions(result, outcome, how.check),
        *_worse_than_guessing(result, frequencies, request, how, on_progress),
    )
    if how.strict:
        _refuse(suspicious)
    explained = remarks.explanations(result, totals, request.loss)
    return replace(result, suspicious=suspicious, warnings=(*suspicious, *explained))


def _run(
    sources: Sources,
    work: engine.Work,
    on_blocks: OnElements | None,
    on_progress: Callable[[int], None] | None,
) -> engine.Outcome:
    """What the engine gives, with errors that name the file, and the rows found to be the same."""
    try:
        outcome = engine.run(work, on_blocks, on_progress)
    except ArrayError as error:
        raise engine.named(sources.arrays[error.array], str(error)) from error
    except engine.Interrupted as error:
        reduction = sources.request.reduction
        raise KeyboardInterrupt(remarks.so_far(error.totals, reduction)) from error
    for _, rows in sources.same.values():
        rows.finish()
    return outcome


def _work(sources: Sources, plan: Plan, how: Running, tally: engine.Tally | None) -> engine.Work:
    request, layout = sources.request, plan.layout
    wanted = request.wanted
    predict = None
    if layout.classes is not None and (wanted.accuracy or wanted.top):
        predict = top.predict if wanted.accuracy else partial(top.predict_worst, wanted.top)
    elif wanted.accuracy:
        raise DataError(f"{request.loss.name}: --accuracy needs targets that are class indices")
    return engine.Work(
        request.loss,
        sources.options,
        plan.arrays,
        layout,
        how.check,
        how.on_nan,
        plan.masks,
        plan.labels,
        predict,
        how.threads,
        tally,
    )


def _idle_conditions(sources: Sources, selected: Selected | None) -> Iterator[str]:
    """A warning for conditions that are to leave rows out and do not, as a misspelt label does."""
    if selected is not None and not selected.dropped:
        for condition in sources.request.where:
            if condition.negated:
                yield f"--where {condition} leaves out no row"


def _selected(sources: Sources) -> Selected | None:
    """The rows that conditions kept. Raises DataError where they keep none."""
    if sources.selecting is None:
        return None
    kept, dropped = sources.selecting.selected()
    conditions = tuple(map(str, sources.request.where))
    if not kept and dropped:
        raise DataError(
            f"{sources.selecting.name}: --where {' --where '.join(conditions)} keeps none of "
            f"{dropped} rows"
        )
    return Selected(conditions, kept, dropped)


def gather(request: Request, layout: Layout, masked: bool = False) -> Collected:
    """What gathers all that was asked for. With a mask a batchmean needs the number of samples of
    which something counts."""
    wanted = request.wanted
    if request.reduction == "none":
        wanted = replace(wanted, interval=False)
    elif masked and "batchmean" in request.loss.reductions:
        wanted = replace(wanted, interval=True)
    return Collected(wanted, request.reduction == "mean", request.options.get("class_base", 0))


def _frequencies(request: Request, layout: Layout, how: Running) -> Frequencies | None:
    """What counts the labels, where guessing them has a cost that is shown or compared."""
    is_log_loss = request.loss.is_log_loss(request.options) and request.reduction == "mean"
    if not (is_log_loss and layout.classes and (how.check or request.wanted.interval)):
        return None
    return Frequencies(layout.classes, request.options.get("class_base", 0))


def _worse_than_guessing(
    result: Result,
    frequencies: Frequencies | None,
    request: Request,
    how: Running,
    on_progress: OnProgress | None,
) -> Iterator[str]:
    """A warning where the whole interval of the loss is above what guessing costs.

    Labels of one class alone cost nothing to guess, and say nothing about a model.
    """
    value = result.value
    if frequencies is None or value is None or not how.check:
        return
    prior = frequencies.prior()
    least = frequencies.prior_left_out(result.count)
    if not (prior > 0.0 and value > least):
        return
    ci = (
        result.ci if request.wanted.interval else _interval_of_second_run(request, how, on_progress)
    )
    if ci is not None and ci[0] > least:
        yield remarks.worse_than_guessing(value, prior)


def _interval_of_second_run(
    request: Request, how: Running, on_progress: OnProgress | None
) -> Interval | None:
    """The interval of a loss that was computed without one; None where the input cannot be read a
    second time."""
    if reads_standard_input(request):
        return None
    again = replace(request, wanted=Wanted(cluster=request.wanted.cluster))
    unchecked = replace(how, check=False, strict=False)
    try:
        return evaluate_request(again, unchecked, on_progress=on_progress).ci
    except DataError:  # the files have changed since; the result of the first run stands
        return None


def hand_on(takers: Sequence[OnElements], elements: Elements) -> None:
    """Give elements to each of several takers."""
    for take in takers:
        take(elements)


def _progress(on_progress: OnProgress, shape: Shape, done: int) -> None:
    sizes = [size for size in shape if size is not None]
    on_progress(done, math.prod(sizes) if len(sizes) == len(shape) else None)


def _class_names(request: Request, sources: Sources) -> tuple[str, ...] | None:
    if sources.named is not None:
        return tuple(sources.named.class_names)
    return None if request.classes is None else tuple(class_names(request.classes))


def _require_a_name_each(
    request: Request, sources: Sources, names: Sequence[str] | None, layout: Layout
) -> None:
    """Raise DataError unless `--classes` names as many classes as there are."""
    if request.classes is None or names is None or layout.classes is None:
        return
    if len(names) != layout.classes:
        problem = f"--classes has {len(names)} names; the input has {layout.classes} classes"
        raise engine.named(sources.arrays["input"], problem)


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


def _final_shape(layout: Layout, sources: Mapping[str, engine.Source]) -> tuple[int, ...]:
    """The shape of the elements, now that the number of rows is known."""
    return tuple(_rows(layout, sources) if size is None else size for size in layout.shape)


def _rows(layout: Layout, sources: Mapping[str, engine.Source]) -> int:
    along = (name for name in sources if layout.views[name].sample_axis is not None)
    return sources[next(along)].count()


def _joined(blocks: list[Floats], shape: tuple[int, ...]) -> Floats:
    return np.concatenate([np.empty(0), *blocks]).reshape(shape)


def _collect(values: list[Floats], elements: Elements) -> None:
    values.append(elements.losses.values.ravel())


def _with_names(on_elements: OnElements, sources: Sources, elements: Elements) -> None:
    """Hand on elements whose targets and labels are called by their names."""
    labels = {
        key: _decoded(getattr(sources.arrays[key], "label_names", None), codes)
        for key, codes in elements.labels.items()
        if key != SAMPLE
    }
    target = elements.target
    if sources.named is not None and target is not None:
        target = _decoded(sources.named.class_names, target)
    on_elements(
        replace(
            elements,
            target=target,
            labels=_without_prefix(labels, label_array("")),
            keys=_without_prefix(labels, key_array("")),
        )
    )


def _without_prefix(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin so, by what follows."""
    return {
        name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)
    }


def _decoded(names: Sequence[Any] | None, codes: NDArray[Any]) -> NDArray[Any]:
    """What each code stands for; a code without a name stands for itself, as an ignored target."""
    if names is None:
        return codes
    known = np.array([*names, None], dtype=object)
    within = (codes >= 0) & (codes < len(names))
    found = known[np.where(within, codes, len(names))]
    return found if within.all() else np.where(within, found, codes.astype(object))
