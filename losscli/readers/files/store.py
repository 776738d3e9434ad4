"""Objects in stores: read, listed, and written complete or not at all.

Nothing here opens a connection unless a path is a URI.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from losscli.errors import DataError
from losscli.readers.files.answers import answer, reported
from losscli.readers.files.connect import IN_FLIGHT, located
from losscli.readers.files.once import once
from losscli.readers.files.uri import WILDCARD, expression, is_uri

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

Item = TypeVar("Item")
Result = TypeVar("Result")

# Bytes that are copied to a store at a time.
_COPY_BYTES = 1 << 22


class Identity(NamedTuple):
    """What shows whether an object was replaced."""

    size: int
    version: str


class StoredObject:
    """One object of a store. Raises DataError for URIs that losscli does not read, and for objects
    that cannot be read."""

    def __init__(self, uri: str, anonymous: bool) -> None:
        self.name = uri
        self._place = located(uri, anonymous)

    @once
    def identity(self) -> Identity:
        """The size and the version of the object when it was first opened."""
        return _identity(self._file)

    def open(self) -> pa.NativeFile:
        """Open the object for random access."""
        return answer(self.name, partial(self._place.store.open_input_file, self._place.path))

    def read_at(self, offset: int, size: int) -> bytes:
        """Read bytes at a position, fewer at the end. Several threads may read."""
        file = self._file
        return answer(self.name, partial(self._read, file, offset, size), size)

    def _read(self, file: pa.NativeFile, offset: int, size: int) -> bytes:
        try:
            data: bytes = file.read_at(size, offset)
        except FileNotFoundError as error:  # Google asks for the version that was opened
            raise self._changed() from error
        return data

    def require_same(self) -> None:
        """Raise DataError if the object was replaced since it was opened."""
        with self.open() as file:
            if _identity(file) == self.identity:
                return
        raise self._changed()

    def _changed(self) -> DataError:
        return DataError(
            f"{self.name}: the object changed while it was being read. Use a copy of it."
        )

    @once
    def _file(self) -> pa.NativeFile:
        return self.open()


def _identity(file: pa.NativeFile) -> Identity:
    described: dict[str, Any] = file.metadata() or {}
    names = ("ETag", "generation", "Last-Modified")  # Google's objects have a generation
    version = next((described[name] for name in names if name in described), b"")
    return Identity(file.size(), bytes(version).decode("ascii", "replace"))


def exists(name: str) -> bool:
    """Whether a local path or an object exists."""
    if not is_uri(name):
        return os.path.exists(name)
    from pyarrow.fs import FileType  # noqa: PLC0415 - only for URIs

    place = located(name, anonymous=False)
    info = answer(name, partial(place.store.get_file_info, place.path))
    return bool(info.type != FileType.NotFound)


def upload(path: str, uri: str) -> None:
    """Copy a local file to an object, which appears complete or not at all.

    A stream to a store that ends with an error may publish what was written so far. The bytes
    therefore go to an object of another name, which is renamed when it is complete.
    """
    place = located(uri, anonymous=False)
    store, temporary = place.store, _temporary(place.path)
    with reported(uri), ExitStack() as stack:
        stack.callback(_delete, store, temporary)
        with open(path, "rb") as file, store.open_output_stream(temporary) as stream:
            while data := file.read(_COPY_BYTES):
                stream.write(data)
        try:
            store.move(temporary, place.path)
        except NotImplementedError:  # an account of Azure without a hierarchical namespace
            store.copy_file(temporary, place.path)


def require_writable(uri: str) -> None:
    """Raise DataError unless an object can be written next to a URI."""
    place = located(uri, anonymous=False)
    answer(uri, partial(_try_to_write, place.store, _temporary(place.path)))


def _try_to_write(store: FileSystem, path: str) -> None:
    with store.open_output_stream(path):
        pass
    store.delete_file(path)


def _temporary(target: str) -> str:
    return f"{target}.losscli-{os.urandom(8).hex()}"


def _delete(store: FileSystem, path: str) -> None:
    with suppress(OSError):  # it was renamed, or the store cannot be reached
        store.delete_file(path)


def matches(pattern: str, anonymous: bool) -> list[str] | None:
    """Return the objects that a URI with wildcards matches, or those directly within a folder; None
    if the URI is an object or does not exist."""
    from pyarrow.fs import FileSelector, FileType  # noqa: PLC0415 - only for URIs

    place = located(pattern, anonymous)
    store, path = place.store, place.path
    prefix = pattern.removesuffix(place.key)
    wildcard = WILDCARD.search(path)
    if wildcard is None:
        if answer(pattern, partial(store.get_file_info, path)).type != FileType.Directory:
            return None
        folder, is_match = path.rstrip("/"), re.compile(r"[^/]+")
    else:
        folder = path[: wildcard.start()].rpartition("/")[0]
        is_match = re.compile(expression(path[len(folder) + 1 :]))
    deep = wildcard is not None and re.search(r"/|\*\*", path[wildcard.start() :]) is not None
    selector = FileSelector(folder, allow_not_found=True, recursive=deep)
    found = answer(pattern, partial(store.get_file_info, selector))
    return [
        prefix.rstrip("/") + "/" + info.path[len(place.bucket) + 1 :]
        for info in found
        if info.type == FileType.File and is_match.fullmatch(info.path[len(folder) + 1 :])
    ]


def of_each(step: Callable[[Item], Result], items: Sequence[Item], remote: bool) -> list[Result]:
    """The results of a step for each item, in order. Several threads compute steps that wait for
    the answers of a store."""
    if not remote or len(items) < 2:
        return [step(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes 5 ms

    with ThreadPoolExecutor(min(IN_FLIGHT, len(items)), "losscli-objects") as pool:
        return list(pool.map(step, items))
