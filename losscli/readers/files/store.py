"""Objects in stores: S3, Google Cloud Storage and Azure Blob Storage, through pyarrow.

Nothing here opens a connection unless a path is a URI.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from losscli.errors import DataError, first_line
from losscli.readers.files.once import once

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

Item = TypeVar("Item")
Result = TypeVar("Result")

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

# The schemes of stores. The scheme `file` is a local path.
_STORES = ("s3", "gs", "gcs", "abfs", "abfss")

# Requests in flight, whatever the number of cores.
IN_FLIGHT = 32

# How long to wait for a connection, and for the next bytes of a response.
_CONNECT_SECONDS, _REQUEST_SECONDS = 10, 30

# How often a request is tried, and for how long, before it is an error.
_TRIES = 3
_RETRY_SECONDS = 60

# Bytes that are copied to a store at a time.
_COPY_BYTES = 1 << 22

_WILDCARD = re.compile(r"\*\*/|\*\*|\*|\?|\[[^]]+\]")


def is_uri(name: str) -> bool:
    """Whether a path is a URI, such as s3://bucket/key."""
    return _URI.match(name) is not None


def of_each(step: Callable[[Item], Result], items: Sequence[Item], remote: bool) -> list[Result]:
    """The results of a step for each item, in order. Several threads compute steps that wait for
    the answers of a store."""
    if not remote or len(items) < 2:
        return [step(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes 5 ms

    with ThreadPoolExecutor(min(IN_FLIGHT, len(items)), "losscli-objects") as pool:
        return list(pool.map(step, items))


def local_path(name: str) -> str:
    """Return the path of a `file://` URI; other names are returned unchanged."""
    parts = urlsplit(name) if is_uri(name) else None
    if parts is None or parts.scheme.lower() != "file":
        return name
    if parts.netloc not in ("", "localhost"):
        raise DataError(f"{name}: a file:// URI cannot name a host. Write file:///PATH.")
    return unquote(parts.path)


class Identity(NamedTuple):
    """What shows whether an object was replaced."""

    size: int
    version: str


class StoredObject:
    """One object of a store. Raises DataError for URIs that losscli does not read, and for objects
    that cannot be read."""

    def __init__(self, uri: str, anonymous: bool) -> None:
        self.name = uri
        self._store, self._path = _located(uri, anonymous)

    @once
    def identity(self) -> Identity:
        """The size and the version of the object when it was first opened."""
        return _identity(self._file)

    def open(self) -> pa.NativeFile:
        """Open the object for random access."""
        with _reported(self.name):
            return self._store.open_input_file(self._path)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read bytes at a position, fewer at the end. Several threads may read."""
        with _reported(self.name):
            data: bytes = self._file.read_at(size, offset)
        return data

    def require_same(self) -> None:
        """Raise DataError if the object was replaced since it was opened."""
        with self.open() as file:
            if _identity(file) == self.identity:
                return
        raise DataError(
            f"{self.name}: the object changed while it was being read. Use a copy of it."
        )

    @once
    def _file(self) -> pa.NativeFile:
        return self.open()


def _identity(file: pa.NativeFile) -> Identity:
    described: dict[str, Any] = file.metadata() or {}
    version = described.get("ETag", described.get("Last-Modified", b""))
    return Identity(file.size(), bytes(version).decode("ascii", "replace"))


def exists(name: str) -> bool:
    """Whether a local path or an object exists."""
    if not is_uri(name):
        return os.path.exists(name)
    from pyarrow.fs import FileType  # noqa: PLC0415 - only for URIs

    store, path = _located(name, anonymous=False)
    with _reported(name):
        return bool(store.get_file_info(path).type != FileType.NotFound)


def upload(path: str, uri: str) -> None:
    """Copy a local file to an object, which appears complete or not at all.

    A stream to a store that ends with an error may publish what was written so far. The bytes
    therefore go to an object of another name, which is renamed when it is complete.
    """
    store, target = _located(uri, anonymous=False)
    temporary = _temporary(target)
    with _reported(uri), ExitStack() as stack:
        stack.callback(_delete, store, temporary)
        with open(path, "rb") as file, store.open_output_stream(temporary) as stream:
            while data := file.read(_COPY_BYTES):
                stream.write(data)
        store.move(temporary, target)


def require_writable(uri: str) -> None:
    """Raise DataError unless an object can be written next to a URI."""
    store, target = _located(uri, anonymous=False)
    temporary = _temporary(target)
    with _reported(uri):
        with store.open_output_stream(temporary):
            pass
        store.delete_file(temporary)


def _temporary(target: str) -> str:
    return f"{target}.losscli-{os.urandom(8).hex()}"


def _delete(store: FileSystem, path: str) -> None:
    with suppress(OSError):  # it was renamed, or the store cannot be reached
        store.delete_file(path)


def matches(pattern: str, anonymous: bool) -> list[str] | None:
    """Return the objects that a URI with wildcards matches, or those directly within a folder; None
    if the URI is an object or does not exist."""
    from pyarrow.fs import FileSelector, FileType  # noqa: PLC0415 - only for URIs

    store, path = _located(pattern, anonymous)
    prefix = pattern.partition("?")[0].removesuffix(path)
    wildcard = _WILDCARD.search(path)
    with _reported(pattern):
        if wildcard is None:
            if store.get_file_info(path).type != FileType.Directory:
                return None
            folder, is_match = path.rstrip("/"), re.compile(r"[^/]+")
        else:
            folder = path[: wildcard.start()].rpartition("/")[0]
            is_match = re.compile(_expression(path[len(folder) + 1 :]))
        deep = wildcard is not None and "/" in path[wildcard.start() :]
        found = store.get_file_info(FileSelector(folder, allow_not_found=True, recursive=deep))
    return [
        prefix + info.path
        for info in found
        if info.type == FileType.File and is_match.fullmatch(info.path[len(folder) + 1 :])
    ]


def has_wildcard(uri: str) -> bool:
    return _WILDCARD.search(urlsplit(uri).path) is not None


def _expression(pattern: str) -> str:
    """The regular expression of a glob. `*` stays within a folder, `**` does not."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces, end = [], 0
    for match in _WILDCARD.finditer(pattern):
        pieces += [re.escape(pattern[end : match.start()]), words.get(match[0], match[0])]
        end = match.end()
    return "".join([*pieces, re.escape(pattern[end:])])


def _located(uri: str, anonymous: bool) -> tuple[FileSystem, str]:
    """The store of a URI, and the path in the store."""
    parts = urlsplit(uri)
    scheme = parts.scheme.lower()
    if scheme not in _STORES:
        raise DataError(f"{without_secrets(uri)}: {_advice(scheme, uri)}")
    if parts.password is not None or (parts.username and scheme in ("s3", "gs", "gcs")):
        raise DataError(
            f"{without_secrets(uri)}: found credentials in the URI. Remove them, and set the "
            "environment variables of the store or a profile."
        )
    with _reported(uri):
        if scheme == "s3":
            return _s3(parts.netloc, anonymous), f"{parts.netloc}{parts.path}"
        if scheme in ("gs", "gcs"):
            return _gcs(anonymous), f"{parts.netloc}{parts.path}"
        return _azure(uri)


@cache
def _s3(bucket: str, anonymous: bool) -> FileSystem:
    import pyarrow as pa  # noqa: PLC0415 - only for URIs
    from pyarrow.fs import (  # noqa: PLC0415
        AwsStandardS3RetryStrategy,
        S3FileSystem,
        resolve_s3_region,
    )

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    pa.set_io_thread_count(max(pa.io_thread_count(), IN_FLIGHT))  # the number of connections
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    where: dict[str, Any] = {}
    if endpoint:
        parts = urlsplit(endpoint)
        where = {"endpoint_override": parts.netloc or parts.path, "scheme": parts.scheme or "https"}
    elif not region:
        region = resolve_s3_region(bucket)
    return S3FileSystem(
        anonymous=anonymous,
        region=region or "us-east-1",
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_TRIES),
        **where,
    )


@cache
def _gcs(anonymous: bool) -> FileSystem:
    from pyarrow.fs import GcsFileSystem  # noqa: PLC0415

    endpoint = os.environ.get("STORAGE_EMULATOR_HOST")
    where: dict[str, Any] = {}
    if endpoint:
        parts = urlsplit(endpoint)
        where = {"endpoint_override": parts.netloc or parts.path, "scheme": parts.scheme or "http"}
    return GcsFileSystem(
        anonymous=anonymous, retry_time_limit=timedelta(seconds=_RETRY_SECONDS), **where
    )


def _azure(uri: str) -> tuple[FileSystem, str]:
    from pyarrow.fs import FileSystem  # noqa: PLC0415

    store, path = FileSystem.from_uri(uri)
    return store, path


@contextmanager
def _reported(uri: str) -> Iterator[None]:
    """Turn the errors of a store into DataError."""
    name = without_secrets(uri)
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such object or bucket") from error
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name}: {_problem(str(error))}") from error


# Words in the messages of stores, and the problem in our words.
_PROBLEMS = {
    r"curlCode: 28|REQUEST_TIMEOUT|[Tt]imed? ?out|DEADLINE_EXCEEDED": (
        f"the store did not answer within {_REQUEST_SECONDS} s"
    ),
    r"ACCESS_DENIED|HTTP status 403|Forbidden|AuthorizationFailure|PERMISSION_DENIED": (
        "access denied. Check the credentials, or use --anonymous for a public bucket."
    ),
    r"No credentials|NoCredentials|InvalidAccessKeyId|INVALID_ACCESS_KEY_ID|Unauthenticated": (
        "no valid credentials. Set those of the store, or use --anonymous for a public bucket."
    ),
    r"NO_SUCH_BUCKET|Bucket '[^']*' not found|NoSuchBucket": "no such bucket",
    r"HTTP status 301|PermanentRedirect|AuthorizationHeaderMalformed|region": (
        "the bucket is in another region. Set AWS_REGION to its region."
    ),
    r"curlCode: (6|7)\b|NETWORK_CONNECTION|Could not (resolve|connect)|UNAVAILABLE": (
        "cannot reach the store. Check the network and the endpoint."
    ),
}


def _problem(message: str) -> str:
    for expression, problem in _PROBLEMS.items():
        if re.search(expression, message):
            return problem
    return f"the request failed: {first_line(OSError(message))}"


def _advice(scheme: str, uri: str) -> str:
    if scheme in ("http", "https"):
        return f"losscli does not read from the web. Download the file: curl -O {uri}"
    if scheme == "hf":
        return "losscli does not read from Hugging Face. Download the file: hf download"
    known = ", ".join(f"{name}://" for name in (*_STORES, "file"))
    return f"unknown scheme; expected one of {known}"


def without_secrets(uri: str) -> str:
    """The URI without a user, a password and a query."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2] if parts.password is not None else parts.netloc
    if parts.scheme.lower() in ("s3", "gs", "gcs"):
        host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
