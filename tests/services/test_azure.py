"""Azure Blob Storage, with the emulator Azurite."""

from __future__ import annotations

import base64
import hmac
import os
import shutil
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from conftest import Run, run_command
from stores import Bucket, StoreTests, connected, free_port, npy, serving, wait_for

from losscli.readers.files.store import upload

_AZURITE = shutil.which("azurite-blob")

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(_AZURITE is None, reason="npm install -g azurite"),
]

_KEY = base64.b64encode(bytes(range(64))).decode()


def connection(port: int, credentials: str = f"AccountKey={_KEY}") -> str:
    return f"AccountName=account;{credentials};BlobEndpoint=http://127.0.0.1:{port}/account"


def settings(port: int) -> Mapping[str, str]:
    return {"AZURE_STORAGE_CONNECTION_STRING": connection(port)}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    from pyarrow.fs import AzureFileSystem  # noqa: PLC0415 - loads the library

    port = free_port()
    assert _AZURITE is not None
    command = [_AZURITE, "--blobPort", str(port), "--inMemoryPersistence", "--disableTelemetry"]
    command += ["--skipApiVersionCheck"]  # the emulator may be older than the library
    accounts = {**os.environ, "AZURITE_ACCOUNTS": f"account:{_KEY}"}
    with serving(command, accounts), connected(settings(port)):
        address = f"127.0.0.1:{port}"
        files = AzureFileSystem(
            "account",
            account_key=_KEY,
            blob_storage_authority=address,
            dfs_storage_authority=address,
            blob_storage_scheme="http",
            dfs_storage_scheme="http",
        )
        wait_for(lambda: files.create_dir("bucket"))
        yield Bucket(files, "abfs", settings)


def signed(text: str) -> str:
    digest = hmac.digest(base64.b64decode(_KEY), text.encode(), "sha256")
    return base64.b64encode(digest).decode()


def token() -> str:
    """A token for the whole account, signed as Azure documents it."""
    names = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv")
    values = ("rwdlac", "b", "sco", "", "2100-01-01T00:00:00Z", "", "https,http", "2020-02-10")
    signature = signed("\n".join(["account", *values, ""]))
    given = {name: value for name, value in zip(names, values, strict=True) if value}
    return urlencode({**given, "sig": signature})


def make_public(port: int, container: str) -> None:
    """Create a container that everyone may read, which pyarrow cannot do."""
    headers = {
        "x-ms-blob-public-access": "container",
        "x-ms-date": formatdate(usegmt=True),
        "x-ms-version": "2021-08-06",
    }
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    resource = f"/account/account/{container}\nrestype:container"
    headers["Authorization"] = "SharedKey account:" + signed("PUT" + "\n" * 12 + lines + resource)
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("PUT", f"/account/{container}?restype=container", headers=headers)
    status = connection.getresponse().status
    connection.close()
    assert status == 201


class TestAzure(StoreTests):
    @pytest.mark.parametrize("uri", ["abfss://bucket/x.npy", "abfs://account@bucket/x.npy"])
    def test_other_uris(self, uri: str, bucket: Bucket, run: Run, tmp_path: Path) -> None:
        bucket.put("x.npy", npy(np.array([1.0, 2.0]), tmp_path))
        for name in (uri, uri.replace("x.npy", "x.np*")):
            assert run("mse", name, "1,4", "-q") == (0, "2.0\n", "")

    def test_a_wrong_key(self, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        wrong = base64.b64encode(bytes(64)).decode()
        found = self.run_with(f"AccountKey={wrong}", bucket, run, monkeypatch)
        self.expect_error(found, f"{bucket.uri}/x.npy: access denied. Check the credentials")

    @pytest.mark.parametrize("name", ["x.npy", "x.parquet", "x*.npy"])
    def test_a_wrong_token(
        self, name: str, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The messages of pyarrow contain the token, as a part of an address."""
        token = "SharedAccessSignature=sv=2020-01-01&sig=SECRET"
        found = self.run_with(token, bucket, run, monkeypatch, name)
        self.expect_error(found, f"{bucket.uri}/{name}: access denied. Check the credentials")
        assert "SECRET" not in found[2]

    def test_a_key_that_is_not_base64(
        self, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.run_with("AccountKey=SECRET!", bucket, run, monkeypatch)
        self.expect_error(found, f"{bucket.uri}/x.npy: the key in AZURE_STORAGE_KEY or ")
        assert "SECRET" not in found[2]

    def test_no_credentials(
        self, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.run_with("", bucket, run, monkeypatch)
        self.expect_error(found, f"{bucket.uri}/x.npy: no credentials for Azure. Set AZURE_STORAGE")

    def test_anonymous(self, bucket: Bucket, run: Run) -> None:
        """The container is private."""
        found = run("ce", f"{bucket.uri}/x.npy", "0,1", "--anonymous")
        self.expect_error(found, f"{bucket.uri}/x.npy: access denied. Check the credentials")

    def test_anonymous_in_a_public_container(self, run: Run, tmp_path: Path) -> None:
        variable = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
        make_public(int(variable.rpartition(":")[2].partition("/")[0]), "public")
        np.save(tmp_path / "x.npy", np.array([1.0, 2.0]))
        upload(str(tmp_path / "x.npy"), "abfs://public/x.npy")
        for name in ("x.npy", "x*.npy"):
            found = run("mse", f"abfs://public/{name}", "1,4", "-q", "--anonymous")
            assert found == (0, "2.0\n", "")

    @pytest.mark.parametrize("mark", ["", "?"])
    def test_a_token(
        self, mark: str, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The token is in a variable of its own, as Azure shows it, with and without `?`."""
        variable = "AZURE_STORAGE_CONNECTION_STRING"
        monkeypatch.setenv(variable, os.environ[variable].replace(f"AccountKey={_KEY}", ""))
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", f"{mark}{token()}")
        uri = f"{bucket.uri}/token/l.npy"
        assert run("mse", "1,2", "3,4", "-r", "none", "-o", uri, "-q")[0] == 0
        assert run("mse", uri, "4,5", "-q") == (0, "0.5\n", "")

    def test_an_account_and_a_key_in_variables(
        self, bucket: Bucket, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket.put("x.npy", npy(np.array([1.0, 2.0]), tmp_path))
        variable = "AZURE_STORAGE_CONNECTION_STRING"
        monkeypatch.setenv(variable, os.environ[variable].partition(f"{_KEY};")[2])
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "account")
        monkeypatch.setenv("AZURE_STORAGE_KEY", _KEY)
        assert run("mse", "abfs://bucket/x.npy", "1,4", "-q") == (0, "2.0\n", "")

    def test_another_account(self, run: Run) -> None:
        uri = "abfs://bucket@other.dfs.core.windows.net/x.npy"
        found = run("ce", uri, "0,1")
        self.expect_error(found, f"{uri}: the credentials in the environment are those of account ")

    def test_signing_in_that_fails(self, tmp_path: Path) -> None:
        """pyarrow ends the process, which the waiting process reports."""
        names = ("PATH", "HOME")
        environment = {name: os.environ[name] for name in names if name in os.environ}
        environment |= {"AZURE_STORAGE_AUTH_MODE": "login", "PATH": str(tmp_path)}
        uri = "abfs://bucket@account.dfs.core.windows.net/x.npy"
        found = run_command("ce", uri, "0,1", env=environment)
        self.expect_error(
            (found.returncode, found.stdout, found.stderr), "cannot sign in to Azure. Run az login"
        )

    def run_with(
        self,
        credentials: str,
        bucket: Bucket,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        name: str = "x.npy",
    ) -> Any:
        """Read an object with other credentials."""
        variable = "AZURE_STORAGE_CONNECTION_STRING"
        found = os.environ[variable].replace(f"AccountKey={_KEY}", credentials)
        monkeypatch.setenv(variable, found)
        return run("ce", f"{bucket.uri}/{name}", "0,1")
