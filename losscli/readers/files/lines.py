"""Split text into chunks of whole rows, which are parsed in parallel."""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from losscli.errors import DataError, first_line
from losscli.readers.files.origin import Origin
from losscli.threads import in_order

if TYPE_CHECKING:
    import pyarrow as pa

# The types of the columns are inferred from the first block.
_BLOCK_BYTES = 1 << 20

# Bytes that one thread parses at a time.
_CHUNK_BYTES = 1 << 22

_BREAKS = b"\r\n"


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of a file: the number of the first, from 1, and their count."""

    first: int
    count: int


@dataclass(frozen=True)
class Chunk:
    """Complete rows: the first `size` bytes of a text. `line` is the number of the first line, from
    1."""

    text: bytes
    size: int
    line: int

    @property
    def rows(self) -> memoryview:
        return memoryview(self.text)[: self.size]

    @cached_property
    def breaks(self) -> int:
        """The number of line breaks, which NumPy counts faster than `bytes.count`."""
        return int(np.count_nonzero(np.asarray(self.rows) == ord(b"\n")))

    @property
    def lines(self) -> Lines:
        """The lines of the rows; the last may have no line break."""
        return Lines(self.line, self.breaks + (not self.text.endswith(b"\n", 0, self.size)))


class LineNumbers:
    """The lines of a text file at which rows begin, recorded while chunks are read in order."""

    def __init__(self) -> None:
        # For each run of chunks: the first row, and the difference between line and row numbers,
        # which is None in chunks with blank lines or with rows of several lines.
        self._runs: list[tuple[int, int | None]] = []
        self._rows = 0

    def add(self, lines: Lines, first_row: int, rows: int) -> None:
        """Record the lines of some rows. Does nothing if an earlier pass recorded them."""
        if first_row != self._rows:
            return
        distance = lines.first - first_row if lines.count == rows else None
        if not self._runs or self._runs[-1][1] != distance:
            self._runs.append((first_row, distance))
        self._rows += rows

    def line_of(self, row: int) -> int | None:
        """Return the line at which a row begins; None if the row was not read or its line is not
        known."""
        if not 0 <= row < self._rows:
            return None
        run = bisect_right(self._runs, row, key=lambda run: run[0]) - 1
        distance = self._runs[run][1]
        return None if distance is None else row + distance


def first_block(
    origin: Origin, whole_rows: Callable[[bytes], int], rows: int, most_bytes: int
) -> bytes:
    """Return the first bytes of a file, with at least this many rows unless the file has fewer.

    `whole_rows` counts the bytes of complete rows at the start of a text. Raises DataError for an
    empty file, and for a row of `most_bytes` or more.
    """
    size = _BLOCK_BYTES
    while True:
        head = origin.head(size)
        if len(head) < size or _has_rows(head, whole_rows, rows):
            break
        end = whole_rows(head)
        if len(head) - end >= most_bytes:
            raise _too_long(origin, head.count(b"\n", 0, end) + 1, most_bytes)
        size *= 2
    text = head.removeprefix(codecs.BOM_UTF8)
    if not text or text.isspace():
        raise DataError(f"{origin.name}: the file is empty; expected a table")
    return head


def chunks(
    origin: Origin, size: int, whole_rows: Callable[[bytes], int], most_bytes: int
) -> Generator[Chunk, None, None]:
    """Yield the text of a file in order. `size` is the size of the file when it was opened.

    `whole_rows` counts the bytes of complete rows at the start of a text. A last row without a line
    break is a chunk too, unless it is blank. Raises DataError for a row of more than `most_bytes`,
    and for a file that was truncated since it was opened.
    """
    rest, line, bytes_read = b"", 1, 0
    for data in _pieces(origin):
        bytes_read += len(data)
        text = rest + data
        end = whole_rows(text)
        if end:
            chunk = Chunk(text, end, line)
            yield chunk
            line += chunk.breaks
        rest = text[end:]
        if len(rest) > most_bytes:
            raise _too_long(origin, line, most_bytes)
    if origin.is_plain and bytes_read < size:
        raise DataError(
            f"{origin.name}: truncated while it was read: it ends at byte {bytes_read}, but had "
            f"{size} bytes when it was opened"
        )
    if rest.strip(_BREAKS):
        yield last_chunk(rest, line)


def parsed(
    steps: Iterator[Callable[[], tuple[Lines, pa.Table]]], threads: int, lines: LineNumbers
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of chunks in order, and record their lines. With one thread, parse in the
    caller's thread. The text of a chunk is released once it is parsed."""
    results = (step() for step in steps) if threads == 1 else in_order(steps, threads)
    row = 0
    for chunk_lines, table in results:
        lines.add(chunk_lines, row, table.num_rows)
        row += table.num_rows
        yield from table.to_batches()


def last_chunk(text: bytes, line: int) -> Chunk:
    """Return all of a text as a chunk, with a line break at its end. `line` is the number of the
    first line."""
    ended = text if text.endswith(b"\n") else text + b"\n"
    return Chunk(ended, len(ended), line)


def whole_lines(text: bytes) -> int:
    """Count the bytes of complete lines, without blank lines at the end."""
    return _without_blanks(text, text.rfind(b"\n"))


def whole_rows(text: bytes, delimiter: bytes) -> int:
    """Count the bytes of complete rows, without blank lines at the end. A line break within quotes
    does not end a row."""
    end = text.rfind(b"\n")
    while end >= 0 and (quote := opening_quote(text, end, delimiter)) >= 0:
        end = text.rfind(b"\n", 0, quote)
    return _without_blanks(text, end)


def opening_quote(text: bytes, end: int, delimiter: bytes) -> int:
    """Return the position of the opening quote if the position `end` is within quotes, else -1.

    Two adjacent quotes are an escape, which neither opens nor closes quoted text. Any other quote
    closes quoted text, opens quoted text at the start of a cell, or is a plain character. After a
    quote that is not at the start of a cell, text is therefore not quoted. The search goes
    backwards and stops at such a quote, which is usually near.
    """
    nearest, changes = -1, 0
    while (last := text.rfind(b'"', 0, end)) >= 0:
        end = _run_of_quotes(text, last)
        if (last - end) % 2 == 0:
            if end and text[end - 1 : end] not in (delimiter, b"\n", b"\r"):
                break
            nearest = max(nearest, end)
            changes += 1
    return nearest if changes % 2 else -1


def _run_of_quotes(text: bytes, last: int) -> int:
    """Return the start of a run of quotes, given its last quote. Searches in doubling steps."""
    end, step = last, 1
    while step:
        before = max(0, end - step)
        if end and text[before:end] == b'"' * (end - before):
            end, step = before, 2 * step
        else:
            step //= 2
    return end


def refusal(error: Exception) -> str:
    """Return the message for an error that pyarrow raised while parsing text."""
    message = first_line(error)
    if "Failed to launch worker thread" in message:
        return "cannot start a thread. Check the limit with ulimit -u."
    return message


def _has_rows(text: bytes, whole_rows: Callable[[bytes], int], rows: int) -> bool:
    """Whether the text has this many complete rows that are not blank."""
    for _ in range(rows):
        end = whole_rows(text)
        if not end:
            return False
        text = text[: end - 1]
    return True


def _too_long(origin: Origin, line: int, most_bytes: int) -> DataError:
    return DataError(
        f"{origin.name}:{line}: the line is longer than {most_bytes >> 20} MiB, including line "
        "breaks within quotes; expected a table"
    )


def _pieces(origin: Origin) -> Iterator[bytes]:
    try:
        with origin.stream() as file:
            while data := file.read(_CHUNK_BYTES):
                yield data
    except OSError as error:
        raise DataError(f"{origin.name}: {error}") from error


def _without_blanks(text: bytes, end: int) -> int:
    """Count the bytes up to the line break at `end`, without blank lines before this line break.
    Blank lines at the end of the file are not rows."""
    if end < 0:
        return 0
    before = text[max(0, end - 2) : end].rstrip(b"\r")
    if before and not before.endswith(b"\n"):
        return end + 1
    last = len(text[:end].rstrip(_BREAKS))
    return text.find(b"\n", last) + 1 if last else 0
