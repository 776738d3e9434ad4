"""Listings of a store: globs and folders of objects are shards."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLES, Run

from losscli.readers.files import store

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A bucket with the sample data, shards, and folders."""
    from pyarrow.fs import S3FileSystem  # noqa: PLC0415 - loads the AWS SDK

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent) as server:
        settings = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            s3 = S3FileSystem(
                endpoint_override=f"127.0.0.1:{port}", scheme="http", allow_bucket_creation=True
            )
            _wait_for(lambda: s3.create_dir("bucket"))
            store._s3.cache_clear()
            yield s3
            store._s3.cache_clear()
        server.kill()


def _wait_for(step: Any) -> None:
    for _ in range(100):
        try:
            step()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server does not answer")


def put(bucket: Any, key: str, data: bytes) -> None:
    with bucket.open_output_stream(f"bucket/{key}") as file:
        file.write(data)


def npy(values: Any, folder: Path) -> bytes:
    np.save(folder / "a.npy", values)
    return (folder / "a.npy").read_bytes()


@pytest.fixture(scope="module")
def shards(bucket: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("shards")
    for number in range(12):
        put(bucket, f"preds/part-{number}.npy", npy(np.full(2, float(number)), folder))
    put(bucket, "preds/_SUCCESS", b"")
    put(bucket, "preds/deep/part-99.npy", npy(np.full(2, 99.0), folder))


@pytest.mark.usefixtures("shards")
@pytest.mark.parametrize(
    "pattern", ["s3://bucket/preds/*.npy", "s3://bucket/preds", "s3://bucket/preds/part-*"]
)
def test_shards_in_natural_order(pattern: str, run: Run) -> None:
    target = ",".join(f"{number},{number}" for number in range(12))
    code, out, err = run("mse", pattern, target, "-q")
    assert (code, out) == (0, "0.0\n"), err


@pytest.mark.usefixtures("shards")
def test_two_stars_go_into_folders(run: Run) -> None:
    code, out, _ = run("mse", "s3://bucket/preds/**/part-9*.npy", "99,99,9,9", "-q")
    assert (code, out) == (0, "0.0\n")


@pytest.mark.usefixtures("shards")
def test_nothing_matches(run: Run) -> None:
    for pattern in ("s3://bucket/none/*.npy", "s3://other/*.npy"):
        code, _, err = run("mse", pattern, "1,2", "-q")
        assert code == 1
        assert err.startswith(f"losscli: error: {pattern}: ")


def test_the_sample_data(bucket: Any, run: Run) -> None:
    for name in ("digits.parquet", "digits.csv", "digits_logits.npy"):
        put(bucket, name, (SAMPLES / name).read_bytes())
    for words in (["digits.parquet", "-t", "label"], ["digits.csv", "-t", "label"]):
        expected = run("ce", SAMPLES / words[0], *words[1:], "--by", "class", "-q")
        assert run("ce", f"s3://bucket/{words[0]}", *words[1:], "--by", "class", "-q") == expected


def test_parts_of_objects(bucket: Any, run: Run, tmp_path: Path) -> None:
    put(bucket, "digits.parquet", (SAMPLES / "digits.parquet").read_bytes())
    words = ("ce", "s3://bucket/digits.parquet", "-t", "label", "-q")
    for number in (1, 2):
        saved = ("--part", f"{number}/2", "--save-part", tmp_path / f"{number}.json")
        assert run(*words, *saved)[0] == 0
    assert run("merge", tmp_path, "-f", "json", "-q") == run(*words, "-f", "json")


def test_a_folder_of_many_objects(bucket: Any, run: Run, tmp_path: Path) -> None:
    """More than one page of a listing, which has 1,000 objects."""
    data = npy(np.ones(1), tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(bucket, f"many/{number}.npy", data), range(1_100)))
    np.save(tmp_path / "y.npy", np.zeros(1_100))
    code, out, err = run("mse", "s3://bucket/many", tmp_path / "y.npy", "-q")
    assert (code, out) == (0, "1.0\n"), err


@pytest.mark.parametrize("name", ["l.npy", "l.parquet", "l.csv", "l.jsonl"])
def test_an_output_in_a_store(name: str, bucket: Any, run: Run, tmp_path: Path) -> None:
    words = ("ce", SAMPLES / "digits.parquet", "-t", "label", "-q")
    assert run(*words, "-o", tmp_path / name) == run(*words, "-o", f"s3://bucket/out/{name}")
    with bucket.open_input_stream(f"bucket/out/{name}") as file:
        assert file.read() == (tmp_path / name).read_bytes()
    assert all(not key.startswith(f"{name}.") for key in keys(bucket, "out"))


def keys(bucket: Any, folder: str) -> list[str]:
    from pyarrow.fs import FileSelector  # noqa: PLC0415

    selector = FileSelector(f"bucket/{folder}", allow_not_found=True)
    return [info.base_name for info in bucket.get_file_info(selector)]


def test_an_output_that_fails_keeps_the_old_object(bucket: Any, run: Run) -> None:
    put(bucket, "kept/l.npy", b"old")
    code, _, err = run("nll", SAMPLES / "digits_logits.npy", "1", "-o", "s3://bucket/kept/l.npy")
    assert code == 1, err
    with bucket.open_input_stream("bucket/kept/l.npy") as file:
        assert file.read() == b"old"
    assert keys(bucket, "kept") == ["l.npy"]


def test_an_upload_that_fails_keeps_the_old_object(
    bucket: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, "kept/l.npy", b"old")
    monkeypatch.setattr(store, "_COPY_BYTES", -1)
    monkeypatch.setattr(store, "open", broken, raising=False)
    words = ("mse", "1,2", "3,4", "-o", "s3://bucket/kept/l.npy")
    code, _, err = run(*words)
    assert (code, err.count("\n")) == (1, 1)
    with bucket.open_input_stream("bucket/kept/l.npy") as file:
        assert file.read() == b"old"
    assert keys(bucket, "kept") == ["l.npy"]


def broken(*given: object) -> Any:
    raise OSError("the disk fails")


def test_an_output_in_a_bucket_that_does_not_exist(
    bucket: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket is tried before the work."""
    del bucket
    monkeypatch.setattr("losscli.cli.actions.outcome_of", None)
    code, _, err = run("mse", "1,2", "3,4", "-o", "s3://other/l.npy")
    assert code == 1
    assert err.startswith("losscli: error: s3://other/l.npy: "), err


def test_saved_parts_in_a_store(bucket: Any, run: Run) -> None:
    del bucket
    words = ("ce", SAMPLES / "digits.parquet", "-t", "label", "-q")
    for number in (1, 2, 2):
        saved = ("--part", f"{number}/2", "--save-part", f"s3://bucket/parts/{number}.json")
        assert run(*words, *saved) == (0, "", "")
    for pattern in ("s3://bucket/parts/*.json", "s3://bucket/parts"):
        assert run("merge", pattern, "-q") == run(*words)
