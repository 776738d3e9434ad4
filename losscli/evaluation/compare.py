"""compare_requests(a, b): compare two models on the same targets, element by element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np

from losscli.elements import SAMPLE_WEIGHT, Array, Elements, Floats, Mask, spread
from losscli.errors import ArrayError, DataError
from losscli.evaluation import remarks
from losscli.evaluation.evaluate import OnProgress, progress_of, result_of, with_remarks
from losscli.evaluation.model import OpenModel, open_model, with_file_name
from losscli.evaluation.outcome import Outcome, hashing_of
from losscli.evaluation.provenance import provenance_of
from losscli.evaluation.run import Interrupted, run
from losscli.losses.checks import first
from losscli.losses.layout import show
from losscli.opening.files import require_one_selection
from losscli.opening.rows import common_keys, require_same_rows
from losscli.opening.sources import Model
from losscli.request.arguments import require_one_reader
from losscli.request.request import FilesOrNumbers, Request
from losscli.request.wanted import Wanted
from losscli.result import Comparison, Fact, Result, Table
from losscli.statistics.collected import Collected
from losscli.statistics.groups import Groups, of_models
from losscli.statistics.statistic import LabelNames, Setting, Whole
from losscli.statistics.total import Total

# The arrays that must be equal for both models, even if each model reads them from its own file.
_COMMON = ("target", "targets", "target_lengths", "weight", "pos_weight", SAMPLE_WEIGHT)


def compare_requests(
    request_a: Request, request_b: Request, on_progress: OnProgress | None = None
) -> Comparison:
    """Compute the losses of two models over the elements that neither model ignores.

    Raises DataError for files that cannot be read, data that the loss does not accept, and targets
    that differ.
    """
    return outcome_of_comparison(request_a, request_b, on_progress).result


def outcome_of_comparison(
    request_a: Request,
    request_b: Request,
    on_progress: OnProgress | None = None,
    *,
    hashes: bool = False,
) -> Outcome[Comparison]:
    """The comparison of two models, and what a record needs. With `hashes`, the digests of the
    files are computed at the same time."""
    require_one_reader((request_a, request_b))
    require_one_selection((request_a, request_b))
    alone = Wanted(cluster=request_a.wanted.cluster, digest=request_a.wanted.digest)
    with ExitStack() as stack:
        by_key = Model(keys=common_keys((request_a, request_b)))
        shows_rows = request_b.wanted.shows_elements
        a = open_model(replace(request_a, wanted=alone), stack, by_key)
        b = open_model(request_b, stack, by_key._replace(input=a.sources.input), shows_rows)
        columns = {column for array in a.sources.arrays.values() for column in array.columns or ()}
        require_same_rows((request_a, request_b), columns)
        _require_same_shape(a.layout.shape, b.layout.shape)
        hashing = hashing_of(stack, a, b) if hashes or request_a.wanted.digest else None
        collected = _computed(a, b, _common(request_a, request_b), on_progress)
        a.require_same_rows()
        b.require_same_rows()
        collected.a.name_labels(a.label_names)
        collected.b.name_labels(b.label_names)
        collected.name_labels(b.label_names)
        _require_same_shape(a.shape, b.shape)
        digests = {} if hashing is None else hashing.result()
        provenances = provenance_of(a, digests), provenance_of(b, digests)
        results = [
            with_remarks(provenance, statistics, result_of(provenance, statistics))
            for provenance, statistics in zip(provenances, (collected.a, collected.b), strict=True)
        ]
        totals = collected.a.total, collected.b.total
        return Outcome(_comparison(b, results, collected), provenances, totals, digests)


class Compared:
    """The statistics of two models and of the differences of their losses."""

    def __init__(self, a: OpenModel, b: OpenModel, common: Sequence[str]) -> None:
        self._names = (_class_names(a), _class_names(b))
        self._common = common
        groups = (Groups.of(replace(b.setting, interval=False)) for _ in (a, b))
        self._groups = [created for created in groups if created is not None]
        self.a = Collected(_of_model(a.setting))
        self.b = Collected(_of_model(b.setting))
        self.difference = Collected(
            replace(b.setting, is_difference=True, interval=True, check=False)
        )

    @property
    def total(self) -> Total:
        return self.b.total

    def add(self, *elements: Elements) -> None:
        """Add a block of A and of B. Raises DataError if targets or weights differ."""
        a, b = elements
        _require_same_shape(a.shape, b.shape)
        counted = a.losses.counted & b.losses.counted
        for name in self._common:
            _require_same(name, self._array(a, name, 0), self._array(b, name, 1), counted, a.start)
        if not counted.all():
            a = replace(a, losses=a.losses.ignoring(~counted))
            b = replace(b, losses=b.losses.ignoring(~counted))
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, which is reported
            difference = b.losses.values - a.losses.values
        losses = replace(b.losses, values=difference)
        if b.losses.ignored is not None:
            losses = losses.ignoring(b.losses.ignored)
        self.a.add(a)
        self.b.add(b)
        self.difference.add(replace(b, losses=losses, suspicions=(), nan=None))
        for groups, model in zip(self._groups, (a, b), strict=False):  # empty without --by
            groups.add(replace(b, losses=model.losses))

    def merge(self, later: Compared) -> None:
        self.a.merge(later.a)
        self.b.merge(later.b)
        self.difference.merge(later.difference)
        for mine, theirs in zip(self._groups, later._groups, strict=True):
            mine.merge(theirs)

    def name_labels(self, names: LabelNames) -> None:
        """Give labels their names in the files."""
        self.difference.name_labels(names)
        for groups in self._groups:
            groups.name_labels(names)

    def tables(self, b: OpenModel) -> list[Table]:
        """The tables of the differences, with the loss of each model in the groups."""
        by, names, rank = b.request.wanted.by, b.class_names, len(b.shape)
        _, tables = self.difference.report(by, names, rank)
        if not self._groups:
            return list(tables)
        whole = Whole(self.difference.setting, self.b.total, tuple(by), names, rank)
        models = [groups.groups(whole) for groups in self._groups]
        return [of_models(table, *models) if table.name == "groups" else table for table in tables]

    def _array(self, elements: Elements, name: str, model: int) -> Floats | None:
        """An array of a block as numbers. Classes of B are converted to the class indices of A."""
        weights = elements.losses.sample_weights
        array: Array | None = elements.arrays.get(name)
        if name == SAMPLE_WEIGHT and weights is not None:
            array = np.broadcast_to(weights, elements.shape)
        if array is None:
            return None
        values: Floats = array.astype(np.float64)
        names_a, names_b = self._names
        if (
            name != "target"
            or model == 0
            or names_a is None
            or names_b is None
            or names_a == names_b
        ):
            return values
        indices = {class_name: float(k) for k, class_name in enumerate(names_a)}
        known = np.array([indices.get(class_name, math.nan) for class_name in names_b])
        within = (values >= 0) & (values < len(known))
        return np.where(within, known[np.where(within, values, 0).astype(np.intp)], values)


def _of_model(setting: Setting) -> Setting:
    """The setting of one model, without the statistics that are reported only for differences."""
    return replace(setting, asked={}, by=(), interval=True)


def _class_names(model: OpenModel) -> list[str] | None:
    named = model.sources.named
    return None if named is None else list(named.class_names)


def _computed(
    a: OpenModel, b: OpenModel, common: Sequence[str], on_progress: OnProgress | None
) -> Compared:
    try:
        return run(
            [a.job, b.job],
            partial(Compared, a, b, common),
            b.request.execution.workers,
            on_progress=progress_of(b, on_progress),
        )
    except ArrayError as error:
        raise with_file_name(b, error) from error
    except Interrupted as error:
        raise KeyboardInterrupt(remarks.so_far(error.total)) from error


def _comparison(b: OpenModel, results: Sequence[Result], collected: Compared) -> Comparison:
    collected.difference.finish()
    total = collected.difference.total
    tables = collected.tables(b)
    difference, ci = total.value(), total.interval()
    assert difference is not None
    below, above = total.ledger.signs
    samples = max(total.samples, 1)
    wins = (above / samples, below / samples)
    facts = (
        Fact("difference", difference),
        Fact("ci", ci),
        Fact("wins", dict(zip(("a", "b"), wins, strict=True))),
    )
    return Comparison(results[0], results[1], difference, ci, wins, facts, tuple(tables))


def _common(a: Request, b: Request) -> list[str]:
    """The names of the arrays whose values must be compared, because the models do not read them
    from the same files."""
    return [name for name in _COMMON if not _is_same(a.arrays.get(name), b.arrays.get(name))]


def _is_same(a: FilesOrNumbers | None, b: FilesOrNumbers | None) -> bool:
    """Whether two arrays come from the same files."""
    return isinstance(a, tuple) and isinstance(b, tuple) and a == b


def _require_same_shape(a: Sequence[int | None], b: Sequence[int | None]) -> None:
    """Raise DataError if the shapes of losses differ in known sizes."""
    same_rank = len(a) == len(b)
    if not same_rank or any(None not in (m, n) and m != n for m, n in zip(a, b, strict=True)):
        raise DataError(
            f"the losses of A have shape {show(tuple(a))}, but the losses of B have shape "
            f"{show(tuple(b))}"
        )


def _require_same(
    name: str, a: Floats | None, b: Floats | None, counted: Mask, start: Sequence[int]
) -> None:
    """Raise DataError if an array differs between A and B in elements that count for both."""
    if a is None or b is None:
        return
    if a.shape != b.shape:
        raise DataError(
            f"{name} has shape {show(a.shape)} in A and {show(b.shape)} in B; expected the same"
        )
    differ = (a != b) & ~(np.isnan(a) & np.isnan(b))
    if a.shape[: counted.ndim] == counted.shape:
        differ &= spread(counted, a.shape)
    if differ.any():
        at = first(differ)
        index = [*at]
        for axis, begin in enumerate(start[: len(at)]):
            index[axis] += begin
        same = "weights" if "weight" in name else "targets"
        raise DataError(
            f"{name} at {index} is {a[at]:g} in A and {b[at]:g} in B; expected the same {same}. "
            "Use --id COLUMN to pair rows by a column."
        )
