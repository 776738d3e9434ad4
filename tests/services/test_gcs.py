"""Google Cloud Storage, with an emulator."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from stores import Bucket, StoreTests, connected, free_port, npy, serving, wait_for

from losscli.readers.files import store

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        find_spec("gcp_storage_emulator") is None, reason="pip install -e '.[services]'"
    ),
]

_SERVER = Path(__file__).parent / "gcs_server.py"


def settings(port: int) -> Mapping[str, str]:
    return {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    from pyarrow.fs import GcsFileSystem  # noqa: PLC0415 - loads the library

    port = free_port()
    with serving([sys.executable, str(_SERVER), str(port)]), connected(settings(port)):
        gcs = GcsFileSystem(anonymous=True, endpoint_override=f"127.0.0.1:{port}", scheme="http")
        wait_for(lambda: gcs.get_file_info("bucket"))
        yield Bucket(gcs, "gs", settings)


class TestGcs(StoreTests):
    def test_the_other_scheme(self, bucket: Bucket, run: Run, tmp_path: Path) -> None:
        bucket.put("x.npy", npy(np.array([1.0, 2.0]), tmp_path))
        for flags in ([], ["--anonymous"]):
            assert run("mse", "gcs://bucket/x.npy", "1,4", "-q", *flags) == (0, "2.0\n", "")

    def test_no_credentials(
        self, bucket: Bucket, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        monkeypatch.delenv("STORAGE_EMULATOR_HOST")
        found = run("mse", f"{bucket.uri}/x.npy", "1,4")
        self.expect_error(found, f"{bucket.uri}/x.npy: no valid credentials. Set those")

    def test_the_version_is_the_generation(self, bucket: Bucket) -> None:
        """An ETag of the content would not change with an object that is written again."""
        versions = set()
        for _ in range(2):
            bucket.put("version", b"same")
            versions.add(store.StoredObject("gs://bucket/version", anonymous=False).identity)
        assert len(versions) == 2
