"""What `losscli verify`, `losscli record` and `losscli replay` do."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from losscli.cli.actions import noting, progress, recording, show
from losscli.cli.process import say
from losscli.cli.words import Showing, Words, showing_of
from losscli.errors import GateError, UsageError
from losscli.evaluation.environment import DISABLED, features_to_disable
from losscli.json_text import dumps
from losscli.record.documents import document_of_record, document_of_verification
from losscli.record.exports import statement, sums
from losscli.record.file import Record, load
from losscli.record.verify import (
    WITHIN,
    Verification,
    requests_of,
    run,
    verify,
)
from losscli.report import open_report
from losscli.report.numbers import Numbers
from losscli.report.of_result import document_of, document_of_comparison
from losscli.request.request import Request
from losscli.result import Comparison


def answer_verify(
    path: str, root: str | None, files_only: bool, strict: bool, format: str | None
) -> None:
    """Verify a record, and report what differs. Raises GateError if something does."""
    record = load(path)
    if not files_only:
        _with_features_of(record)
    with ExitStack() as stack:
        found = verify(record, root, files_only=files_only, on_progress=progress(stack))
    open_report(format, sys.stdout).document(document_of_verification(found))
    sys.stdout.flush()
    _judge(found, strict)


def _judge(found: Verification, strict: bool) -> None:
    if not found.is_verified:
        problem = found.problems[0]
        raise GateError(f"{found.path}: not verified: {problem.part}: {problem.detail}")
    numbers = found["numbers"]
    if numbers.verdict == WITHIN:
        if strict:
            raise GateError(f"{found.path}: not verified: numbers: {numbers.detail} (--strict)")
        say("warning", f"{found.path}: numbers: {numbers.detail}")


def _with_features_of(record: Record) -> None:
    """Start again without the CPU features that the recorded machine had not. NumPy reads the
    variable when it is imported."""
    disabled = features_to_disable(record.environment)
    if disabled and DISABLED not in os.environ:
        sys.stdout.flush()
        environment = {**os.environ, DISABLED: " ".join(disabled)}
        os.execve(sys.executable, [sys.executable, "-P", "-m", "losscli", *_words()], environment)


def _words() -> list[str]:
    return sys.argv[1:]


def answer_record(path: str, shows_sums: bool, shows_statement: bool, format: str | None) -> None:
    """Show a record, or print it for another program."""
    record = load(path)
    if shows_sums and shows_statement:
        raise UsageError("--sums and --in-toto cannot be combined.")
    for change in record.changes:
        say("warning", f"{path}: {change} was changed since the record was written")
    if shows_sums:
        for line in sums(record):
            print(line)
    elif shows_statement:
        print(dumps(statement(record), indent=2))
    else:
        open_report(format, sys.stdout).document(document_of_record(record))


def answer_replay(path: str, files: Sequence[str], words: Words, arguments: Sequence[str]) -> None:
    """Run the request of a record on other files."""
    showing = showing_of(words)
    requests = _replaced(requests_of(load(path)), files, path)
    with recording(words["record"], arguments, requests) as record, ExitStack() as stack:
        outcome = run(requests, progress(stack), hashes=record is not None)
        notes = () if record is None else record.write(outcome)
    _show(outcome.result, noting(showing, notes))


def _show(result: Any, showing: Showing) -> None:
    report = open_report(showing.format, sys.stdout)
    numbers = Numbers(showing.decimals)
    if isinstance(result, Comparison):
        show(report, document_of_comparison(result, numbers), (result.a, result.b), showing)
        return
    show(report, document_of(result, numbers, showing.signature), (result,), showing)
    if showing.gate is not None:
        showing.gate.judge(result)


def _replaced(requests: Sequence[Request], files: Sequence[str], path: str) -> list[Request]:
    """The requests with other files in place of the recorded ones, in the order of the record."""
    recorded = list(dict.fromkeys(files for request in requests for files in request.files))
    if len(files) != len(recorded):
        names = ", ".join(" ".join(each) for each in recorded)
        noun = "file" if len(recorded) == 1 else "files"
        raise UsageError(
            f"{path}: the record has {len(recorded)} {noun} ({names}), found {len(files)}. Give "
            "one for each, in this order."
        )
    others = {old: (new,) for old, new in zip(recorded, files, strict=True)}
    return [
        replace(
            request,
            arrays={
                name: others.get(value, value) if isinstance(value, tuple) else value
                for name, value in request.arrays.items()
            },
            reading=replace(request.reading, as_listed=False),
        )
        for request in requests
    ]
