"""The CRC-32 of bytes that are read in any order, by several threads, and some of them twice.

Without it a damaged `.npz` would give another number. zipfile compares the checksum of a member
only if it reads all of it in order, by one thread, and zlib has no function in Python that combines
the checksums of parts.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock

# Polynomials over two elements, their lowest powers in the highest bits.
_CRC_32 = 0xEDB88320
_ONE = 1 << 31
_X_TO_8 = 1 << 23


class Checksum:
    """Compares bytes with their CRC-32 when all of them have been read.

    Runs of bytes are joined where they meet, so that few are remembered.
    """

    def __init__(self, expected: int, size: int) -> None:
        self._expected = expected
        self._size = size
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._sums: list[int] = []
        self._lock = Lock()

    def add(self, begin: int, part: memoryview) -> bool:
        """Take bytes that lie at `begin`; whether all, if this were the last ones, are right."""
        found = zlib.crc32(part)  # in parallel with other threads
        end = begin + len(part)
        with self._lock:
            for start, stop in list(self._gaps(begin, end)):
                is_all = (start, stop) == (begin, end)
                inner = found if is_all else zlib.crc32(part[start - begin : stop - begin])
                self._insert(start, stop, inner)
            return self._ends[0] - self._begins[0] < self._size or self._sums == [self._expected]

    def _gaps(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of a range that were not read before."""
        first = max(bisect_right(self._begins, begin) - 1, 0)
        for run in range(first, bisect_left(self._begins, end)):
            if begin < self._begins[run]:
                yield begin, self._begins[run]
            begin = max(begin, self._ends[run])
        if begin < end:
            yield begin, end

    def _insert(self, begin: int, end: int, found: int) -> None:
        at = bisect_right(self._begins, begin)
        self._begins.insert(at, begin)
        self._ends.insert(at, end)
        self._sums.insert(at, found)
        self._join(at)
        self._join(at - 1)

    def _join(self, at: int) -> None:
        """Make one run of this and the next, if they meet."""
        if not 0 <= at < len(self._ends) - 1 or self._ends[at] != self._begins[at + 1]:
            return
        next_size = self._ends[at + 1] - self._begins[at + 1]
        self._sums[at] = _product(_power(next_size), self._sums[at]) ^ self._sums[at + 1]
        del self._begins[at + 1], self._ends[at], self._sums[at + 1]


def _product(a: int, b: int) -> int:
    """Of two polynomials, modulo that of the CRC."""
    product = 0
    for bit in range(31, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (_CRC_32 if b & 1 else 0)
    return product


@lru_cache
def _power(size: int) -> int:
    """x^(8 · size): a checksum times this is that of its bytes with `size` bytes of 0 behind."""
    power, square = _ONE, _X_TO_8
    while size:
        if size & 1:
            power = _product(square, power)
        square = _product(square, square)
        size >>= 1
    return power
