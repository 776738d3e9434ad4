"""--record: write what was computed from which files, for `losscli verify`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from losscli.errors import UsageError
from losscli.evaluation.outcome import Outcome
from losscli.readers.files.digests import Digest, Summing
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.record.claim import require_recordable
from losscli.record.make import Run, record_of
from losscli.report.atomic import AtomicFile, undisturbed
from losscli.request.request import Request

_REST_BYTES = 1 << 20


class Recording:
    """A record that is written once its result is known. The file is tried before the work."""

    def __init__(self, path: str, file: AtomicFile, run: Run) -> None:
        self._path, self._file, self._run = path, file, run
        self._standard_input = _HashedInput(sys.stdin) if sys.stdin is not None else None

    def write(self, outcome: Outcome[Any]) -> tuple[str, ...]:
        """Write the record. Returns notes about it."""
        digests = outcome.digests
        paths = {path for provenance in outcome.provenances for path in provenance.paths}
        if STANDARD_INPUT in paths and self._standard_input is not None:
            digests = {**digests, STANDARD_INPUT: self._standard_input.digest()}
        record = record_of(replace(outcome, digests=digests), self._path, self._run)
        self._file.write(record.text)
        notes = [f"{self._path}: recorded the run; SHA-256 of the claim {record.claim_sha256}"]
        if paths - set(digests):
            notes.insert(0, f"{self._path}: the files were read a second time for their SHA-256")
        if STANDARD_INPUT in paths:
            notes.append(f"{self._path}: standard input cannot be read again by losscli verify")
        return tuple(notes)


@contextmanager
def prepared(
    path: str, arguments: Sequence[str], requests: Iterable[Request]
) -> Iterator[Recording]:
    """Prepare to record a run. Raises DataError if the file cannot be written, or the requests
    cannot be recorded."""
    if not path:
        raise UsageError("--record is empty (is a shell variable unset?). Give a file.")
    threads = 1
    for request in requests:
        require_recordable(request)
        threads = request.execution.workers
    with undisturbed():
        file = AtomicFile(path)
    with file:
        yield Recording(path, file, Run(arguments, datetime.now(UTC), threads))


class _HashedInput:
    """Standard input, hashed as it is read. It replaces `sys.stdin`."""

    def __init__(self, stdin: Any) -> None:
        self._raw = _HashedBytes(stdin.buffer)
        self.buffer = io.BufferedReader(self._raw)
        self.encoding, self.errors = stdin.encoding, stdin.errors
        self.fileno, self.isatty = stdin.fileno, stdin.isatty
        sys.stdin = self

    def digest(self) -> Digest:
        """The digest of all bytes, also of those that nothing has read yet."""
        with suppress(ValueError):  # closed
            while self.buffer.read(_REST_BYTES):
                pass
        return self._raw.summing.digest()


class _HashedBytes(io.RawIOBase):
    def __init__(self, file: Any) -> None:
        self._file = file
        self.summing = Summing()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        count = int(self._file.readinto1(view))
        self.summing.add(view[:count])
        return count
