"""The documents of a verification and of a record."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from losscli.record.file import Record
from losscli.record.verify import Verification, files_of_record
from losscli.report.document import Block, Document, Line
from losscli.result import Column, Kind, Table

_COLUMNS = tuple(Column(name, Kind.PLAIN) for name in ("part", "verdict", "detail"))


def document_of_verification(found: Verification) -> Document:
    """A line for the record, its files, its environment and its numbers."""
    lines = (
        Line("loss", found.answer),
        *(Line(one.part, one.verdict, one.detail) for one in found.findings),
    )
    return Document(
        data={
            "record": found.path,
            "claim_sha256": found.claim_sha256,
            "loss": found.answer,
            "verified": found.is_verified,
            "exact": found.is_exact,
            "findings": found.findings,
        },
        summary=Table("findings", _COLUMNS, found.findings, title="Findings", what="findings"),
        blocks=(Block(lines),),
        has_rows_alone=True,
        answer=Line("verification", _verdict(found), found.path),
    )


def _verdict(found: Verification) -> str:
    if not found.is_verified:
        return "not verified"
    return "verified" if found.is_exact else "verified, but not bit for bit"


@dataclass(frozen=True)
class _Member:
    """A member of a record, as a row."""

    name: str
    value: str


def document_of_record(record: Record) -> Document:
    """What a record claims, for people."""
    lines = tuple(_lines(record))
    columns = tuple(Column(name, Kind.PLAIN) for name in ("name", "value"))
    rows = [_Member(line.label, line.text) for line in lines]
    return Document(
        data={
            "record": record.path,
            "claim_sha256": record.claim_sha256,
            "changed": list(record.changes),
            "claim": record.claim,
            "environment": record.environment,
            "run": record.run,
        },
        summary=Table("record", columns, rows, what="members"),
        blocks=(Block(lines),),
        has_rows_alone=True,
    )


def _lines(record: Record) -> Iterator[Line]:
    claim = record.claim
    yield Line("loss", str(claim.get("loss")))
    for name, value in _numbers(claim.get("numbers")):
        yield Line(name, value)
    options = claim.get("options")
    given = options.items() if isinstance(options, dict) else ()
    texts = [f"{name.rstrip('_')}={_text(value)}" for name, value in given if value is not None]
    if texts:
        yield Line("options", " ".join(texts))
    yield from origin_of(record)


def origin_of(record: Record) -> Iterator[Line]:
    """How the numbers of a record were computed: its files, its environment and its command."""
    for file in files_of_record(record):
        yield Line("file", f"{file['path']}   {file['bytes']:,} bytes   {file['sha256']}")
    for name, value in record.environment.items():
        if not isinstance(value, dict):
            yield Line(str(name), str(value))
        elif isinstance(value.get("found"), list):
            yield Line("CPU features", " ".join(map(str, value["found"])))
    arguments = record.run.get("arguments")
    if isinstance(arguments, list) and arguments:
        yield Line("command", shlex.join(["losscli", *map(str, arguments)]))
    yield Line("time", str(record.run.get("time")))
    warnings = record.run.get("warnings")
    for warning in warnings if isinstance(warnings, list) else ():
        yield Line("warning", str(warning))
    yield Line("claim", record.claim_sha256)


def _numbers(numbers: Any) -> Iterator[tuple[str, str]]:
    """The numbers that are not tables and not null."""
    if not isinstance(numbers, Mapping):
        return
    for name, value in numbers.items():
        if isinstance(value, dict) and name in ("a", "b"):
            yield from ((f"{name} {inner}", text) for inner, text in _numbers(value))
        elif value is not None and name != "loss" and not _is_table(value):
            yield str(name), _text(value)


def _is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(row, dict) for row in value)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
