"""What `losscli verify`, `losscli record` and `losscli replay` do."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from losscli.cli.actions import (
    progress,
    recording,
    report_comparison,
    report_result,
)
from losscli.cli.process import say
from losscli.cli.recording import page_file
from losscli.cli.words import Words, showing_of
from losscli.errors import GateError, UsageError
from losscli.evaluation.environment import DISABLED, features_to_disable
from losscli.json_text import dumps
from losscli.record.claim import renamed
from losscli.record.documents import (
    document_of_record,
    document_of_verification,
    origin_of,
)
from losscli.record.exports import statement, sums
from losscli.record.file import Record, load
from losscli.record.make import require_free
from losscli.record.verify import (
    WITHIN,
    Verification,
    files_of_record,
    requests_of,
    run,
    verify,
)
from losscli.report import open_report
from losscli.request.request import Files, Request
from losscli.result import Comparison


def answer_verify(
    path: str,
    root: str | None,
    files_only: bool,
    strict: bool,
    format: str | None,
    page: str | None,
) -> None:
    """Verify a record, and report what differs. Raises GateError if something does."""
    record = load(path)
    if not files_only:
        _with_features_of(record)
    with ExitStack() as stack:
        file = None
        if page is not None:
            used = {path: "the record that is verified"}
            file = stack.enter_context(page_file(page, used))
        found = verify(record, root, files_only=files_only, on_progress=progress(stack))
        document = replace(document_of_verification(found), origin=tuple(origin_of(record)))
        if file is not None:
            require_free("report", file.path, dict.fromkeys(found.files, "a file of the record"))
            file.write(document)
    open_report(format, sys.stdout).document(document)
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
        command = [sys.executable, "-P", "-m", "losscli", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, DISABLED: " ".join(disabled)})


def answer_record(path: str, shows_sums: bool, shows_statement: bool, format: str | None) -> None:
    """Show a record, or print it for another program."""
    record = load(path)
    if shows_sums and shows_statement:
        raise UsageError("--sums and --in-toto cannot be combined.")
    if record.changes and (shows_sums or shows_statement):
        raise GateError(f"{path}: changed since it was written: {record.changes[0]}")
    for change in record.changes:
        say("warning", f"{path}: {change} was changed since the record was written")
    if shows_sums:
        for line in sums(record):
            sys.stdout.buffer.write(os.fsencode(f"{line}\n"))
    elif shows_statement:
        print(dumps(statement(record), indent=2))
    else:
        open_report(format, sys.stdout).document(document_of_record(record))


def answer_replay(path: str, files: Sequence[str], words: Words, arguments: Sequence[str]) -> None:
    """Run the request of a record on other files."""
    showing = showing_of(words)
    requests = _replaced(load(path), files)
    if requests[0].reduction == "none":
        raise UsageError("replay shows one number, and the record has --reduction none.")
    used = {path: "the record that is run"}
    with recording(showing, arguments, requests, used) as record, ExitStack() as stack:
        outcome = run(requests, progress(stack), hashes=record is not None)
        if isinstance(outcome.result, Comparison):
            report_comparison(outcome, showing, record)
        else:
            report_result(open_report(showing.format, sys.stdout), outcome, showing, record)


def _replaced(record: Record, files: Sequence[str]) -> list[Request]:
    """The requests of a record with other files, in the order in which the command names them.

    Raises GateError for a record that was changed, and UsageError for another number of files.
    """
    if record.changes:
        raise GateError(f"{record.path}: changed since it was written: {record.changes[0]}")
    requests = requests_of(record)
    recorded = _order(requests, {str(file["path"]) for file in files_of_record(record)})
    if len(files) != len(recorded):
        names = "; ".join(" ".join(each) for each in recorded)
        raise UsageError(
            f"{record.path}: found {len(files)} files, expected {len(recorded)}, in place of: "
            f"{names}. In place of several files, give a folder or a quoted glob."
        )
    others = dict(zip(recorded, files, strict=True))
    return [_with_files(request, others) for request in requests]


def _order(requests: Sequence[Request], recorded: set[str]) -> list[Files]:
    """The files of arrays, those of both models of a comparison first, and the files of labels."""
    firsts = [next(iter(request.arrays.values())) for request in requests]
    arrays = [*firsts, *(value for request in requests for value in request.arrays.values())]
    labels = [
        label
        for request in requests
        for label in (*request.wanted.by, request.wanted.cluster)
        if label in recorded
    ]
    files = [value for value in arrays if isinstance(value, tuple)]
    return list(dict.fromkeys([*files, *((label,) for label in labels if label)]))


def _with_files(request: Request, others: Mapping[Files, str]) -> Request:
    """The request with other files. Only files that replace several may be a folder or a glob."""
    reading = replace(request.reading, as_listed=False, labels=tuple(others.values()))
    labels = {old[0]: new for old, new in others.items()}
    return renamed(request, lambda files: (others[files],), labels, reading)
