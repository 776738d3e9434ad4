"""Limit the memory for decoding rows whose size is not known in advance: lists and pages of
Parquet, and values of text.

The operating system enforces the limit, so a library that asks for too much memory fails before the
machine runs out. The limit applies to the whole process, so only the command line sets it.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from losscli.errors import DataError
from losscli.readers import budget

# The position of the data size, in pages, in /proc/self/statm.
_STATISTICS, _DATA = "/proc/self/statm", 5


class _Limit:
    """The memory limit of a process, which applies while any of its threads decode rows. Only the
    command line switches the limit on."""

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
    """Switch on the limit of `decoding` in this process, if the system reports its memory."""
    _LIMIT.is_on = os.path.exists(_STATISTICS)


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Limit the memory while the next rows of a file are decoded. Raises DataError if decoding
    needs more memory."""
    _LIMIT.begin()
    try:
        yield
    except MemoryError as error:  # the base class of ArrowMemoryError
        most = budget.MOST_DECODED_BYTES >> 20
        raise DataError(
            f"{name}: decoding the next rows needs more than {most} MiB, or more than "
            "the available memory"
        ) from error
    finally:
        _LIMIT.end()


def _data_bytes() -> int:
    with open(_STATISTICS, encoding="ascii") as file:
        return int(file.read().split()[_DATA]) * resource.getpagesize()
