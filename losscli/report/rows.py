"""Results as rows of a table, the same in every format that has rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from losscli.elements import SAMPLE_WEIGHT, Elements, PerElement, spread
from losscli.losses.layout import show
from losscli.result import Group, Result, TopElement

if TYPE_CHECKING:
    from losscli.comparison import Comparison
    from losscli.inspection import Finding

WriteHeader = Callable[[TextIO, Sequence[str]], None]
WriteLines = Callable[[TextIO, Iterable[Sequence[object]]], None]
WriteRows = Callable[[TextIO, Sequence[str], Iterable[Sequence[object]]], None]

RESULT_HEADER = (
    "loss",
    "reduction",
    "value",
    "count",
    "ignored",
    "weight_sum",
    "samples",
    "ci_low",
    "ci_high",
)

# In rows, an interval that there is not.
_NO_INTERVAL = ("", "")


def result_row(result: Result) -> tuple[object, ...]:
    """The row under RESULT_HEADER."""
    return (
        result.loss,
        result.reduction,
        result.value,
        result.count,
        result.ignored,
        result.weight_sum,
        result.samples,
        *(result.ci or _NO_INTERVAL),
    )


class Section(NamedTuple):
    """One of the tables that a result holds beside its number."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]

    @property
    def what(self) -> str:
        """What its rows are."""
        return {"top": "elements", "histogram": "bars"}.get(self.name, self.name)


def sections(result: Result) -> Iterator[Section]:
    """The tables that were asked for."""
    if result.accuracy is not None:
        yield Section("accuracy", ("value", "accuracy"), [(result.value, result.accuracy)])
    if result.groups is not None:
        yield _groups(result, result.groups)
    if result.top is not None:
        yield _top(result, result.top)
    if result.quantiles is not None:
        yield Section("quantiles", ("quantile", "loss"), list(result.quantiles.items()))
    if result.histogram is not None:
        bars = [(bar.low, bar.high, bar.count) for bar in result.histogram]
        yield Section("histogram", ("from", "to", "count"), bars)


def comparison_sections(comparison: Comparison) -> Iterator[Section]:
    """The tables of a comparison: both models and their difference, then what was asked for."""
    a, b = comparison.a, comparison.b
    rows = [
        ("a", a.value, *(a.ci or _NO_INTERVAL), comparison.wins[0]),
        ("b", b.value, *(b.ci or _NO_INTERVAL), comparison.wins[1]),
        ("difference", comparison.difference, *(comparison.ci or _NO_INTERVAL), ""),
    ]
    yield Section("compare", ("model", "value", "ci_low", "ci_high", "wins"), rows)
    yield from map(of_differences, sections(differences(comparison)))


def differences(comparison: Comparison) -> Result:
    """What was asked for of the difference, as of a result."""
    return replace(comparison.b, by=comparison.by, groups=comparison.groups, top=comparison.top)


def of_differences(section: Section) -> Section:
    """A table of losses with its column called by what it is."""
    names = {"loss": "difference", "value": "difference"}
    return section._replace(header=[names.get(name, name) for name in section.header])


def write_sections(stream: TextIO, tables: Iterable[Section], write_rows: WriteRows) -> None:
    """Tables below each other, with a blank line between."""
    for number, table in enumerate(tables):
        if number:
            stream.write("\n")
        write_rows(stream, table.header, table.rows)


class RowReport:
    """A report in rows: each format gives how a header and how lines are written."""

    def __init__(self, stream: TextIO, write_header: WriteHeader, write_lines: WriteLines) -> None:
        self._stream = stream
        self._write_header = write_header
        self._write_lines = write_lines
        self._begun = False

    def elements(self, elements: Elements) -> None:
        if not self._begun:
            self._write_header(self._stream, element_header(elements))
            self._begun = True
        self._write_lines(self._stream, element_rows(elements))

    def result(self, result: Result) -> None:
        if result.value is not None:
            tables = list(sections(result)) or [Section("", RESULT_HEADER, [result_row(result)])]
            write_sections(self._stream, tables, self.write_rows)
        elif not self._begun:
            self._write_header(self._stream, header_of_none(result))

    def write_rows(
        self, stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        self._write_header(stream, header)
        self._write_lines(stream, rows)


def _groups(result: Result, groups: Sequence[Group]) -> Section:
    header = (*result.by, "value", "ci_low", "ci_high", "count", "samples", "share")
    rows = [
        (
            *("" if label is None else label for label in one.labels),
            one.value,
            *(one.ci or _NO_INTERVAL),
            one.count,
            one.samples,
            one.share,
        )
        for one in groups
    ]
    return Section("groups", header, rows)


def _top(result: Result, top: Sequence[TopElement]) -> Section:
    has_target = any(one.target is not None for one in top)
    has_predicted = any(one.predicted is not None for one in top)
    header = (
        *(top[0].keys if top else ()),
        *_index_names(len(result.shape) or 1),
        *(["target"] if has_target else []),
        *(["predicted"] if has_predicted else []),
        "loss",
    )
    rows = [
        (
            *one.keys.values(),
            *one.index,
            *([one.target] if has_target else []),
            *([one.predicted] if has_predicted else []),
            one.loss,
        )
        for one in top
    ]
    return Section("top", header, rows)


def _index_names(axes: int) -> list[str]:
    return ["index"] if axes == 1 else [f"index_{axis}" for axis in range(axes)]


def columns_of(elements: Elements) -> dict[str, NDArray[Any]]:
    """Keys, index, target, labels, weight, sample weight and loss of each element, in C order.

    The losses of ignored elements are masked.
    """
    losses = elements.losses
    shape = losses.values.shape
    index = np.unravel_index(np.arange(losses.values.size), shape)
    columns: dict[str, NDArray[Any]] = {
        name: spread(values, shape).ravel()
        for name, values in zip(key_names(elements), elements.keys.values(), strict=True)
    }
    columns |= {
        name: start + offsets
        for name, start, offsets in zip(
            _index_names(len(shape)), elements.start, index, strict=True
        )
    }
    target = elements.targets
    if target is not None:
        columns["target"] = target.ravel()
    for name, labels in elements.labels.items():
        key = f"label_{name}" if name in (*columns, "weight", SAMPLE_WEIGHT, "loss") else name
        columns[key] = spread(labels, shape).ravel()
    columns["weight"] = _weights(losses).ravel()
    if losses.sample_weights is not None:
        columns[SAMPLE_WEIGHT] = np.broadcast_to(losses.sample_weights, shape).ravel()
    columns["loss"] = losses.values.ravel()
    if losses.ignored is not None:
        columns["loss"] = np.ma.MaskedArray(columns["loss"], losses.ignored.ravel())
    return columns


def key_names(elements: Elements) -> list[str]:
    """What the columns of keys are called, beside those that each row of elements has."""
    index = _index_names(elements.losses.values.ndim)
    known = {"target", "weight", SAMPLE_WEIGHT, "loss", *index, *elements.labels}
    names: list[str] = []
    for name in elements.keys:
        while name in known:
            name = f"key_{name}"  # noqa: PLW2901 - until it is free
        known.add(name)
        names.append(name)
    return names


def _weights(losses: PerElement) -> NDArray[np.float64]:
    shape = losses.values.shape
    if losses.weights is not None:
        return np.broadcast_to(losses.weights, shape)
    return losses.counted.astype(np.float64)


def element_header(elements: Elements) -> list[str]:
    """Keys, an index for each axis, the target where it is one number an element, the loss."""
    index = _index_names(len(elements.start))
    target = [] if elements.targets is None else ["target"]
    return [*key_names(elements), *index, *target, "loss"]


def header_of_none(result: Result) -> list[str]:
    """The header where there is no element."""
    return [*_index_names(len(result.shape) or 1), "loss"]


def element_rows(elements: Elements) -> Iterator[list[object]]:
    """A row under `element_header` for each element, in C order. The loss of an ignored element
    is None."""
    losses, targets = elements.losses.values, elements.targets
    ignored = elements.losses.ignored
    keys = [spread(values, losses.shape) for values in elements.keys.values()]
    for position in np.ndindex(losses.shape):
        index = [start + offset for start, offset in zip(elements.start, position, strict=True)]
        target = [] if targets is None else [targets.item(position)]
        is_ignored = ignored is not None and ignored[position]
        loss = None if is_ignored else losses[position].item()
        yield [*(one[position] for one in keys), *index, *target, loss]


FINDING_HEADER = (
    "file",
    "array",
    "shape",
    "dtype",
    "looks like",
    "min",
    "max",
    "NaN",
    "infinite",
    "missing",
    "rows seen",
)


def finding_row(finding: Finding) -> tuple[object, ...]:
    """The row under FINDING_HEADER."""
    marks = f", and {' '.join(map(str, finding.marks))}" if finding.marks else ""
    return (
        finding.file,
        finding.name,
        show(finding.shape),
        finding.dtype,
        finding.looks_like + marks,
        "" if finding.minimum is None else f"{finding.minimum:.6g}",
        "" if finding.maximum is None else f"{finding.maximum:.6g}",
        finding.nan,
        finding.infinite,
        finding.missing,
        finding.rows,
    )
