"""What pyarrow raises for files that are damaged, and what that says of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from losscli.errors import DataError, first_line
from losscli.readers.files.origin import Origin

DAMAGE = (
    pa.ArrowException,
    OSError,
    EOFError,
    UnicodeDecodeError,
    KeyError,
    OverflowError,
    MemoryError,
)

# What pyarrow says where the system starts no thread for it, which is no damage.
NO_THREAD = "Failed to launch worker thread"


def unreadable(name: str, problem: str, error: Exception) -> DataError:
    """The error for what pyarrow raised."""
    if NO_THREAD in str(error):
        said = "the system gives no thread to read it with; ulimit -u shows how many it allows"
        return DataError(f"{name}: {said}")
    return DataError(f"{name}: {problem}: {first_line(error)}")


def read_from(
    origin: Origin, batches: Iterator[pa.RecordBatch], problem: str
) -> Iterator[pa.RecordBatch]:
    """The batches of a file. Raises DataError where it is damaged, or is changed meanwhile."""
    origin.require_same()
    try:
        yield from batches
    except DAMAGE as error:
        origin.require_same()
        raise unreadable(origin.name, problem, error) from error
    except DataError:
        origin.require_same()
        raise
    origin.require_same()
