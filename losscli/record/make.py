"""Write the record of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from losscli.evaluation.environment import environment
from losscli.evaluation.outcome import Outcome
from losscli.readers.files.store import is_uri, without_secrets
from losscli.record.claim import claim_of, files_of_outcome
from losscli.record.file import sha256_of, text_of
from losscli.record.paths import relative_path
from losscli.result import Comparison


@dataclass(frozen=True)
class Run:
    """How a result was computed: what a claim does not contain.

    Args:
        arguments: the words of the command line; empty in Python
        begin: the time when the run began
        threads: the number of threads
    """

    arguments: Sequence[str]
    begin: datetime
    threads: int


@dataclass(frozen=True)
class Written:
    """The text of a record, and the SHA-256 of its claim."""

    text: str
    claim_sha256: str


def record_of(outcome: Outcome[Any], path: str, run: Run) -> Written:
    """The record of an outcome, for the file `path`. Raises DataError for what cannot be recorded,
    and for files that changed."""
    names = {file: relative_path(file, path) for file in files_of_outcome(outcome)}
    claim = claim_of(outcome, names)
    return Written(text_of(claim, environment(), _run(outcome, run)), sha256_of(claim))


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
    option, equals, value = (
        word.rpartition("=") if re.match(r"--[a-z-]+=", word) else ("", "", word)
    )
    return f"{option}{equals}{without_secrets(value)}" if is_uri(value) else word
