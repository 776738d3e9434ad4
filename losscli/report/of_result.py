"""The documents of a result, and of a comparison of two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from losscli.losses import kebab
from losscli.report.document import Block, Document, Line
from losscli.result import Column, Comparison, Input, Kind, Result, Table, Value, index_names, short
from losscli.statistics.collected import null_facts


@dataclass(frozen=True)
class _Summary:
    """A result in one row."""

    loss: str
    reduction: str
    value: float | None
    count: int
    ignored: int
    weight_sum: float
    samples: int
    ci: tuple[float, float] | None
    further: dict[str, Value]


class _ModelRow(NamedTuple):
    """One of two models, or their difference."""

    model: str
    shown: str
    value: float | None
    ci: tuple[float, float] | None
    wins: float | None


def document_of(result: Result) -> Document:
    """The document of one result."""
    further = {fact.name: fact.value for fact in result.facts if fact.in_rows}
    elements = None if result.reduction != "none" else result.count + result.ignored
    return Document(
        data=_data(result),
        summary=_summary(result, further),
        tables=result.tables,
        blocks=(Block(result.loss, short(result.value), tuple(_lines(result))),),
        closing=("signature", result.signature),
        number=result.value,
        is_number_alone=not (further or result.tables),
        elements=elements,
        header=(*index_names(len(result.shape)), "loss"),
    )


def document_of_comparison(comparison: Comparison) -> Document:
    """The document of two results and their difference."""
    a, b = comparison.a, comparison.b
    models = (
        _ModelRow("a", "A", a.value, a.ci, comparison.wins[0]),
        _ModelRow("b", "B", b.value, b.ci, comparison.wins[1]),
        _ModelRow("difference", "B - A", comparison.difference, comparison.ci, None),
    )
    columns = (
        Column("model", Kind.PLAIN),
        Column("shown", Kind.PLAIN, heading=a.loss, in_rows=False),
        Column("value", Kind.LOSS, heading="loss"),
        Column("ci", Kind.INTERVAL, heading="95% interval"),
        Column("wins", Kind.SHARE, heading="wins"),
    )
    table = Table("compare", columns, models)
    facts = {fact.name: fact.value for fact in comparison.facts}
    beside = {fact.name: fact.value for one in comparison.tables for fact in one.facts}
    return Document(
        data={"a": _data(a), "b": _data(b), **facts, **beside},
        summary=table,
        tables=comparison.tables,
        blocks=(Block("verdict", _verdict(comparison), tuple(_lines_of_models(comparison))),),
        lead=table,
        number=comparison.difference,
    )


def _data(result: Result) -> dict[str, Value]:
    """Everything but the tables, for JSON."""
    reported = {fact.name: fact.value for fact in result.facts}
    beside = {fact.name: fact.value for one in result.tables for fact in one.facts}
    selected = {} if result.selected is None else {"selected": result.selected}
    return {
        "loss": result.loss,
        "reduction": result.reduction,
        **dict.fromkeys(("value", *null_facts())),
        **reported,
        "options": {name.rstrip("_"): value for name, value in result.options.items()},
        "inputs": result.inputs,
        "pairing": result.pairing,
        "classes": result.classes,
        **selected,
        "notes": result.notes,
        "warnings": result.warnings,
        "signature": result.signature,
        "version": result.version,
        **beside,
    }


def _summary(result: Result, further: dict[str, Value]) -> Table:
    row = _Summary(
        result.loss,
        result.reduction,
        result.value,
        result.count,
        result.ignored,
        result.weight_sum,
        result.samples,
        result.ci,
        further,
    )
    columns = (
        Column("loss", Kind.PLAIN),
        Column("reduction", Kind.PLAIN),
        Column("value", Kind.LOSS),
        Column("count", Kind.COUNT),
        Column("ignored", Kind.COUNT),
        Column("weight_sum", Kind.LOSS),
        Column("samples", Kind.COUNT),
        Column("ci", Kind.INTERVAL),
        Column("further", Kind.LABELS, parts=tuple(further), optional=True),
    )
    return Table("result", columns, (row,))


def _lines(result: Result) -> Iterator[Line]:
    yield from ((fact.label, fact.text) for fact in result.facts if fact.text)
    yield "reduction", _reduction(result)
    if result.ignored:
        skipped = f", {result.skipped:,} of them NaN" if result.skipped else ""
        yield "ignored", f"{result.ignored:,} elements{skipped}"
    if result.changed:
        yield "options", ", ".join(map(_option, result.changed.items()))
    for one in result.inputs:
        yield one.role, _input(one)
        for digest in one.sha256 or ():
            yield "SHA-256", digest
    if result.selected is not None:
        chosen = result.selected
        conditions = " and ".join(chosen.where)
        yield "rows", f"{chosen.kept:,} kept where {conditions}, {chosen.dropped:,} dropped"
    if result.pairing is not None:
        yield "rows", f"paired by {result.pairing}"


def _lines_of_models(comparison: Comparison) -> Iterator[Line]:
    a, b = comparison.a, comparison.b
    yield "reduction", _reduction(b)
    yield "A", _input(a.inputs[0])
    for one in b.inputs:
        yield "B" if one is b.inputs[0] else one.role, _input(one)


def _verdict(comparison: Comparison) -> str:
    if comparison.ci is None:
        return "not known: there is no interval"
    low, high = comparison.ci
    if low > 0.0:
        return "B is worse"
    return "B is better" if high < 0.0 else "no difference beyond chance"


def _input(one: Input) -> str:
    files = f" ({len(one.files)} files)" if one.files else ""
    return f"{one.path or 'given'}{files}  {one.shape} {one.dtype}"


def _reduction(result: Result) -> str:
    elements = f"{result.count:,} elements"
    if result.has_sample_weights:
        weighted = f"{result.reduction} of {elements} weighted by sample weights"
        divided = f", divided by the sum of the weights, {result.weight_sum:.6g}"
        return weighted + (divided if result.reduction == "mean" else "")
    if result.reduction == "mean" and result.weight_sum != result.count:
        return f"mean of {elements}, divided by their weights' sum, {result.weight_sum:.6g}"
    if result.reduction == "batchmean":
        return f"sum of {elements}, divided by {result.samples:,} samples"
    return f"{result.reduction} of {elements}"


def _option(item: tuple[str, Any]) -> str:
    name, value = item
    shown = " ".join(map(str, value)) if isinstance(value, list) else value
    shown = "none" if value is None else shown
    return f"{kebab(name)} {shown}"
