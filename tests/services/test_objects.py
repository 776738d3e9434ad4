"""Objects of a store give what files give, with few bytes and many requests in flight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from conftest import SAMPLES, Run
from objects import Objects, served
from stores import COMMANDS, make

import losscli
from losscli.errors import DataError
from losscli.readers import Reading
from losscli.readers.files import connect
from losscli.readers.files.shards import open_files

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    """A server of the files in a folder, with every name as a bucket."""
    found = Objects(tmp_path)
    with served(found) as address:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield found


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[1])
def test_the_same_as_of_files_but_for_paths(words: list[str], objects: Objects, run: Run) -> None:
    make(objects.folder)
    local = run(*(word.format(f"{objects.folder}/") for word in words), "-f", "json", "-q")
    remote = run(*(word.format("s3://bucket/") for word in words), "-f", "json", "-q")
    assert remote[0] == 0, remote
    assert [text.replace("s3://bucket", str(objects.folder)) for text in remote[1:]] == list(
        local[1:]
    )


def test_each_byte_is_transferred_once(objects: Objects, run: Run) -> None:
    rng = np.random.default_rng(0)
    x, y = objects.folder / "x.npy", objects.folder / "y.npy"
    np.save(x, rng.normal(size=(20_000, 300)))
    np.save(y, rng.integers(300, size=20_000))
    size = x.stat().st_size + y.stat().st_size
    objects.delay = 0.02
    for output_format in ("json", "plain"):
        objects.reset()
        assert run("ce", "s3://b/x.npy", "s3://b/y.npy", "-q", "-f", output_format)[0] == 0
        assert size <= objects.bytes <= size + MEGABYTE // 16
        assert 16 <= objects.most_in_flight <= 32


def test_shards_do_not_wait_for_each_other(objects: Objects) -> None:
    for number in range(64):
        np.save(objects.folder / f"{number}.npy", np.full(2, number))
    objects.delay = 0.05
    with closing(open_files([f"s3://b/{number}.npy" for number in range(64)], Reading())) as files:
        most = [objects.most_in_flight]
        objects.reset()
        shards = files.array(None, "")
        values = shards.read((slice(1, 127),))
        most.append(objects.most_in_flight)
        objects.reset()
        shards.require_same()
        most.append(objects.most_in_flight)
    assert values.tolist() == np.repeat(np.arange(64), 2)[1:127].tolist()
    assert all(16 <= number <= 32 for number in most), most


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_shards_of_tables_are_read_at_the_same_time(suffix: str, objects: Objects) -> None:
    for number in range(24):
        table = pa.table({"a": [float(number), 0.5], "b": [0.0, 1.0]})
        writer = pa.csv.write_csv if suffix == "csv" else pa.parquet.write_table
        writer(table, str(objects.folder / f"{number}.{suffix}"))
    objects.delay = 0.05
    names = [f"s3://b/{number}.{suffix}" for number in range(24)]
    with closing(open_files(names, Reading())) as files:
        objects.reset()
        values = files.array(["a"], "").read((slice(0, 48),))
    expected = [value for number in range(24) for value in (number, 0.5)]
    assert values.ravel().tolist() == expected
    assert 6 <= objects.most_in_flight <= 32


def test_one_entry_of_each_row(objects: Objects, run: Run) -> None:
    """nll of long rows reads the entries of the targets, and a few rows to check them."""
    rng = np.random.default_rng(0)
    x = np.lib.format.open_memmap(objects.folder / "x.npy", "w+", np.float32, (1000, 30_000))
    x[:] = -10.5
    np.save(objects.folder / "y.npy", rng.integers(30_000, size=1000))
    code, out, _ = run("nll", "s3://b/x.npy", "s3://b/y.npy", "-q", "--no-check")
    assert (code, out) == (0, "10.5\n")
    assert objects.bytes < 0.001 * x.nbytes
    objects.reset()
    run("nll", "s3://b/x.npy", "s3://b/y.npy", "-q")
    assert objects.bytes < 0.03 * x.nbytes


def test_two_columns_of_many(objects: Objects, run: Run) -> None:
    rng = np.random.default_rng(0)
    columns = {f"c{k}": rng.normal(size=50_000) for k in range(30)}
    pa.parquet.write_table(
        pa.table(columns), objects.folder / "t.parquet", row_group_size=10_000, compression="none"
    )
    size = (objects.folder / "t.parquet").stat().st_size
    assert run("mse", "s3://b/t.parquet", "-i", "c3", "-t", "c20", "-q")[0] == 0
    assert objects.bytes < 0.15 * size


def test_names_without_a_suffix_and_label_files(objects: Objects, run: Run) -> None:
    np.save(objects.folder / "x.npy", np.array([[1.0, 2.0], [3.0, 1.0]]))
    (objects.folder / "x.npy").rename(objects.folder / "scores")
    (objects.folder / "names.txt").write_text("cat\ndog\n")
    words = ("ce", "s3://b/scores", "0,1", "--classes", "s3://b/names.txt", "--by", "class")
    code, out, err = run(*words, "-q", "-f", "csv")
    assert code == 0, err
    assert "cat" in out


def refused(code: int) -> Any:
    return lambda method, key: code


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (None, "no such object or bucket"),
        (refused(403), "access denied. Check the credentials, or use --anonymous"),
        (refused(301), "the bucket is in another region. Set AWS_REGION"),
        (refused(400), "the request failed: "),
    ],
)
def test_an_object_that_cannot_be_read(
    answer: Any, problem: str, objects: Objects, run: Run
) -> None:
    if answer is not None:
        objects.answer = answer
    code, out, err = run("ce", "s3://b/none.npy", "0,1")
    assert (code, out) == (1, "")
    assert err.startswith(f"losscli: error: s3://b/none.npy: {problem}"), err
    assert len(err.splitlines()) == 1


def test_no_route(objects: Objects, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    err = run("ce", "s3://b/none.npy", "0,1")[2]
    assert err == (
        "losscli: error: s3://b/none.npy: cannot reach the store. Check the network and the "
        "endpoint.\n"
    )


def test_a_store_that_hangs(objects: Objects, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(objects.folder / "x.npy", np.zeros((2, 2)))
    monkeypatch.setattr(connect, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(connect, "_TRIES", 1)
    objects.delay = 8.0
    err = run("ce", "s3://b/x.npy", "0,1")[2]
    assert err.startswith("losscli: error: s3://b/x.npy: the store did not answer within"), err


@pytest.mark.parametrize("words", [["mse"], ["compare", "mse", "s3://b/x.npy"]])
def test_an_object_that_is_replaced_while_it_is_read(
    words: list[str], objects: Objects, run: Run
) -> None:
    path = objects.folder / "x.npy"
    np.save(path, np.zeros((3000, 1000)))

    def replace(method: str, key: str) -> None:
        if len(objects.requests) >= 12:
            os.utime(path, ns=(1, 1))

    objects.answer = replace
    code, out, err = run(*words, "s3://b/x.npy", "s3://b/x.npy", "-q")
    assert (code, out) == (1, "")
    assert err == (
        "losscli: error: s3://b/x.npy: the object changed while it was being read. Use a copy of "
        "it.\n"
    )


def test_an_object_that_is_cut_short(objects: Objects, run: Run) -> None:
    path = objects.folder / "x.npy"
    np.save(path, np.zeros(1000))
    path.write_bytes(path.read_bytes()[:500])
    code, _, err = run("mse", "s3://b/x.npy", "s3://b/x.npy")
    assert code == 1
    assert "s3://b/x.npy" in err


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("https://host/x.npy", "losscli does not read from the web. Download the file: curl -O"),
        ("hf://datasets/a/x.npy", "losscli does not read from Hugging Face"),
        ("ftp://host/x.npy", "unknown scheme; expected one of s3://, gs://"),
        ("file://host/x.npy", "a file:// URI cannot name a host"),
    ],
)
def test_other_schemes(uri: str, problem: str, run: Run) -> None:
    code, _, err = run("ce", uri, "0,1")
    assert (code, err.count("\n")) == (1, 1)
    assert problem in err


def test_a_secret_is_never_shown(run: Run) -> None:
    for uri in ("s3://KEY:SECRET@b/x.npy", "s3://KEY@b/x.npy", "gs://u:SECRET@b/x.npy"):
        code, out, err = run("ce", uri, "0,1")
        assert (code, out) == (1, "")
        assert "found credentials in the URI" in err
        assert "SECRET" not in err
        assert "KEY" not in err


def test_a_uri_of_a_file(run: Run) -> None:
    uri = (SAMPLES / "digits.parquet").as_uri()
    assert run("ce", uri, "-t", "label", "-q") == run("ce", SAMPLES / "digits.parquet", "-q")


def test_python_reads_objects(objects: Objects) -> None:
    np.save(objects.folder / "x.npy", np.array([1.0, 2.0]))
    assert losscli.evaluate("mse", "s3://b/x.npy", [1.0, 4.0]).value == 2.0
    with pytest.raises(DataError, match="no such object"):
        losscli.evaluate("mse", "s3://b/y.npy", [1.0, 4.0])
