"""S3, with a server of moto."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from stores import Bucket, StoreTests, connected, free_port, npy, serving, wait_for

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


def test_a_folder_of_many_objects(bucket: Bucket, run: Run, tmp_path: Path) -> None:
    """More than one page of a listing, which has 1,000 objects."""
    data = npy(np.ones(1), tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: bucket.put(f"many/{number}.npy", data), range(1_100)))
    np.save(tmp_path / "y.npy", np.zeros(1_100))
    code, out, err = run("mse", f"{bucket.uri}/many", tmp_path / "y.npy", "-q")
    assert (code, out) == (0, "1.0\n"), err
