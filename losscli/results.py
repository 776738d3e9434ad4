"""What was gathered beside the number, as the result tells it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from losscli import remarks
from losscli.losses.layout import Layout
from losscli.opening.sources import Sources
from losscli.reduction import ExactSum
from losscli.request import CLASS, Request, key_array, label_array
from losscli.result import Bar, Group, Reference, Result, TopElement
from losscli.statistics.collected import Collected, interval_of
from losscli.statistics.frequencies import Frequencies


def with_statistics(
    result: Result,
    request: Request,
    layout: Layout,
    sources: Sources,
    collected: Collected,
    *,
    frequencies: Frequencies | None = None,
) -> Result:
    """The result with all that was gathered beside its number."""
    wanted, reduction = request.wanted, result.reduction
    moments = collected.total()
    result = replace(result, by=wanted.by)
    if wanted.by:
        result = _grouped(result, sources, collected)
    if moments is not None and wanted.interval:
        result = replace(result, ci=interval_of(moments, reduction))
    log_loss = reduction == "mean" and request.loss.is_log_loss(request.options)
    if log_loss and layout.classes and result.value is not None:
        with np.errstate(over="ignore"):
            perplexity = float(np.exp(result.value))
        result = replace(result, perplexity=perplexity, bits=result.value / math.log(2.0))
        if wanted.interval and frequencies is not None:
            reference = Reference(frequencies.prior(), math.log(layout.classes))
            result = replace(result, reference=reference)
    if reduction == "mean" and request.loss.is_squared_error and result.value is not None:
        result = replace(result, rmse=_root(result.value))
    if wanted.accuracy:
        result = replace(result, accuracy=collected.accuracy())
    if collected.top is not None:
        base = request.options.get("class_base", 0)
        found = tuple(
            replace(_called(one, result.classes, base), keys=_named_keys(one, sources))
            for one in collected.top.found
        )
        result = replace(result, top=found)
    if wanted.quantiles:
        found_quantiles = collected.sketch.quantiles(wanted.shares)
        quantiles = dict(zip(wanted.quantiles, found_quantiles, strict=True))
        result = replace(result, quantiles=quantiles)
    if wanted.histogram:
        bars = tuple(Bar(*bar) for bar in collected.sketch.histogram())
        result = replace(result, histogram=bars)
    return replace(result, signature=remarks.signature(result, request.loss))


def _root(value: float) -> float:
    """The square root; NaN of what negative weights make negative."""
    return math.nan if value < 0.0 else math.sqrt(value)


def _grouped(result: Result, sources: Sources, collected: Collected) -> Result:
    """With its groups, worst first, and the value that they merge to."""
    found = list(collected.groups())
    losses = float(sum((moments.losses for _, moments in found), ExactSum()))
    weights = float(sum((moments.weights for _, moments in found), ExactSum()))
    groups = [
        Group(
            _named_labels(result, sources, labels),
            float(moments.losses) if result.reduction == "sum" else moments.ratio,
            interval_of(moments, result.reduction),
            moments.elements,
            moments.samples,
            float(moments.losses) / losses if losses else math.nan,
        )
        for labels, moments in found
    ]
    groups.sort(key=_badness)
    value = result.value
    if found and result.reduction == "sum":
        value = losses
    elif found and result.reduction == "mean":
        value = losses / weights if weights else math.nan
    return replace(result, groups=tuple(groups), value=value)


def _badness(group: Group) -> tuple[Any, ...]:
    """Worst first, NaN in front; of equal ones numbers in their order, and then texts in theirs."""
    keys = [(1, one) if isinstance(one, str) else (0, one or 0) for one in group.labels]
    return (-math.inf if math.isnan(group.value) else -group.value, keys)


def _named_labels(result: Result, sources: Sources, labels: Sequence[Any]) -> tuple[Any, ...]:
    """What the labels of a group are called in their files."""
    return tuple(
        _class_called(result.classes, label)
        if name == CLASS and label_array(name) not in sources.arrays
        else _label_called(sources.arrays[label_array(name)], label)
        for name, label in zip(result.by, labels, strict=True)
    )


def _named_keys(element: TopElement, sources: Sources) -> dict[str, Any]:
    """What is shown with the row of an element, as its file calls it."""
    return {
        name.removeprefix(key_array("")): _label_called(sources.arrays[name], value)
        for name, value in element.keys.items()
    }


def _label_called(array: Any, label: Any) -> Any:
    names = getattr(array, "label_names", None)
    value = label if names is None else names[label]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | float | str | None) else str(value)


def _class_called(names: Sequence[str] | None, index: Any) -> Any:
    within = names is not None and isinstance(index, int) and 0 <= index < len(names)
    return names[index] if names is not None and within else index


def _called(element: TopElement, names: Sequence[str] | None, base: int) -> TopElement:
    """The element with its classes as the file calls them."""
    predicted = None if element.predicted is None else element.predicted + base
    if names is None:
        return replace(element, predicted=predicted)
    target = element.target if base == 0 else element.target - base
    return replace(
        element,
        target=_class_called(names, target),
        predicted=_class_called(names, element.predicted),
    )
