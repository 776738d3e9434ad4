"""The SHA-256 of files, computed in threads while the files are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Self

from losscli.errors import DataError
from losscli.readers.files.origin import Origin

# SHA-256 reads about 1.7 GB/s in one thread. More threads would take cores from the losses.
_THREADS = 2

_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class Digest:
    """The size of a file in bytes, and its SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str


class Summing:
    """The digest of bytes that arrive in order."""

    def __init__(self) -> None:
        import hashlib  # noqa: PLC0415 - takes 8 ms

        self._sha256 = hashlib.sha256()
        self._bytes = 0

    def add(self, data: memoryview) -> None:
        self._sha256.update(data)
        self._bytes += len(data)

    def digest(self) -> Digest:
        """The digest of all bytes so far."""
        return Digest(self._bytes, self._sha256.hexdigest())


class Hashing:
    """Computes the digests of files in threads of its own, from its creation on.

    A file on a disk is read twice, mostly from the memory of the system, since both readers begin
    at the same time. An object of a store is transferred twice.
    """

    def __init__(self, paths: Iterable[str], anonymous: bool = False) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes 5 ms

        self._stopped = Event()
        self._pool = ThreadPoolExecutor(_THREADS, "losscli-sha256")
        self._digests = {
            path: self._pool.submit(self._digest, path, anonymous) for path in dict.fromkeys(paths)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def result(self) -> Mapping[str, Digest]:
        """The digests by path, when all files were read. Raises DataError for a file that cannot be
        read, or that changed while it was read."""
        return {path: digest.result() for path, digest in self._digests.items()}

    def _digest(self, path: str, anonymous: bool) -> Digest:
        origin, summing = Origin(path, anonymous), Summing()
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        try:
            with origin.open_raw() as file:
                while not self._stopped.is_set() and (count := file.readinto(buffer)):
                    summing.add(buffer[:count])
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from error
        origin.require_same()
        return summing.digest()


def digests_of(paths: Iterable[str], anonymous: bool = False) -> Mapping[str, Digest]:
    """The digests of files by path. Raises DataError for files that cannot be read."""
    with Hashing(paths, anonymous) as hashing:
        return hashing.result()
