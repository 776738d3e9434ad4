"""open_model(request): open the files of a request and lay out their arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from losscli.elements import Array, Elements
from losscli.errors import ArrayError, DataError, UsageError
from losscli.evaluation.blocks import Job
from losscli.losses import kebab
from losscli.losses.layout import Layout
from losscli.losses.registry import LOSSES, Loss
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
from losscli.statistics.statistic import LabelNames, Option, Setting

# A model that is not the second one of a comparison.
ALONE = Model()


@dataclass(frozen=True)
class OpenModel:
    """The open arrays of a model, their layout, and the setting of its statistics.

    Args:
        request: the request, completed with the chosen columns
        sources: the open arrays
        plan: the layout, and the arrays that blocks are read from
        job: the loss with the arrays that it reads
        setting: the setting of the statistics
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
        """The shape of the elements, after all rows were read."""
        return tuple(self.count_rows() if size is None else size for size in self.layout.shape)

    @property
    def elements(self) -> int | None:
        """The number of elements, if it is known before all rows are read."""
        sizes = [size for size in self.layout.shape if size is not None]
        return math.prod(sizes) if len(sizes) == len(self.layout.shape) else None

    @property
    def label_names(self) -> LabelNames:
        """The labels for the codes of each array of labels, after all rows were read."""
        names = {key: self.sources.arrays[key].label_names for key in self.sources.labels}
        return {key: values for key, values in names.items() if values is not None}

    def with_names(self, elements: Elements) -> Elements:
        """The elements with targets and labels decoded to their names in the files."""
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

    def naming(self, on_elements: Callable[[Elements], None]) -> Callable[[Elements], None]:
        """A function that calls `on_elements` with elements whose targets and labels are names."""
        return lambda elements: on_elements(self.with_names(elements))

    def require_same_rows(self) -> None:
        """Raise DataError for a column of two tables that has the same values in another order,
        after all rows were read."""
        for _, rows in self.sources.same.values():
            rows.finish()

    def selected(self) -> Selected | None:
        """The number of rows that the conditions kept. Raises DataError if they kept none."""
        if self.sources.selecting is None:
            return None
        kept, dropped = self.sources.selecting.selected()
        conditions = tuple(map(str, self.request.where))
        if not kept and dropped:
            raise DataError(
                f"{self.sources.selecting.name}: --where {' --where '.join(conditions)} matches "
                f"none of {dropped} rows"
            )
        return Selected(conditions, kept, dropped)

    def count_rows(self) -> int:
        """The number of rows. Reads all rows if the files do not store it."""
        views = self.layout.views
        along = (name for name in self.plan.arrays if views[name].sample_axis is not None)
        return self.plan.arrays[next(along)].count()


def open_model(
    request: Request, stack: ExitStack, model: Model = ALONE, shows_rows: bool = False
) -> OpenModel:
    """Open the files of a request, choose their columns, pair their rows, and lay them out.

    `model` is the first model of a comparison. With `shows_rows`, the keys of rows are read too.
    Raises DataError for files that cannot be read, and arrays that the loss does not accept.
    """
    execution = request.execution
    sources = open_sources(request, stack, model, shows_rows)
    plan = lay_out(sources, execution.broadcast)
    if plan.layout.enlarged and not execution.broadcast:
        problem = f"{plan.layout.warnings[0]}, more than either has. Use --broadcast to allow it."
        raise named(sources.arrays["target"], problem)
    names = _class_names(sources.request, sources)
    _require_all_names(sources, names, plan.layout)
    if execution.strict:
        refuse((*sources.warnings, *plan.layout.warnings))
    first = next(iter(sources.arrays.values()))
    width = plan.layout.width
    budget.require(first.name, width, budget.MOST_ROW_VALUES, "values in a row that is not split")
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
    """Raise DataError with the first warning, if there is one."""
    if warnings:
        raise DataError(f"{warnings[0]} (--strict)")


def with_file_name(model: OpenModel, error: ArrayError) -> DataError:
    """The error, preceded by the name of the array's file."""
    return named(model.sources.arrays[error.array], str(error))


def _setting(sources: Sources, layout: Layout) -> Setting:
    request = sources.request
    wanted, loss = request.wanted, request.loss
    for option in options():
        if option.name in wanted.statistics:
            _require_supported(loss, option, layout)
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


def _require_supported(loss: Loss, option: Option, layout: Layout) -> None:
    """Raise an error for a statistic that this loss, or its targets, cannot have."""
    name = f"{loss.name}: --{kebab(option.name)}"
    if option.for_losses == "classes" and layout.classes is None:
        raise DataError(f"{name} needs targets that are class indices")
    if option.for_losses == "probabilities" and loss.temper is None:
        losses = ", ".join(other.name for other in LOSSES.values() if other.temper is not None)
        raise UsageError(f"{name} needs logits or probabilities. Use one of {losses}.")


def _batch(sources: Sources, layout: Layout) -> int | None:
    """The size of the input's first axis if that is not the sample axis."""
    name, source = next(iter(sources.arrays.items()))
    if not layout.shape or layout.views[name].sample_axis is not None:
        return None
    return (source.shape[0] or 0) if source.shape else 1


def _class_names(request: Request, sources: Sources) -> tuple[str, ...] | None:
    if sources.named is not None:
        return tuple(sources.named.class_names)
    return (
        None
        if request.classes is None
        else tuple(class_names(request.classes, request.reading.anonymous))
    )


def _require_all_names(sources: Sources, names: Sequence[str] | None, layout: Layout) -> None:
    """Raise DataError unless `--classes` has one name per class."""
    if sources.request.classes is None or names is None or layout.classes is None:
        return
    if len(names) != layout.classes:
        count = "1 name" if len(names) == 1 else f"{len(names)} names"
        problem = f"--classes has {count}, but the input has {layout.classes} classes"
        raise named(sources.arrays["input"], problem)


def _without_prefix(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays whose names start with a prefix, by their names without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _decoded(names: Sequence[Any], codes: Array) -> Array:
    """Replace codes by names. Codes without a name, such as ignored targets, are not replaced."""
    known = np.array([*names, None], dtype=object)
    within = (codes >= 0) & (codes < len(names))
    decoded = known[np.where(within, codes, len(names))]
    return decoded if within.all() else np.where(within, decoded, codes.astype(object))
