"""Connections to stores: S3, Google Cloud Storage and Azure Blob Storage, through pyarrow."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from losscli.errors import DataError
from losscli.readers.files.answers import REQUEST_SECONDS, answer
from losscli.readers.files.uri import STORES, advice, require_no_secrets, split, without_secrets

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

# Requests in flight, whatever the number of cores.
IN_FLIGHT = 32

# How long to wait for a connection.
_CONNECT_SECONDS = 10

# How often a request is tried, and for how long, before it is an error.
_TRIES = 3
_RETRY_SECONDS = 20


class Place(NamedTuple):
    """A store, and the bucket or container and the key of an object in it."""

    store: FileSystem
    bucket: str
    key: str

    @property
    def path(self) -> str:
        return f"{self.bucket}/{self.key}" if self.key else self.bucket


def located(uri: str, anonymous: bool) -> Place:
    """The store, the bucket and the key of a URI."""
    scheme, bucket, key = split(uri)
    if scheme not in STORES:
        raise DataError(f"{without_secrets(uri)}: {advice(scheme)}")
    require_no_secrets(uri)
    return answer(uri, partial(_place, scheme, bucket, key, anonymous))


def _place(scheme: str, bucket: str, key: str, anonymous: bool) -> Place:
    import pyarrow as pa  # noqa: PLC0415 - only for URIs

    from losscli.readers.files import azure  # noqa: PLC0415

    pa.set_io_thread_count(max(pa.io_thread_count(), IN_FLIGHT))  # the number of connections
    if scheme == "s3":
        return Place(_s3(bucket, anonymous), bucket, key)
    if scheme in ("gs", "gcs"):
        endpoint = os.environ.get("STORAGE_EMULATOR_HOST")
        return Place(_gcs(endpoint, anonymous), bucket, key)
    return Place(*azure.place(bucket, anonymous), key)


def _s3(bucket: str, anonymous: bool) -> FileSystem:
    """The store with a bucket, as the variables of the AWS tools describe it."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not (endpoint or region):
        region = _region_of(bucket)
    return _connected_s3(endpoint, region or "us-east-1", anonymous)


@cache
def _region_of(bucket: str) -> str:
    from pyarrow.fs import resolve_s3_region  # noqa: PLC0415 - only for URIs

    region: str = resolve_s3_region(bucket)
    return region


@cache
def _connected_s3(endpoint: str | None, region: str, anonymous: bool) -> FileSystem:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # noqa: PLC0415

    where: dict[str, Any] = {}
    if endpoint:
        parts = urlsplit(endpoint)
        where = {"endpoint_override": parts.netloc or parts.path, "scheme": parts.scheme or "https"}
    return S3FileSystem(
        anonymous=anonymous,
        region=region,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_TRIES),
        **where,
    )


@cache
def _gcs(endpoint: str | None, anonymous: bool) -> FileSystem:
    from pyarrow.fs import GcsFileSystem  # noqa: PLC0415

    where: dict[str, Any] = {}
    if endpoint:  # without credentials, as in Google's own libraries
        parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
        where = {"endpoint_override": parts.netloc, "scheme": parts.scheme}
    return GcsFileSystem(
        anonymous=anonymous or bool(endpoint),
        retry_time_limit=timedelta(seconds=_RETRY_SECONDS),
        **where,
    )
