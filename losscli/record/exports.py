"""A record for other programs: sha256sum, and in-toto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from losscli.readers.files.uri import is_uri
from losscli.record.file import Record
from losscli.record.verify import files_of_record

# The type of the predicate of a statement.
PREDICATE_TYPE = "urn:losscli:record:1"


def sums(record: Record) -> Iterator[str]:
    """The lines that `sha256sum -c` reads, for the files on disk, with paths from the current
    directory."""
    folder = os.path.dirname(record.path)
    for file in files_of_record(record):
        path = str(file["path"])
        if not is_uri(path) and not is_uri(record.path):
            yield _line(str(file["sha256"]), os.path.normpath(os.path.join(folder, path)))


def _line(sha256: str, path: str) -> str:
    r"""A line of sha256sum. A line with escaped characters begins with a backslash.

    >>> _line("ab", "a\nb")
    '\\ab  a\\nb'
    """
    escaped = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == path else chr(92)}{sha256}  {escaped}"


def statement(record: Record) -> dict[str, Any]:
    """The record as a statement of in-toto, with its files as subjects.

    Source: the in-toto attestation framework, Statement v1
    """
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": file["path"], "digest": {"sha256": file["sha256"]}}
            for file in files_of_record(record)
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "claim": record.claim,
            "claim_sha256": record.claim_sha256,
            "environment": record.environment,
            "run": record.run,
        },
    }
