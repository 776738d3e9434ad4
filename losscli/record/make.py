"""Write the record of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from losscli.errors import UsageError
from losscli.evaluation.environment import environment
from losscli.evaluation.outcome import Outcome
from losscli.readers.files.uri import is_uri, without_secrets
from losscli.record.claim import claim_of, require_recordable
from losscli.record.file import Record, sha256_of, text_of
from losscli.record.paths import is_outside, relative_path
from losscli.report.atomic import AtomicFile, undisturbed
from losscli.request.request import Request
from losscli.result import Comparison


@dataclass(frozen=True)
class Run:
    """How a result was computed: what a claim does not contain.

    Args:
        arguments: the words of the command line; empty in Python
        begin: the time when the run began
        threads: the number of threads; None for parts, which other processes computed
    """

    arguments: Sequence[str]
    begin: datetime
    threads: int | None


@dataclass(frozen=True)
class Recording:
    """A record that is written once its result is known.

    Args:
        path: the file
        file: the file, which appears whole or not at all
        run: how the result is computed
    """

    path: str
    file: AtomicFile
    run: Run

    def write(self, outcome: Outcome[Any]) -> tuple[str, ...]:
        """Write the record. Returns notes about it. Raises DataError for what cannot be recorded,
        and for files that changed."""
        require_free("record", self.path, dict.fromkeys(outcome.files, "an input file"))
        record, text = record_of(outcome, self.path, self.run)
        self.file.write(text)
        is_second = not set(outcome.files) <= set(outcome.digests)
        again = (f"{self.path}: read the files again for their SHA-256",) if is_second else ()
        written = f"{self.path}: recorded the run; SHA-256 of the claim {record.claim_sha256}"
        return (*again, written, *notes_on(record))


def notes_on(record: Record) -> tuple[str, ...]:
    """Notes on what `losscli verify` needs for a record."""
    if not any(is_outside(file["path"]) for file in record.claim["files"]):
        return ()
    return (f"{record.path}: some files are not in its folder, so losscli verify needs --root",)


def require_free(option: str, path: str, used: Mapping[str, str]) -> None:
    """Raise UsageError if the file of an option would overwrite another one. `used` has the paths
    of files, and what the files are."""
    own = os.path.realpath(path)
    for file, what in used.items():
        if file == path or os.path.realpath(file) == own:
            raise UsageError(f"--{option} {path!r} is also {what}. Use another name.")


@contextmanager
def writing(path: str, run: Run, used: Mapping[str, str]) -> Iterator[Recording]:
    """Prepare the file of a record, before the work. `used` has files that the record must not
    overwrite, and what they are. Raises DataError if the file cannot be written."""
    require_free("record", path, used)
    with undisturbed():
        file = AtomicFile(path)
    with file:
        yield Recording(path, file, run)


def begun(arguments: Sequence[str], requests: Iterable[Request]) -> Run:
    """A run that begins now. Raises DataError if the requests cannot be recorded."""
    threads = None
    for request in requests:
        require_recordable(request)
        threads = request.execution.workers
    return Run(arguments, datetime.now(UTC), threads)


def record_of(outcome: Outcome[Any], path: str, run: Run) -> tuple[Record, str]:
    """The record of an outcome, and its text, for the file `path`."""
    names = {file: relative_path(file, path) for file in outcome.files}
    claim, here, how = claim_of(outcome, names), environment(), _run(outcome, run)
    return Record(path, claim, here, how, sha256_of(claim)), text_of(claim, here, how)


def _run(outcome: Outcome[Any], run: Run) -> Mapping[str, Any]:
    result = outcome.result
    results = (result.a, result.b) if isinstance(result, Comparison) else (result,)
    return {
        "arguments": [_without_secrets(word) for word in run.arguments],
        "time": run.begin.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round((datetime.now(UTC) - run.begin).total_seconds(), 3),
        "threads": run.threads,
        "warnings": list(dict.fromkeys(text for each in results for text in each.warnings)),
    }


def _without_secrets(word: str) -> str:
    """A word of the command line, without the secrets of a URI in it."""
    has_value = re.match(r"--[a-z-]+=", word) is not None
    option, equals, value = word.partition("=") if has_value else ("", "", word)
    return f"{option}{equals}{without_secrets(value)}" if is_uri(value) else word
