"""The exceptions that pyarrow raises for damaged files, and the errors for them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from losscli.errors import DataError, first_line
from losscli.readers.files.answers import NoAnswerError, problem_of, without_addresses
from losscli.readers.files.origin import Origin
from losscli.readers.files.uri import is_uri

DAMAGE = (
    pa.ArrowException,
    OSError,
    EOFError,
    UnicodeDecodeError,
    KeyError,
    OverflowError,
    MemoryError,
)

# pyarrow's message if the system refuses to start a thread, which is not damage.
NO_THREAD = "Failed to launch worker thread"


def unreadable(name: str, problem: str, error: Exception) -> DataError:
    """Return the error for an exception of pyarrow. `problem` describes damage in messages."""
    if NO_THREAD in str(error):
        return DataError(f"{name}: cannot start a thread. Check the limit with ulimit -u.")
    if is_uri(name):
        found = problem_of(error) or f"{problem}: {first_line(without_addresses(error))}"
        return DataError(f"{name}: {found}")
    return DataError(f"{name}: {problem}: {first_line(error)}")


def read_from(
    origin: Origin, batches: Iterator[pa.RecordBatch], problem: str
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file. Raises DataError if the file is damaged, or changes while it is
    read. `problem` describes damage in messages."""
    origin.require_same()
    try:
        yield from batches
    except DAMAGE as error:
        origin.require_same()
        raise unreadable(origin.name, problem, error) from error
    except NoAnswerError:
        raise
    except DataError:
        origin.require_same()
        raise
    origin.require_same()
