"""Calls to stores that end: their errors become DataError, and so does a long silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from time import monotonic
from typing import TypeVar

from losscli.errors import DataError, first_line
from losscli.readers.files.uri import without_secrets

Answer = TypeVar("Answer")

# How long to wait for the next bytes of a response.
REQUEST_SECONDS = 30

# How long a call may take after any call was answered, and the bytes that add a second. Azure's
# library waits for four minutes and Google's for two, which cannot be changed.
_CALL_SECONDS = 60
_BYTES_PER_SECOND = 1 << 20


class NoAnswerError(DataError):
    """A store does not answer. Asking again would take another minute."""


def answer(uri: str, call: Callable[[], Answer], size: int = 0) -> Answer:
    """Return the result of a call to a store that transfers `size` bytes. Raises DataError if it
    fails or takes too long."""
    with reported(uri):
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
def reported(uri: str) -> Iterator[None]:
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
        f"the store did not answer within {REQUEST_SECONDS} s"
    ),
    r"ACCESS_DENIED|HTTP status 403|Forbidden|AuthorizationFailure|PERMISSION_DENIED|"
    r"Error: \[\w*\] 403|PublicAccessNotPermitted": (
        "access denied. Check the credentials, or use --anonymous for a public bucket."
    ),
    r"NO_SUCH_KEY|RESOURCE_NOT_FOUND|BlobNotFound": "no such object or bucket",
    r"NO_SUCH_BUCKET|Bucket '' not found|NoSuchBucket": "no such bucket",
    r"ContainerNotFound": "no such container",
    r"InvalidResourceName": "the name of the container or of the object is not valid",
    r"curlCode: (6|7)\b|NETWORK_CONNECTION|Could not (resolve|connect)|UNAVAILABLE|"
    r"get a new connection": ("cannot reach the store. Check the network and the endpoint."),
    r"HTTP status 301|PermanentRedirect|AuthorizationHeaderMalformed|region": (
        "the bucket is in another region. Set AWS_REGION to its region."
    ),
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
