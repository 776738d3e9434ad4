"""The documents of a result and of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

from losscli.losses import kebab
from losscli.report.document import Block, Document, Line
from losscli.report.numbers import AS_USUAL, Numbers
from losscli.result import (
    Between,
    Column,
    Comparison,
    Input,
    Kind,
    Pieces,
    Result,
    Table,
    Value,
    index_names,
    short,
)

# If an array has more columns, only the first and the last are shown.
_MOST_COLUMNS = 3


@dataclass(frozen=True)
class _Summary:
    """A result as one row."""

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
    """The row of a model, or of the difference."""

    model: str
    shown: str
    value: float | None
    ci: tuple[float, float] | None
    wins: float | None


def document_of(
    result: Result, numbers: Numbers = AS_USUAL, shows_signature: bool = False
) -> Document:
    """The document of one result."""
    further = {fact.name: fact.value for fact in result.facts if fact.in_rows}
    elements = None if result.reduction != "none" else result.count + result.ignored
    return Document(
        data=result.data,
        summary=_summary(result, further),
        tables=result.tables,
        blocks=(Block(tuple(_lines(result, numbers)), tuple(_files(result.inputs))),),
        closing=Line("signature", result.signature) if shows_signature else None,
        numbers=numbers,
        number=result.value,
        is_number_alone=not (further or result.tables),
        elements=elements,
        header=(*index_names(len(result.shape)), "loss"),
        warnings=tuple(dict.fromkeys(result.warnings)),
        origin=(Line("signature", result.signature),),
        notes=tuple(dict.fromkeys(result.notes)),
        file_notes=result.columns,
    )


def document_of_comparison(comparison: Comparison, numbers: Numbers = AS_USUAL) -> Document:
    """The document of a comparison."""
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
        Column("ci", Kind.INTERVAL, heading="95% CI"),
        Column("wins", Kind.SHARE, heading="wins"),
    )
    verdict = Line("verdict", _verdict(comparison), f"n = {b.samples:,}")
    inputs = (a.inputs[0], *b.inputs)
    return Document(
        data=comparison.data,
        summary=Table("compare", columns, models, title="Models", what="models"),
        tables=comparison.tables,
        blocks=(
            Block((verdict, *_unusual(b))),
            Block((), tuple(_files(inputs, ("A", "B")))),
        ),
        shows_summary=True,
        numbers=numbers,
        answer=_difference(comparison, numbers),
        number=comparison.difference,
        origin=(Line("signature A", a.signature), Line("signature B", b.signature)),
        warnings=tuple(_of_models(a.warnings, b.warnings)),
        notes=tuple(dict.fromkeys((*a.notes, *b.notes))),
        file_notes=(*a.columns, *b.columns),
    )


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


def _lines(result: Result, numbers: Numbers) -> Iterator[Line]:
    yield _headline(result, numbers)
    for fact in result.facts:
        if fact.shown:
            yield Line(fact.label, _text(fact.shown, numbers), _text(fact.remark, numbers))
    yield from _unusual(result)


def _headline(result: Result, numbers: Numbers) -> Line:
    n = f"n = {result.samples:,}"
    if result.value is None:
        return Line(result.loss, "", n)
    if result.ci is None:
        return Line(result.loss, numbers.alone(result.value), n)
    interval = numbers.interval(result.ci, result.value)
    return Line(result.loss, numbers.alone(result.value), f"95% CI {interval}   {n}")


def _text(pieces: Pieces, numbers: Numbers) -> str:
    return "".join(_piece(piece, numbers) for piece in pieces)


def _piece(piece: str | float | Between, numbers: Numbers) -> str:
    if isinstance(piece, Between):
        return numbers.interval(*piece)
    return piece if isinstance(piece, str) else numbers.alone(piece)


def _unusual(result: Result) -> Iterator[Line]:
    """Lines on what is not the default: the reduction, ignored elements, options, conditions and
    keys."""
    is_plain = result.reduction == "mean" and result.weight_sum == result.count == result.samples
    if not is_plain:
        yield Line("reduction", _reduction(result))
    if result.ignored:
        skipped = f", {result.skipped:,} of them NaN" if result.skipped else ""
        yield Line("ignored", f"{_elements(result.ignored)}{skipped}")
    if result.changed:
        yield Line("options", " ".join(map(_option, result.changed.items())))
    if result.selected is not None:
        chosen = result.selected
        conditions = " and ".join(chosen.where)
        yield Line("rows", f"{chosen.kept:,} kept where {conditions}, {chosen.dropped:,} dropped")
    if result.pairing not in (None, "position"):
        key = str(result.pairing).removeprefix("id ")
        yield Line("rows", f"paired by key {key}")


def _files(inputs: Sequence[Input], names: Sequence[str] = ()) -> Iterator[Line]:
    """Lines about the inputs. `names` replace the roles of the first inputs."""
    for array, name in zip_longest(inputs, names[: len(inputs)]):
        yield Line(name or array.role, _source(array), _type(array))
        for digest in array.sha256 or ():
            yield Line("SHA-256", digest)


def _source(array: Input) -> str:
    files = f" ({len(array.files)} files)" if array.files else ""
    path = f"{array.path or 'given'}{files}"
    columns = array.columns or ()
    if len(columns) > _MOST_COLUMNS:
        columns = (columns[0], "...", columns[-1])
    return f"{path}: {', '.join(columns)}" if columns else path


def _type(array: Input) -> str:
    return " ".join([*" x ".join(map(str, array.shape)).split(), array.dtype])


def _of_models(a: Sequence[str], b: Sequence[str]) -> Iterator[str]:
    """The warnings of two models; those of one model begin with its name."""
    for warning in dict.fromkeys((*a, *b)):
        own = "" if warning in a and warning in b else "A: " if warning in a else "B: "
        yield f"{own}{warning}"


def _difference(comparison: Comparison, numbers: Numbers) -> Line:
    """The difference of the losses with its interval."""
    ci = comparison.ci
    interval = "" if ci is None else f"95% CI {numbers.interval(ci, comparison.difference)}   "
    text = numbers.alone(comparison.difference)
    return Line(f"{comparison.a.loss}, B - A", text, f"{interval}{_verdict(comparison)}")


def _verdict(comparison: Comparison) -> str:
    if comparison.ci is None:
        return "unknown: no confidence interval"
    low, high = comparison.ci
    if low > 0.0:
        return "B is worse"
    return "B is better" if high < 0.0 else "no significant difference"


def _reduction(result: Result) -> str:
    in_samples = f" in {_samples(result.samples)}" if result.samples != result.count else ""
    elements = f"{result.reduction} of {_elements(result.count)}{in_samples}"
    weight_sum = short(result.weight_sum)
    if result.has_sample_weights:
        weighted = f"{elements}, weighted by sample weights"
        is_mean = result.reduction == "mean"
        divided = f"{elements}, divided by the sum of sample weights ({weight_sum})"
        return divided if is_mean else weighted
    if result.reduction == "mean" and result.weight_sum != result.count:
        return f"{elements}, divided by the sum of weights ({weight_sum})"
    if result.reduction == "batchmean":
        return f"sum of {_elements(result.count)}, divided by {_samples(result.samples)}"
    return elements


def _elements(count: int) -> str:
    return "1 element" if count == 1 else f"{count:,} elements"


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count:,} samples"


def _option(item: tuple[str, Any]) -> str:
    """An option as it is typed."""
    name, value = item
    if isinstance(value, bool):
        return f"--{kebab(name)}" if value else f"--no-{kebab(name)}"
    shown = " ".join(map(str, value)) if isinstance(value, list) else value
    shown = "none" if value is None else shown
    return f"--{kebab(name)} {shown}"
