"""RemoteFile: random access to an object of a store, with requests in flight.

A request to a store takes as long as reading a megabyte. Bytes that are read in order are therefore
requested ahead, in pieces that several threads read at the same time.
"""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import Lock

from losscli.readers.files.connect import IN_FLIGHT
from losscli.readers.files.store import StoredObject

# Bytes of a piece that is requested ahead. The first read requests nothing ahead, the second a few
# pieces, and each further read in order twice as many as the one before.
_PIECE = 1 << 20
_FIRST_AHEAD = 4

# Threads read blocks in almost the order of the file. A read that begins this close behind the
# bytes that were requested is still in order.
_WINDOW = 1 << 24

# Pieces that are kept after they were read, for reads that go back a little.
_KEPT = 2

# Values that are closer than this are read with one request.
_NEAR = 1 << 12


class RemoteFile(io.RawIOBase):
    """The bytes of an object. Several threads may read it."""

    def __init__(self, stored: StoredObject) -> None:
        self._object = stored
        self._place = 0
        self._lock = Lock()
        self._pieces: deque[_Piece] = deque()
        self._low = self._end = -1  # the bytes that were read in order, or requested ahead
        self._ahead = _FIRST_AHEAD  # the number of pieces to request ahead
        self._missed = -1  # the end of the last read that was not in order

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}
        self._place = offset + begin[whence]
        if self._place < 0:
            raise OSError(f"{self._object.name}: cannot seek before its beginning")
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self.read_at(memoryview(buffer).cast("B"), self._place)
        self._place += count
        return count

    def read_at(self, buffer: memoryview, offset: int) -> int:
        """Read bytes at a position into a buffer. Returns their number, fewer at the end."""
        stop = min(offset + len(buffer), self._size)
        done = offset
        for begin, data in self._taken(offset, stop):
            if begin > done:
                self._fetch_into(buffer, offset, done, begin)
            buffer[begin - offset : begin - offset + len(data)] = data
            done = begin + len(data)
        if done < stop:
            self._fetch_into(buffer, offset, done, stop)
        return max(0, stop - offset)

    def pick(self, size: int, offsets: list[int]) -> bytes:
        """Read `size` bytes at each of several positions."""
        runs: list[list[int]] = []
        for offset in offsets:
            if runs and 0 <= offset - runs[-1][-1] <= _NEAR:
                runs[-1].append(offset)
            else:
                runs.append([offset])
        return b"".join(_pool().map(lambda run: self._picked(size, run), runs))

    def require_same(self) -> None:
        """Raise DataError if the object was replaced since it was opened."""
        self._object.require_same()

    def close(self) -> None:
        super().close()
        for piece in self._pieces:
            piece.data.cancel()
        self._pieces.clear()

    @property
    def _size(self) -> int:
        return self._object.identity.size

    def _picked(self, size: int, run: list[int]) -> bytes:
        data = self._object.read_at(run[0], run[-1] + size - run[0])
        return b"".join(data[offset - run[0] :][:size] for offset in run)

    def _taken(self, offset: int, stop: int) -> Iterator[tuple[int, memoryview]]:
        """Yield the parts of a range that were requested ahead, with their positions, in order."""
        with self._lock:
            self._follow(offset, stop)
            pieces = [piece for piece in self._pieces if piece.begin < stop and offset < piece.end]
        for piece in pieces:
            low, high = max(offset, piece.begin), min(stop, piece.end)
            data = memoryview(piece.data.result())[low - piece.begin : high - piece.begin]
            piece.unread -= high - low
            yield low, data

    def _follow(self, offset: int, stop: int) -> None:
        """Request bytes ahead if a range continues the ranges before."""
        if self._low <= offset <= self._end + _WINDOW and self._end >= 0:
            self._request(stop, ahead=stop + self._ahead * _PIECE)
            self._ahead = min(2 * self._ahead, IN_FLIGHT)
        elif self._end < 0 or offset == self._missed:  # begin here
            self._pieces.clear()
            # Another thread may have an earlier block, which it reads by itself.
            self._low, self._end, self._ahead = max(0, offset - _WINDOW), stop, _FIRST_AHEAD
        else:
            self._missed = stop

    def _request(self, needed: int, ahead: int) -> None:
        """Request the bytes up to `needed`, and up to `ahead` if that is at most IN_FLIGHT pieces
        that were not read."""
        self._drop_read_pieces()
        unread = sum(piece.unread > 0 for piece in self._pieces)
        while self._end < min(ahead, self._size) and (self._end < needed or unread < IN_FLIGHT):
            end = min(self._end + _PIECE, self._size)
            data = _pool().submit(self._object.read_at, self._end, end - self._end)
            self._pieces.append(_Piece(self._end, end, data))
            self._end, unread = end, unread + 1

    def _drop_read_pieces(self) -> None:
        read = sum(piece.unread <= 0 for piece in self._pieces)
        while self._pieces and (
            (read > _KEPT and self._pieces[0].unread <= 0) or len(self._pieces) > 2 * IN_FLIGHT
        ):
            read -= self._pieces.popleft().unread <= 0
            self._low = self._pieces[0].begin if self._pieces else self._end

    def _fetch_into(self, buffer: memoryview, offset: int, begin: int, stop: int) -> None:
        data = self._object.read_at(begin, stop - begin)
        buffer[begin - offset : begin - offset + len(data)] = data


class _Piece:
    """Bytes that were requested ahead, and how many of them were not read yet."""

    def __init__(self, begin: int, end: int, data: Future[bytes]) -> None:
        self.begin = begin
        self.end = end
        self.data = data
        self.unread = end - begin


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads of all requests. They wait for the network and use no core."""
    return ThreadPoolExecutor(IN_FLIGHT, "losscli-remote")
