"""What pyarrow raises for files that are damaged, and what that says of a file."""

from __future__ import annotations

import pyarrow as pa

from losscli.errors import DataError, first_line

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
