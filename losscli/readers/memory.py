"""How much memory a library may take to decode the next rows, of which nothing says before how many
values they hold: lists and pages of Parquet, and values of text.

The system refuses what is beyond it, so that the library fails where it asks for too much, and not
the machine. The limit is of a whole process: the command line sets it, as its process is its own.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from losscli.errors import DataError
from losscli.readers import budget

# The data of a process, in pages, among the numbers of /proc/self/statm.
_STATISTICS, _DATA = "/proc/self/statm", 5


class _Limit:
    """The limit of a process while one of its threads or several decode; None outside a command."""

    def __init__(self) -> None:
        self.is_on = False
        self._lock = Lock()
        self._threads = 0
        self._before = (0, 0)

    def begin(self) -> None:
        if not self.is_on:
            return
        with self._lock:
            if not self._threads:
                self._before = resource.getrlimit(resource.RLIMIT_DATA)
            self._threads += 1
            self._set(_data_bytes() + budget.MOST_DECODED_BYTES)

    def end(self) -> None:
        if not self.is_on:
            return
        with self._lock:
            self._threads -= 1
            if not self._threads:
                resource.setrlimit(resource.RLIMIT_DATA, self._before)

    def _set(self, size: int) -> None:
        soft, hard = self._before
        lower = size if soft == resource.RLIM_INFINITY else min(size, soft)
        resource.setrlimit(resource.RLIMIT_DATA, (lower, hard))


_LIMIT = _Limit()


def limit_process() -> None:
    """Have `decoding` limit this process, where the system says how much it has."""
    _LIMIT.is_on = os.path.exists(_STATISTICS)


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Decode the next rows of a file. Raises DataError where they take too much memory."""
    _LIMIT.begin()
    try:
        yield
    except MemoryError as error:  # Arrow's own is one
        most = budget.MOST_DECODED_BYTES >> 20
        raise DataError(
            f"{name}: the next rows take more than {most} MiB of memory, or than there is"
        ) from error
    finally:
        _LIMIT.end()


def _data_bytes() -> int:
    with open(_STATISTICS, encoding="ascii") as file:
        return int(file.read().split()[_DATA]) * resource.getpagesize()
