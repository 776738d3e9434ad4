"""S3, with a server of moto."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import pytest
from stores import Bucket, StoreTests, connected, free_port, serving, wait_for

pytestmark = pytest.mark.services


def settings(port: int) -> Mapping[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    from pyarrow.fs import S3FileSystem  # noqa: PLC0415 - loads the AWS SDK

    port = free_port()
    with serving([sys.executable, "-m", "moto.server", "-p", str(port)]), connected(settings(port)):
        s3 = S3FileSystem(
            endpoint_override=f"127.0.0.1:{port}", scheme="http", allow_bucket_creation=True
        )
        wait_for(lambda: s3.create_dir("bucket"))
        yield Bucket(s3, "s3", settings)


class TestS3(StoreTests):
    pass
