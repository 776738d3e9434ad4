"""The loss of each group of elements: by columns, by files of labels, by class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from losscli.elements import Array, Elements, padded
from losscli.errors import ArrayError, DataError
from losscli.result import Column, Dots, Fact, Kind, Pairs, Table
from losscli.statistics.labels import Grouping
from losscli.statistics.ledger import Interval, Ledger, Rule
from losscli.statistics.statistic import LabelNames, Setting, Statistic, Whole
from losscli.statistics.total import interval_of, rule_of

# The label that groups elements by the class of their target.
CLASS = "class"

# The limit on the number of groups. Each takes 1.5 kB of memory and a line of the output.
MOST_GROUPS = 1 << 20

# With fewer samples in a group, its interval is only a rough estimate.
_FEW = 30


@dataclass(frozen=True)
class Group:
    """The loss of the elements with the same labels.

    Args:
        labels: the labels, in the order of --by
        value: the reduced loss
        ci: the 95% confidence interval of the value; None if it is undefined
        count: the number of elements that are not ignored
        samples: the number of samples with such elements
        share: `sum` divided by the sum of the losses of all elements
        sum: the sum of the losses
        a: the loss of model A, if the losses are differences of two models
        b: the loss of model B
    """

    labels: tuple[Any, ...]
    value: float
    ci: Interval | None
    count: int
    samples: int
    share: float
    sum: float
    a: float | None = None
    b: float | None = None


class Groups(Statistic):
    """The losses of each combination of labels."""

    order = 60

    def __init__(self, by: tuple[str, ...], reduction: str, rule: Rule) -> None:
        self._by = by
        self._reduction = reduction
        self._grouping = Grouping(len(by))
        self._ledger = Ledger(rule, 0)

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        return cls(setting.by, setting.reduction, rule_of(setting)) if setting.by else None

    def add(self, elements: Elements) -> None:
        rank = len(elements.shape)
        labels = [padded(array, rank) for array in _labels(self._by, elements)]
        codes = self._grouping.codes(labels)
        self._resize()
        self._ledger.add(elements, codes)

    def merge(self, later: Self) -> None:
        codes = self._grouping.merge(later._grouping)
        self._resize()
        self._ledger.merge(later._ledger, codes)

    def _resize(self) -> None:
        count = len(self._grouping)
        if count > MOST_GROUPS:
            raise DataError(f"--by: found {count:,} groups; the limit is {MOST_GROUPS:,}")
        self._ledger.resize(count)

    def name_labels(self, names: LabelNames) -> None:
        renamed = Grouping(len(self._by))
        renamed.codes_of(
            [
                [
                    names[name][label] if name in names else label
                    for name, label in zip(self._by, labels, strict=True)
                ]
                for labels in self._grouping.names()
            ]
        )
        self._grouping = renamed
        self._ledger.name_labels(names)

    def groups(self, whole: Whole) -> list[Group]:
        """The groups with elements that are not ignored."""
        self._ledger.finish()
        total = whole.total.ledger.losses()
        return [
            self._group(labels, key, whole, total)
            for key, labels in enumerate(self._grouping.names())
            if self._ledger.elements[key]
        ]

    def result(self, whole: Whole) -> Iterable[Table]:
        groups = sorted(self.groups(whole), key=_badness)
        rough = frozenset(n for n, group in enumerate(groups) if group.samples < _FEW)
        yield Table(
            "groups",
            _columns(whole, groups),
            tuple(groups),
            title=f"By {', '.join(whole.by)}",
            what="groups",
            rough=rough,
            chart=Dots("value", "ci", whole.value),
            facts=(Fact("by", whole.by),),
        )

    def _group(self, labels: tuple[Any, ...], key: int, whole: Whole, total: float) -> Group:
        ledger, reduction = self._ledger, self._reduction
        losses = ledger.losses(key)
        return Group(
            tuple(_shown(name, label, whole) for name, label in zip(self._by, labels, strict=True)),
            losses if reduction == "sum" else ledger.ratio(key),
            interval_of(ledger, key, reduction),
            int(ledger.elements[key]),
            ledger.samples(key),
            losses / total if total else math.nan,
            losses,
        )


def of_models(table: Table, a: Iterable[Group], b: Iterable[Group]) -> Table:
    """The table of differences, with the losses of models A and B added to each group."""
    losses = [{group.labels: group.value for group in groups} for groups in (a, b)]
    rows = (
        replace(row, a=losses[0].get(row.labels), b=losses[1].get(row.labels))
        for row in table.rows
        if isinstance(row, Group)
    )
    return replace(table, rows=tuple(rows), chart=Pairs("a", "b"))


def _columns(whole: Whole, groups: Iterable[Group]) -> tuple[Column, ...]:
    has_samples_of_elements = any(group.count != group.samples for group in groups)
    numbers = (
        Column("ci", Kind.INTERVAL, heading="95% CI"),
        Column("count", Kind.COUNT, heading="elements" if has_samples_of_elements else None),
        Column("samples", Kind.COUNT, heading="n"),
    )
    labels = Column("group", Kind.LABELS, parts=whole.by, heading="", field="labels")
    if whole.setting.is_difference:
        return (
            labels,
            Column("a", Kind.LOSS, heading="A"),
            Column("b", Kind.LOSS, heading="B"),
            Column("value", Kind.LOSS, heading="B - A", row_name="difference"),
            *numbers,
            Column("share", Kind.SHARE),
            Column("sum", Kind.LOSS),
        )
    return (
        labels,
        Column("value", Kind.LOSS, heading="loss"),
        *numbers,
        Column("share", Kind.SHARE, heading="share"),
        Column("sum", Kind.LOSS),
    )


def _shown(by: str, label: Any, whole: Whole) -> Any:
    """A label as it is reported: a class by its name, and whole numbers as integers."""
    if by == CLASS:
        return whole.class_name(label)
    return plain_label(label)


def plain_label(label: Any) -> Any:
    """A label as text, a number or None."""
    value = label.item() if isinstance(label, np.generic) else label
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | float | str | None) else str(value)


def _badness(group: Group) -> tuple[float, list[tuple[int, Any]]]:
    """The sort key of a group: NaN first, then the largest loss, ties by label."""
    return (
        -math.inf if math.isnan(group.value) else -group.value,
        [_label_order(label) for label in group.labels],
    )


def _label_order(label: Any) -> tuple[int, Any]:
    """The sort key of a label: None, then numbers, then text, then NaN."""
    if label is None:
        return 0, 0
    if isinstance(label, str):
        return 2, label
    return (3, 0) if math.isnan(label) else (1, label)


def _labels(by: tuple[str, ...], elements: Elements) -> Iterator[Array]:
    for name in by:
        yield _classes(elements) if name == CLASS else elements.labels[name]


def _classes(elements: Elements) -> Array:
    """The class of each element. Raises ArrayError for targets that are fractions."""
    target = class_targets(elements)
    if target.dtype.kind != "f":
        return target
    whole = target.astype(np.int64)
    invalid = (whole != target) & elements.losses.counted
    if invalid.any():
        raise ArrayError(
            "target", f"is {target[invalid][0]}; --by class needs targets that are class indices"
        )
    return whole


def class_targets(elements: Elements) -> Array:
    """The target of each element. Raises ArrayError unless each element has one target."""
    targets = elements.targets
    if targets is None:
        raise ArrayError("target", "does not contain a class for each element")
    return targets
