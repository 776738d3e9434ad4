"""Objects in stores: S3, Google Cloud Storage and Azure Blob Storage, through pyarrow.

Nothing here opens a connection unless a path is a URI.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import cache, partial
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from losscli.errors import DataError, first_line
from losscli.readers.files.once import once

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

Item = TypeVar("Item")
Result = TypeVar("Result")
Answer = TypeVar("Answer")

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)

# A query, such as ?sig=..., rather than the wildcard `?`.
_QUERY = re.compile(r"\?[^/?=]*=")

# The schemes of stores. The scheme `file` is a local path.
_STORES = ("s3", "gs", "gcs", "abfs", "abfss")

_WEB = ("http", "https")

# Requests in flight, whatever the number of cores.
IN_FLIGHT = 32

# How long to wait for a connection, and for the next bytes of a response.
_CONNECT_SECONDS, _REQUEST_SECONDS = 10, 30

# How often a request is tried, and for how long, before it is an error.
_TRIES = 3
_RETRY_SECONDS = 20

# How long a call may take after any call was answered, and the bytes that add a second. Azure's
# library waits for four minutes and Google's for two, which cannot be changed.
_CALL_SECONDS = 60
_BYTES_PER_SECOND = 1 << 20

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


class NoAnswerError(DataError):
    """A store does not answer. Asking again would take another minute."""


class Identity(NamedTuple):
    """What shows whether an object was replaced."""

    size: int
    version: str


class _Place(NamedTuple):
    """A store, and the bucket or container and the key of an object in it."""

    store: FileSystem
    bucket: str
    key: str

    @property
    def path(self) -> str:
        return f"{self.bucket}/{self.key}" if self.key else self.bucket


class StoredObject:
    """One object of a store. Raises DataError for URIs that losscli does not read, and for objects
    that cannot be read."""

    def __init__(self, uri: str, anonymous: bool) -> None:
        self.name = uri
        self._place = _located(uri, anonymous)

    @once
    def identity(self) -> Identity:
        """The size and the version of the object when it was first opened."""
        return _identity(self._file)

    def open(self) -> pa.NativeFile:
        """Open the object for random access."""
        return _answer(self.name, partial(self._place.store.open_input_file, self._place.path))

    def read_at(self, offset: int, size: int) -> bytes:
        """Read bytes at a position, fewer at the end. Several threads may read."""
        file = self._file
        return _answer(self.name, partial(self._read, file, offset, size), size)

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

    place = _located(name, anonymous=False)
    info = _answer(name, partial(place.store.get_file_info, place.path))
    return bool(info.type != FileType.NotFound)


def upload(path: str, uri: str) -> None:
    """Copy a local file to an object, which appears complete or not at all.

    A stream to a store that ends with an error may publish what was written so far. The bytes
    therefore go to an object of another name, which is renamed when it is complete.
    """
    place = _located(uri, anonymous=False)
    store, temporary = place.store, _temporary(place.path)
    with _reported(uri), ExitStack() as stack:
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
    place = _located(uri, anonymous=False)
    _answer(uri, partial(_try_to_write, place.store, _temporary(place.path)))


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

    place = _located(pattern, anonymous)
    store, path = place.store, place.path
    prefix = pattern.removesuffix(place.key)
    wildcard = _WILDCARD.search(path)
    if wildcard is None:
        if _answer(pattern, partial(store.get_file_info, path)).type != FileType.Directory:
            return None
        folder, is_match = path.rstrip("/"), re.compile(r"[^/]+")
    else:
        folder = path[: wildcard.start()].rpartition("/")[0]
        is_match = re.compile(_expression(path[len(folder) + 1 :]))
    deep = wildcard is not None and re.search(r"/|\*\*", path[wildcard.start() :]) is not None
    selector = FileSelector(folder, allow_not_found=True, recursive=deep)
    found = _answer(pattern, partial(store.get_file_info, selector))
    return [
        prefix.rstrip("/") + "/" + info.path[len(place.bucket) + 1 :]
        for info in found
        if info.type == FileType.File and is_match.fullmatch(info.path[len(folder) + 1 :])
    ]


def has_wildcard(uri: str) -> bool:
    return _WILDCARD.search(_split(uri)[2]) is not None


def _expression(pattern: str) -> str:
    """The regular expression of a glob. `*` stays within a folder, `**` does not."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces, end = [], 0
    for match in _WILDCARD.finditer(pattern):
        pieces += [re.escape(pattern[end : match.start()]), words.get(match[0], match[0])]
        end = match.end()
    return "".join([*pieces, re.escape(pattern[end:])])


def _split(uri: str) -> tuple[str, str, str]:
    """The scheme, the bucket with what precedes it, and the key. Keys may contain any character."""
    match = _URI.match(uri)
    assert match is not None
    return match[1].lower(), match[2], match[3].removeprefix("/")


def require_no_secrets(word: str) -> None:
    """Raise DataError if a word of the command line is a URI with credentials, or an option with
    such a URI, so that no message shows them."""
    uri = word.partition("=")[2] if word.startswith("--") else word
    scheme, bucket, _ = _split(uri) if is_uri(uri) else ("", "", "")
    if scheme not in (*_STORES, *_WEB):
        return
    is_user = "@" in bucket and not scheme.startswith("abfs")  # Azure has container@account
    if is_user or ":" in bucket or _QUERY.search(uri):
        problem = (
            "found credentials in the URI. Remove them, and set the environment variables of the "
            "store or a profile."
        )
        advice = _advice(scheme) if scheme in _WEB else problem
        raise DataError(f"{without_secrets(uri)}: {advice}")


def _located(uri: str, anonymous: bool) -> _Place:
    """The store, the bucket and the key of a URI."""
    scheme, bucket, key = _split(uri)
    if scheme not in _STORES:
        raise DataError(f"{without_secrets(uri)}: {_advice(scheme)}")
    require_no_secrets(uri)
    return _answer(uri, partial(_place, scheme, bucket, key, anonymous))


def _place(scheme: str, bucket: str, key: str, anonymous: bool) -> _Place:
    import pyarrow as pa  # noqa: PLC0415 - only for URIs

    from losscli.readers.files import azure  # noqa: PLC0415

    pa.set_io_thread_count(max(pa.io_thread_count(), IN_FLIGHT))  # the number of connections
    if scheme == "s3":
        return _Place(_s3(bucket, anonymous), bucket, key)
    if scheme in ("gs", "gcs"):
        return _Place(_gcs(anonymous), bucket, key)
    return _Place(*azure.place(bucket, anonymous), key)


@cache
def _s3(bucket: str, anonymous: bool) -> FileSystem:
    from pyarrow.fs import (  # noqa: PLC0415 - only for URIs
        AwsStandardS3RetryStrategy,
        S3FileSystem,
        resolve_s3_region,
    )

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
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
    if endpoint:  # without credentials, as in Google's own libraries
        parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
        where = {"endpoint_override": parts.netloc, "scheme": parts.scheme}
    return GcsFileSystem(
        anonymous=anonymous or bool(endpoint),
        retry_time_limit=timedelta(seconds=_RETRY_SECONDS),
        **where,
    )


def _answer(uri: str, call: Callable[[], Answer], size: int = 0) -> Answer:
    """Return the result of a call to a store that transfers `size` bytes. Raises DataError if it
    fails or takes too long."""
    with _reported(uri):
        return awaited(uri, call, size)


class _Latest:
    """When a store last answered. A slow network answers many requests late, but not none."""

    time = 0.0


def awaited(uri: str, call: Callable[[], Answer], size: int) -> Answer:
    """Return the result of a call that transfers `size` bytes. Raises NoAnswerError if it takes too
    long. A thread makes the call, and is abandoned then, because nothing can interrupt it."""
    from concurrent.futures import Future, wait  # noqa: PLC0415 - takes 5 ms, only for URIs

    result: Future[Answer] = Future()

    def work() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the result is taken
            result.set_exception(error)

    try:
        Thread(target=work, name="losscli-store", daemon=True).start()
    except RuntimeError:  # can't start new thread
        return call()
    begin, most = monotonic(), _CALL_SECONDS + size / _BYTES_PER_SECOND
    while (left := max(begin, _Latest.time) + most - monotonic()) > 0:
        if wait([result], left).done:
            _Latest.time = monotonic()
            return result.result()
    problem = f"the store did not answer within {_CALL_SECONDS} s"
    raise NoAnswerError(f"{without_secrets(uri)}: {problem}")


@contextmanager
def _reported(uri: str) -> Iterator[None]:
    """Turn the errors of a store into DataError."""
    from pyarrow.lib import ArrowException  # noqa: PLC0415 - only for URIs

    name = without_secrets(uri)
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such object or bucket") from error
    except DataError as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise DataError(f"{name}: {error}") from error
    except (OSError, ValueError, ArrowException) as error:
        problem = problem_of(error) or f"the request failed: {first_line(without_addresses(error))}"
        raise DataError(f"{name}: {problem}") from error


# Words in the messages of stores, and the problem in our words. Each is searched in the whole
# message, in this order.
_PROBLEMS = {
    r"No credentials|NoCredentials|InvalidAccessKeyId|INVALID_ACCESS_KEY_ID|OAuth2 access token|"
    r"[Uu]nauthenticated|UNAUTHENTICATED|Error: \[\w*\] 401": (
        "no valid credentials. Set those of the store, or use --anonymous for a public bucket."
    ),
    r"curlCode: 28|REQUEST_TIMEOUT|[Tt]imed? ?out|DEADLINE_EXCEEDED": (
        f"the store did not answer within {_REQUEST_SECONDS} s"
    ),
    r"ACCESS_DENIED|HTTP status 403|Forbidden|AuthorizationFailure|PERMISSION_DENIED|"
    r"Error: \[\w*\] 403|PublicAccessNotPermitted": (
        "access denied. Check the credentials, or use --anonymous for a public bucket."
    ),
    r"NO_SUCH_KEY|RESOURCE_NOT_FOUND|BlobNotFound": "no such object or bucket",
    r"NO_SUCH_BUCKET|Bucket '' not found|NoSuchBucket": "no such bucket",
    r"ContainerNotFound": "no such container",
    r"InvalidResourceName": "the name of the container or of the object is not valid",
    r"HTTP status 301|PermanentRedirect|AuthorizationHeaderMalformed|region": (
        "the bucket is in another region. Set AWS_REGION to its region."
    ),
    r"curlCode: (6|7)\b|NETWORK_CONNECTION|Could not (resolve|connect)|UNAVAILABLE|"
    r"get a new connection": ("cannot reach the store. Check the network and the endpoint."),
}

# Addresses in messages, which may contain the token of an account; and names, which may contain any
# words.
_ADDRESS = re.compile(r"https?://[^\s']*")
_NAME = re.compile(r"'[^']*'")


def problem_of(error: Exception) -> str | None:
    """The problem with a store that an error describes; None if it describes none."""
    message = _NAME.sub("''", str(without_addresses(error)))
    found = (problem for words, problem in _PROBLEMS.items() if re.search(words, message))
    return next(found, None)


def without_addresses(error: Exception) -> OSError:
    """The error without the addresses in its message."""
    return OSError(_ADDRESS.sub("...", str(error)))


def _advice(scheme: str) -> str:
    if scheme in _WEB:
        return "losscli does not read from the web. Download the file: curl -O"
    if scheme == "hf":
        return "losscli does not read from Hugging Face. Download the file: hf download"
    known = ", ".join(f"{name}://" for name in (*_STORES, "file"))
    return f"unknown scheme; expected one of {known}"


def without_secrets(uri: str) -> str:
    """The URI without a user, a password and a query."""
    scheme, bucket, _ = _split(uri)
    _, user, host = bucket.rpartition("@")
    if ":" in bucket and not user:  # a password with a slash
        return f"{scheme}://..."
    if _QUERY.search(uri):
        uri = uri[: uri.index("?")]
    is_container = scheme.startswith("abfs") and ":" not in bucket
    return uri if is_container else uri.replace(bucket, host, 1)
