"""--record and --report: write what was computed from which files, and a page about it."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

from losscli.cli.words import Showing
from losscli.errors import UsageError, option_error
from losscli.evaluation.outcome import Outcome
from losscli.readers.files.digests import Digest, Summing
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.record.documents import origin_of
from losscli.record.file import MOST_BYTES_IN_A_PAGE, Record
from losscli.record.make import Recording as RecordFile
from losscli.record.make import Run, begun, notes_on, record_of, require_free, writing
from losscli.report.atomic import AtomicFile, undisturbed
from losscli.report.document import Document
from losscli.request.request import Request

_REST_BYTES = 1 << 20
_SUFFIXES = (".html", ".htm")

# A page on standard output names the files as they are seen from the working directory.
_HERE = "page.html"


class PageFile:
    """The file of --report, which appears whole or not at all."""

    def __init__(self, path: str, file: AtomicFile) -> None:
        self.path = path
        self._file = file

    def write(self, document: Document) -> None:
        """Write the page of a document."""
        from losscli.report.page.render import page_of  # noqa: PLC0415 - only for pages

        self._file.write(page_of(document))


class Recording:
    """The record of a command and its page, with the digest of standard input."""

    def __init__(self, run: Run, record: RecordFile | None, page: PageFile | None) -> None:
        self._run = run
        self._record = record
        self._page = page
        self._outcome: Outcome[Any] | None = None
        self._standard_input = _HashedInput(sys.stdin) if sys.stdin is not None else None

    def write(self, outcome: Outcome[Any]) -> tuple[str, ...]:
        """Write the record. Returns notes about it."""
        is_piped = STANDARD_INPUT in outcome.files and self._standard_input is not None
        if is_piped:
            assert self._standard_input is not None
            digests = {**outcome.digests, STANDARD_INPUT: self._standard_input.digest()}
            outcome = replace(outcome, digests=digests)
        self._outcome = outcome
        if self._page is not None:
            require_free("report", self._page.path, dict.fromkeys(outcome.files, "an input file"))
        if self._record is None:
            return ()
        notes = self._record.write(outcome)
        again = ("losscli verify cannot read standard input again",) if is_piped else ()
        return (*notes, *again)

    def completed(self, document: Document) -> Document:
        """The document of the outcome with what a page contains of its record."""
        record, text = self._of_page
        is_too_large = len(text) > MOST_BYTES_IN_A_PAGE
        return replace(
            document,
            origin=(*document.origin, *origin_of(record)),
            record=None if is_too_large else text,
            is_once_only=any(file["path"] == STANDARD_INPUT for file in record.claim["files"]),
        )

    @cached_property
    def _of_page(self) -> tuple[Record, str]:
        """The record in the page, and its text."""
        assert self._outcome is not None
        path = _HERE if self._page is None else self._page.path
        return record_of(self._outcome, path, self._run)

    def write_page(self, document: Document) -> tuple[str, ...]:
        """Write the page of the outcome if it was requested. Returns notes about it."""
        if self._page is None:
            return ()
        completed = self.completed(document)
        self._page.write(completed)
        if completed.record is None:
            return (f"{self._page.path}: the record is too large for a page. Use --record.",)
        return notes_on(self._of_page[0])


@contextmanager
def prepared(
    showing: Showing,
    arguments: Sequence[str],
    requests: Iterable[Request],
    used: Mapping[str, str],
) -> Iterator[Recording]:
    """Prepare the files of --record and --report, before the work. `used` has files that they must
    not overwrite, and what the files are."""
    run = begun(arguments, requests)
    with ExitStack() as stack:
        record = None
        if showing.record is not None:
            _require_name("record", showing.record)
            record = stack.enter_context(writing(showing.record, run, used))
            used = {**used, showing.record: "the file of --record"}
        page = None
        if showing.report is not None:
            page = stack.enter_context(page_file(showing.report, used))
        yield Recording(run, record, page)


@contextmanager
def page_file(path: str, used: Mapping[str, str]) -> Iterator[PageFile]:
    """Prepare the file of --report."""
    _require_name("report", path)
    if not path.lower().endswith(_SUFFIXES):
        raise option_error("report", path, f"a file name with suffix {' or '.join(_SUFFIXES)}")
    require_free("report", path, used)
    with undisturbed():
        file = AtomicFile(path)
    with file:
        yield PageFile(path, file)


def _require_name(option: str, path: str) -> None:
    if not path:
        raise UsageError(f"--{option} is empty (is a shell variable unset?). Give a file.")


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
