"""The document of the findings of `losscli inspect`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from losscli.evaluation.inspect import Finding
from losscli.report.document import Block, Document, Line
from losscli.result import Column, Kind, Table, short

_COLUMNS = (
    ("file", "file"),
    ("array", "array"),
    ("shape", "shape"),
    ("dtype", "dtype"),
    ("looks like", "looks_like"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("NaN", "nan"),
    ("infinite", "infinite"),
    ("missing", "missing"),
    ("rows seen", "rows"),
)


@dataclass(frozen=True)
class _Row:
    """A finding, formatted for people."""

    file: str
    array: str
    shape: str
    dtype: str
    looks_like: str
    minimum: str
    maximum: str
    nan: int
    infinite: int
    missing: int
    rows: int


def document_of_findings(
    findings: Sequence[Finding], command: str | None, warnings: Sequence[str]
) -> Document:
    """The document of an inspection. Row formats have a row for each array. People see a block of
    lines for each array, because a table would be too wide."""
    rows = [_row(finding) for finding in findings]
    columns = tuple(Column(name, Kind.PLAIN, field=field) for name, field in _COLUMNS)
    return Document(
        data={"arrays": tuple(findings), "command": command, "warnings": tuple(warnings)},
        summary=Table("arrays", columns, rows, what="arrays"),
        blocks=tuple(map(_block, rows)),
        closing=None if command is None else Line("try", command),
        has_rows_alone=True,
    )


def _row(finding: Finding) -> _Row:
    marks = f", and {' '.join(map(str, finding.marks))}" if finding.marks else ""
    return _Row(
        finding.file,
        finding.name,
        str(finding.shape).replace("None", "N"),
        finding.dtype,
        finding.looks_like + marks,
        short(finding.minimum),
        short(finding.maximum),
        finding.nan,
        finding.infinite,
        finding.missing,
        finding.rows,
    )


def _block(row: _Row) -> Block:
    heading = f"{row.file}: {row.array}" if row.array else row.file
    return Block((Line("file", heading), *_lines(row)))


def _lines(row: _Row) -> Iterator[Line]:
    yield Line("contains", f"{row.shape} {row.dtype}, looks like {row.looks_like}")
    if row.minimum:
        rows = "row" if row.rows == 1 else f"{row.rows} rows"
        yield Line("range", f"{row.minimum} to {row.maximum} in the first {rows}")
        counts = {"NaN": row.nan, "infinite": row.infinite, "missing": row.missing}
        if any(counts.values()):
            text = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
            yield Line("unusual", text)
