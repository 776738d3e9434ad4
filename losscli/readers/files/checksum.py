"""The CRC-32 of bytes that are read in any order, by several threads, and possibly twice.

Without this check, a damaged `.npz` would give a wrong result. zipfile verifies the checksum of a
member only if one thread reads the member in order, and Python's zlib cannot combine checksums.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock

# Polynomials over GF(2), with the lowest powers in the highest bits: that of the CRC, 1, and x^8.
_CRC_32 = 0xEDB88320
_ONE = 1 << 31
_X_TO_8 = 1 << 23


class Checksum:
    """Verifies the CRC-32 of `size` bytes once all of them have been added.

    Adjacent ranges of bytes are merged, so that only a few ranges are stored.
    """

    def __init__(self, expected: int, size: int) -> None:
        self._expected = expected
        self._size = size
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._sums: list[int] = []
        self._lock = Lock()

    def add(self, begin: int, data: memoryview) -> bool:
        """Add the bytes at `begin`. Returns False if all bytes were added and the checksum does not
        match."""
        checksum = zlib.crc32(data)  # outside the lock, so that threads work in parallel
        end = begin + len(data)
        with self._lock:
            for start, stop in list(self._gaps(begin, end)):
                is_all = (start, stop) == (begin, end)
                inner = checksum if is_all else zlib.crc32(data[start - begin : stop - begin])
                self._insert(start, stop, inner)
            return self._ends[0] - self._begins[0] < self._size or self._sums == [self._expected]

    def _gaps(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges of bytes from `begin` to `end` that were not added before."""
        first = max(bisect_right(self._begins, begin) - 1, 0)
        for run in range(first, bisect_left(self._begins, end)):
            if begin < self._begins[run]:
                yield begin, self._begins[run]
            begin = max(begin, self._ends[run])
        if begin < end:
            yield begin, end

    def _insert(self, begin: int, end: int, checksum: int) -> None:
        at = bisect_right(self._begins, begin)
        self._begins.insert(at, begin)
        self._ends.insert(at, end)
        self._sums.insert(at, checksum)
        self._join(at)
        self._join(at - 1)

    def _join(self, at: int) -> None:
        """Merge the range with the index `at` and the next range, if they are adjacent."""
        if not 0 <= at < len(self._ends) - 1 or self._ends[at] != self._begins[at + 1]:
            return
        next_size = self._ends[at + 1] - self._begins[at + 1]
        self._sums[at] = _product(_power(next_size), self._sums[at]) ^ self._sums[at + 1]
        del self._begins[at + 1], self._ends[at], self._sums[at + 1]


def _product(a: int, b: int) -> int:
    """Multiply two polynomials modulo the polynomial of the CRC."""
    product = 0
    for bit in range(31, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (_CRC_32 if b & 1 else 0)
    return product


@lru_cache
def _power(size: int) -> int:
    """Return x^(8 · size). The product of a checksum and this polynomial is the checksum of the
    same bytes followed by `size` zero bytes."""
    power, square = _ONE, _X_TO_8
    while size:
        if size & 1:
            power = _product(square, power)
        square = _product(square, square)
        size >>= 1
    return power
