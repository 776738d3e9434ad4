"""Limit the threads that pyarrow starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, current_thread, main_thread

import pyarrow as pa


class _Pools:
    """The sizes of pyarrow's global thread pools. The last active reader restores the original
    sizes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._readers = 0
        self._before = (0, 0)

    def lower(self, most: int) -> None:
        with self._lock:
            if not self._readers:
                self._before = (pa.cpu_count(), pa.io_thread_count())
            self._readers += 1
            pa.set_cpu_count(min(most, pa.cpu_count()))
            pa.set_io_thread_count(min(most, pa.io_thread_count()))

    def restore(self) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                cpu_count, io_count = self._before
                pa.set_cpu_count(cpu_count)
                pa.set_io_thread_count(io_count)


_POOLS = _Pools()


@contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Limit each of pyarrow's thread pools to this many threads; None sets no limit."""
    if threads is None:
        yield
        return
    _POOLS.lower(threads)
    try:
        yield
    finally:
        _POOLS.restore()


@contextmanager
def without_signal_handlers() -> Iterator[None]:
    """Keep pyarrow from starting its signal-handling thread.

    pyarrow starts this thread only from the main thread, and ends the process if the system cannot
    start it.
    """
    if current_thread() is not main_thread():
        yield
        return
    pa.enable_signal_handlers(False)
    try:
        yield
    finally:
        pa.enable_signal_handlers(True)
