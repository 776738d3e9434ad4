"""Text in chunks of whole rows, each parsed by itself, so that cores work side by side."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from losscli.errors import DataError, first_line
from losscli.readers.files.origin import Origin
from losscli.threads import in_order

if TYPE_CHECKING:
    import pyarrow as pa

# The types of the columns are inferred from the first block.
_BLOCK_BYTES = 1 << 20

# What one core parses at a time, while others parse what follows.
_CHUNK_BYTES = 1 << 22

_BREAKS = b"\r\n"


class Chunk(NamedTuple):
    """Rows: the first `size` bytes of a text. `line` is the number of the first line, from 1."""

    text: bytes
    size: int
    line: int

    @property
    def rows(self) -> memoryview:
        return memoryview(self.text)[: self.size]


def first_block(
    origin: Origin, whole_rows: Callable[[bytes], int], rows: int, most_bytes: int
) -> bytes:
    """The first bytes, so many rows of them at least unless there are fewer.

    `whole_rows` counts the bytes of a text that are rows which have ended.
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
    begun = head.removeprefix(codecs.BOM_UTF8)
    if not begun or begun.isspace():
        raise DataError(f"{origin.name}: the file is empty; expected a table")
    return head


def chunks(
    origin: Origin, size: int, whole_rows: Callable[[bytes], int], most_bytes: int
) -> Generator[Chunk, None, None]:
    """The text of a file that had so many bytes when it was opened, in its order.

    `whole_rows` counts the bytes of a text that are rows which have ended. What follows the last of
    them is a chunk too, unless it is blank.
    """
    rest, line, bytes_read = b"", 1, 0
    for part in _parts(origin):
        bytes_read += len(part)
        text = rest + part
        end = whole_rows(text)
        if end:
            chunk = Chunk(text, end, line)
            yield chunk
            line += int(np.count_nonzero(np.asarray(chunk.rows) == ord(b"\n")))
        rest = text[end:]
        if len(rest) > most_bytes:
            raise _too_long(origin, line, most_bytes)
    if origin.is_plain and bytes_read < size:
        raise DataError(
            f"{origin.name}: the file ends at byte {bytes_read}; it had {size} bytes when it was "
            "opened"
        )
    if rest.strip(_BREAKS):
        yield last_chunk(rest, line)


def parsed(steps: Iterator[Callable[[], pa.Table]], threads: int) -> Iterator[pa.Table]:
    """The tables that chunks are parsed to, in their order, by so many threads; the only one is
    that of the caller."""
    return (step() for step in steps) if threads == 1 else in_order(steps, threads)


def last_chunk(text: bytes, line: int) -> Chunk:
    """All of a text, whose last line is one though no break ends it."""
    ended = text if text.endswith(b"\n") else text + b"\n"
    return Chunk(ended, len(ended), line)


def whole_lines(text: bytes) -> int:
    """How many bytes are lines that have ended, without blank ones behind them."""
    return _without_blanks(text, text.rfind(b"\n"))


def whole_rows(text: bytes, delimiter: bytes) -> int:
    """The same for rows, which a line break within quotes does not end."""
    end = text.rfind(b"\n")
    while end >= 0 and (quote := opening_quote(text, end, delimiter)) >= 0:
        end = text.rfind(b"\n", 0, quote)
    return _without_blanks(text, end)


def opening_quote(text: bytes, end: int, delimiter: bytes) -> int:
    """Where the quotes open within which `end` is; -1 if it is within none.

    Going back is enough, and mostly short. Two quotes side by side change nothing. Any other one
    opens if it is where a cell begins and nothing is open, and closes if something is; within a
    cell it is a character. So behind one where no cell begins nothing is open, and from there on
    each opens or closes.
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
    """Where the quotes side by side begin of which one is the last, found in steps that double."""
    end, step = last, 1
    while step:
        before = max(0, end - step)
        if end and text[before:end] == b'"' * (end - before):
            end, step = before, 2 * step
        else:
            step //= 2
    return end


def refusal(error: Exception) -> str:
    """What pyarrow says of text that it does not parse."""
    message = first_line(error)
    if "Failed to launch worker thread" in message:
        return "the system gives no thread to parse it with; ulimit -u shows how many there may be"
    return message


def _has_rows(text: bytes, whole_rows: Callable[[bytes], int], rows: int) -> bool:
    """Whether so many rows have ended that are not blank."""
    for _ in range(rows):
        end = whole_rows(text)
        if not end:
            return False
        text = text[: end - 1]
    return True


def _too_long(origin: Origin, line: int, most_bytes: int) -> DataError:
    return DataError(
        f"{origin.name}: line {line}: found a line of more than {most_bytes >> 20} MiB, line "
        "breaks within quotes included; expected a table"
    )


def _parts(origin: Origin) -> Iterator[bytes]:
    try:
        with origin.stream() as file:
            while part := file.read(_CHUNK_BYTES):
                yield part
    except OSError as error:
        raise DataError(f"{origin.name}: {error}") from error


def _without_blanks(text: bytes, end: int) -> int:
    """How many bytes there are up to a line break, without blank lines before it; those may be the
    end of the file, where they are no rows."""
    if end < 0:
        return 0
    before = text[max(0, end - 2) : end].rstrip(b"\r")
    if before and not before.endswith(b"\n"):
        return end + 1
    last = len(text[:end].rstrip(_BREAKS))
    return text.find(b"\n", last) + 1 if last else 0
