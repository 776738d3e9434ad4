"""--record: write what was computed from which files, for `losscli verify`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from losscli.errors import UsageError
from losscli.evaluation.outcome import Outcome
from losscli.readers.files.digests import Digest, Summing
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.record import make
from losscli.request.request import Request

_REST_BYTES = 1 << 20


class Recording:
    """A record of a command, with the digest of standard input."""

    def __init__(self, recording: make.Recording) -> None:
        self._recording = recording
        self._standard_input = _HashedInput(sys.stdin) if sys.stdin is not None else None

    def write(self, outcome: Outcome[Any]) -> tuple[str, ...]:
        """Write the record. Returns notes about it."""
        if STANDARD_INPUT not in outcome.files or self._standard_input is None:
            return self._recording.write(outcome)
        digests = {**outcome.digests, STANDARD_INPUT: self._standard_input.digest()}
        notes = self._recording.write(replace(outcome, digests=digests))
        return (*notes, "losscli verify cannot read standard input again")


@contextmanager
def prepared(
    path: str, arguments: Sequence[str], requests: Iterable[Request], used: Mapping[str, str]
) -> Iterator[Recording]:
    """Prepare to record a run, as `make.prepared` does."""
    if not path:
        raise UsageError("--record is empty (is a shell variable unset?). Give a file.")
    with make.prepared(path, arguments, requests, used) as recording:
        yield Recording(recording)


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
