"""open_model(request): the files of a request, opened and laid out, ready to be computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from losscli.elements import Array, Elements
from losscli.errors import ArrayError, DataError
from losscli.evaluation.blocks import Job
from losscli.losses import kebab
from losscli.losses.layout import Layout
from losscli.opening.names import class_names
from losscli.opening.plan import Plan, lay_out
from losscli.opening.sources import Model, Sources, open_sources
from losscli.readers import budget
from losscli.request.request import SAMPLE, Request, key_array, label_array
from losscli.request.wanted import CLASS
from losscli.result import Selected
from losscli.source import named
from losscli.statistics import options
from losscli.statistics.collected import Collected
from losscli.statistics.statistic import LabelNames, Setting

# A model that follows no other.
ALONE = Model()


@dataclass(frozen=True)
class OpenModel:
    """One model's arrays, how they run along the elements, and what is reported of them.

    Args:
        request: the request, with what the names of columns say
        sources: the open arrays
        plan: the layout, and the arrays that blocks are read from
        job: what computes the losses
        setting: what the statistics know
        class_names: the names of the classes
    """

    request: Request
    sources: Sources
    plan: Plan
    job: Job
    setting: Setting
    class_names: tuple[str, ...] | None

    @property
    def layout(self) -> Layout:
        return self.plan.layout

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the elements, once all rows were read."""
        return tuple(self._rows() if size is None else size for size in self.layout.shape)

    @property
    def elements(self) -> int | None:
        """The number of elements, if it is known before all rows are read."""
        sizes = [size for size in self.layout.shape if size is not None]
        return math.prod(sizes) if len(sizes) == len(self.layout.shape) else None

    @property
    def label_names(self) -> LabelNames:
        """What the numbers of labels stand for, once all rows were read."""
        names = {key: self.sources.arrays[key].label_names for key in self.sources.labels}
        return {key: values for key, values in names.items() if values is not None}

    def with_names(self, elements: Elements) -> Elements:
        """Elements whose targets and labels are called as their files call them."""
        names = self.label_names
        labels = {
            key: codes if key not in names else _decoded(names[key], codes)
            for key, codes in elements.labels.items()
            if key != SAMPLE
        }
        target, named_target = elements.target, self.sources.named
        if named_target is not None and target is not None:
            target = _decoded(named_target.class_names, target)
        return replace(
            elements,
            target=target,
            labels=_without_prefix(labels, label_array("")),
            keys=_without_prefix(labels, key_array("")),
        )

    def finish(self, collected: Collected) -> None:
        """End what was read: rows that have to be the same are, and labels have their names."""
        for _, rows in self.sources.same.values():
            rows.finish()
        collected.name_labels(self.label_names)

    def selected(self) -> Selected | None:
        """The rows that conditions kept. Raises DataError where they keep none."""
        if self.sources.selecting is None:
            return None
        kept, dropped = self.sources.selecting.selected()
        conditions = tuple(map(str, self.request.where))
        if not kept and dropped:
            raise DataError(
                f"{self.sources.selecting.name}: --where {' --where '.join(conditions)} keeps none "
                f"of {dropped} rows"
            )
        return Selected(conditions, kept, dropped)

    def _rows(self) -> int:
        views = self.layout.views
        along = (name for name in self.plan.arrays if views[name].sample_axis is not None)
        return self.plan.arrays[next(along)].count()


def open_model(
    request: Request, stack: ExitStack, model: Model = ALONE, shows_rows: bool = False
) -> OpenModel:
    """Open the files of a request, choose their columns, pair their rows, and lay them out.

    `model` is the first one of a comparison. With `shows_rows` the keys of rows are read as well.
    Raises DataError for files that cannot be read, and arrays that the loss cannot take.
    """
    execution = request.execution
    sources = open_sources(request, stack, model, shows_rows)
    plan = lay_out(sources, execution.broadcast)
    if plan.layout.enlarged and not execution.broadcast:
        problem = f"{plan.layout.warnings[0]}, more than either has; --broadcast allows it"
        raise named(sources.arrays["target"], problem)
    names = _class_names(sources.request, sources)
    _require_a_name_each(sources, names, plan.layout)
    if execution.strict:
        refuse((*sources.warnings, *plan.layout.warnings))
    first = next(iter(sources.arrays.values()))
    width = plan.layout.width
    budget.require(first.name, width, budget.MOST_ROW_VALUES, "values in a row that is not cut")
    setting = _setting(sources, plan.layout)
    job = Job(
        request.loss,
        sources.options,
        plan.arrays,
        plan.layout,
        plan.masks,
        plan.labels,
        execution.check,
        execution.on_nan,
        Collected(setting).needs_scores,
    )
    return OpenModel(sources.request, sources, plan, job, setting, names)


def refuse(warnings: Sequence[str]) -> None:
    """Raise DataError if there is anything that looks wrong."""
    if warnings:
        raise DataError(f"{warnings[0]} (--strict)")


def with_file_name(model: OpenModel, error: ArrayError) -> DataError:
    """The error for an array, with the file that it comes from."""
    return named(model.sources.arrays[error.array], str(error))


def _setting(sources: Sources, layout: Layout) -> Setting:
    request = sources.request
    wanted, loss = request.wanted, request.loss
    for option in options():
        if option.for_losses == "classes" and option.name in wanted.statistics:
            _require_classes(loss.name, option.name, layout)
    return Setting(
        request.reduction,
        wanted.statistics,
        wanted.interval,
        tuple(
            label_array(name) if label_array(name) in sources.arrays else CLASS
            for name in wanted.by
        ),
        None if wanted.cluster is None else label_array(wanted.cluster),
        SAMPLE if SAMPLE in sources.labels else None,
        layout.classes,
        request.class_base,
        sources.options,
        loss.kind_of_input(sources.options),
        loss.is_log_loss(request.options),
        loss.is_squared_error,
        request.execution.check,
        batch=_batch(sources, layout),
        pool=None if loss.pool is None else partial(loss.pool, sources.options),
    )


def _require_classes(loss: str, option: str, layout: Layout) -> None:
    """Raise DataError unless targets are indices of classes."""
    if layout.classes is None:
        raise DataError(f"{loss}: --{kebab(option)} needs targets that are class indices")


def _batch(sources: Sources, layout: Layout) -> int | None:
    """The size of the input's first axis where that is not the axis of samples."""
    name, source = next(iter(sources.arrays.items()))
    if not layout.shape or layout.views[name].sample_axis is not None:
        return None
    return (source.shape[0] or 0) if source.shape else 1


def _class_names(request: Request, sources: Sources) -> tuple[str, ...] | None:
    if sources.named is not None:
        return tuple(sources.named.class_names)
    return None if request.classes is None else tuple(class_names(request.classes))


def _require_a_name_each(sources: Sources, names: Sequence[str] | None, layout: Layout) -> None:
    """Raise DataError unless `--classes` names as many classes as there are."""
    if sources.request.classes is None or names is None or layout.classes is None:
        return
    if len(names) != layout.classes:
        problem = f"--classes has {len(names)} names; the input has {layout.classes} classes"
        raise named(sources.arrays["input"], problem)


def _without_prefix(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays whose names begin so, by what follows."""
    return {
        name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)
    }


def _decoded(names: Sequence[Any], codes: Array) -> Array:
    """What each code stands for; a code without a name stands for itself, as an ignored target."""
    known = np.array([*names, None], dtype=object)
    within = (codes >= 0) & (codes < len(names))
    decoded = known[np.where(within, codes, len(names))]
    return decoded if within.all() else np.where(within, decoded, codes.astype(object))
