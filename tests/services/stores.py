"""Tests of every store: the same commands on objects and on local files, listings, and faults.

`test_s3.py`, `test_gcs.py` and `test_azure.py` each start a server and run these tests with it.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from conftest import SAMPLES, Run
from objects import Objects, served

from losscli.readers.files import answers, connect, store


@dataclass(frozen=True)
class Bucket:
    """A bucket or a container of a server.

    Attributes:
        files: pyarrow's file system
        scheme: the scheme of the URIs
        settings: the environment of a server, given its port
    """

    files: Any
    scheme: str
    settings: Callable[[int], Mapping[str, str]]

    @property
    def uri(self) -> str:
        return f"{self.scheme}://bucket"

    @property
    def other(self) -> str:
        """A bucket that does not exist."""
        return f"{self.scheme}://other"

    def put(self, key: str, data: bytes) -> None:
        with self.files.open_output_stream(f"bucket/{key}", compression=None) as file:
            file.write(data)

    def get(self, key: str) -> bytes:
        with self.files.open_input_stream(f"bucket/{key}", compression=None) as file:
            return bytes(file.read())

    def keys(self, folder: str) -> list[str]:
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - loads the libraries of all stores

        selector = FileSelector(f"bucket/{folder}", allow_not_found=True)
        return [info.base_name for info in self.files.get_file_info(selector)]

    def put_folder(self, folder: Path) -> None:
        for path in folder.iterdir():
            self.put(path.name, path.read_bytes())


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a server within this context."""
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent, env=environment) as server:
        try:
            yield
        finally:
            server.kill()


@contextmanager
def connected(settings: Mapping[str, str]) -> Iterator[None]:
    """Use the server that environment variables describe."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(step: Callable[[], object]) -> None:
    for _ in range(100):
        try:
            step()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server does not answer")


def npy(values: Any, folder: Path) -> bytes:
    np.save(folder / "a.npy", values)
    return (folder / "a.npy").read_bytes()


# Commands with {} in place of the folder.
COMMANDS = [
    ["ce", "{}digits.parquet", "-t", "label", "--by", "class", "--top", "3"],
    ["ce", "{}digits_logits.npy", "{}digits_labels.npy", "--accuracy"],
    ["mse", "{}diabetes.csv", "-i", "predicted", "-t", "measured", "--quantiles", "0.5"],
    ["bce", "{}breast_cancer.csv", "-i", "probability", "-t", "label", "--by", "{}groups.csv"],
    ["ce", "{}logits.npz", "-i", "x", "-t", "y"],
    ["ce", "{}logits.safetensors", "-i", "x", "-t", "y"],
    ["ce", "{}digits.arrow", "-t", "label"],
    ["ce", "{}digits.arrows", "-t", "label"],
    ["mse", "{}diabetes.jsonl", "-i", "predicted", "-t", "measured"],
    ["mse", "{}diabetes.csv.gz", "-i", "predicted", "-t", "measured"],
    ["compare", "ce", "{}digits_logits.npy", "{}digits_second_logits.npy", "{}digits_labels.npy"],
]


def make(folder: Path) -> None:
    """The sample data, also in other formats."""
    shutil.copytree(SAMPLES, folder, dirs_exist_ok=True)
    digits = pa.parquet.read_table(folder / "digits.parquet")
    for name, new in (("digits.arrow", pa.ipc.new_file), ("digits.arrows", pa.ipc.new_stream)):
        with new(folder / name, digits.schema) as writer:
            writer.write_table(digits)
    logits, labels = (np.load(folder / f"digits_{name}.npy") for name in ("logits", "labels"))
    np.savez(folder / "logits.npz", x=logits, y=labels)
    (folder / "logits.safetensors").write_bytes(_safetensors({"x": logits, "y": labels}))
    rows = pa.csv.read_csv(folder / "diabetes.csv").to_pylist()
    (folder / "diabetes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pa.CompressedOutputStream(str(folder / "diabetes.csv.gz"), "gzip") as file:
        file.write((folder / "diabetes.csv").read_bytes())
    (folder / "groups.csv").write_text("g\n" + "a\nb\n" * 71 + "a\n")


def _safetensors(arrays: Mapping[str, Any]) -> bytes:
    kinds = {"float32": "F32", "float64": "F64", "int64": "I64"}
    header, data = {}, b""
    for name, array in arrays.items():
        span = [len(data), len(data) + array.nbytes]
        kind = kinds[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": span}
        data += array.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


class StoreTests:
    """The tests of a store. Modules define the fixture `bucket`."""

    @pytest.fixture(scope="class")
    @classmethod
    def local(cls, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder with the files that are also objects."""
        folder = tmp_path_factory.mktemp("local")
        make(folder)
        bucket.put_folder(folder)
        return folder

    @pytest.fixture(scope="class")
    @classmethod
    def shards(cls, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("shards")
        for number in range(12):
            bucket.put(f"preds/part-{number}.npy", npy(np.full(2, float(number)), folder))
        bucket.put("preds/_SUCCESS", b"")
        bucket.put("preds/deep/part-99.npy", npy(np.full(2, 99.0), folder))

    @pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[1])
    def test_the_same_as_of_files(
        self, words: list[str], bucket: Bucket, local: Path, run: Run
    ) -> None:
        def answer(folder: str) -> list[str]:
            found = run(*(word.format(f"{folder}/") for word in words), "-f", "json", "-q")
            assert found[0] == 0, found
            return [text.replace(folder, "") for text in found[1:]]

        assert answer(bucket.uri) == answer(str(local))

    @pytest.mark.usefixtures("shards")
    @pytest.mark.parametrize(
        "pattern", ["preds/*.npy", "preds", "preds/", "preds/part-*", "preds/part-[0-9]*.npy"]
    )
    def test_shards_in_natural_order(self, pattern: str, bucket: Bucket, run: Run) -> None:
        target = ",".join(f"{number},{number}" for number in range(12))
        code, out, err = run("mse", f"{bucket.uri}/{pattern}", target, "-q")
        assert (code, out) == (0, "0.0\n"), err

    @pytest.mark.usefixtures("shards")
    def test_one_character(self, bucket: Bucket, run: Run) -> None:
        code, out, err = run(
            "mse", f"{bucket.uri}/preds/part-?.npy", ",".join("00112233445566778899"), "-q"
        )
        assert (code, out) == (0, "0.0\n"), err

    @pytest.mark.usefixtures("shards")
    @pytest.mark.parametrize("pattern", ["preds/**/part-9*.npy", "preds/**9.npy"])
    def test_two_stars_go_into_folders(self, pattern: str, bucket: Bucket, run: Run) -> None:
        code, out, err = run("mse", f"{bucket.uri}/{pattern}", "99,99,9,9", "-q")
        assert (code, out) == (0, "0.0\n"), err

    @pytest.mark.usefixtures("shards")
    def test_nothing_matches(self, bucket: Bucket, run: Run) -> None:
        for pattern in (f"{bucket.uri}/none/*.npy", f"{bucket.other}/*.npy"):
            self.expect_error(run("mse", pattern, "1,2", "-q"), f"{pattern}: ")

    @pytest.mark.parametrize(
        "name",
        ["a b.npy", "a#b.npy", "a%20b.npy", "ä/ü.npy", "a+b&c=d.npy", "a@b:c.npy", "it's.npy"],
    )
    def test_names(self, name: str, bucket: Bucket, run: Run, tmp_path: Path) -> None:
        bucket.put(f"names/{name}", npy(np.array([1.0, 2.0]), tmp_path))
        code, out, err = run("mse", f"{bucket.uri}/names/{name}", "1,4", "-q")
        assert (code, out) == (0, "2.0\n"), err

    @pytest.mark.parametrize("name", ["l.npy", "l.parquet", "l.csv", "l.jsonl"])
    def test_an_output(self, name: str, bucket: Bucket, run: Run, tmp_path: Path) -> None:
        words = ("ce", SAMPLES / "digits.parquet", "-t", "label", "-q")
        for _ in range(2):  # new, and replaced
            assert run(*words, "-o", tmp_path / name) == run(
                *words, "-o", f"{bucket.uri}/out/{name}"
            )
            assert bucket.get(f"out/{name}") == (tmp_path / name).read_bytes()
        assert all(not key.startswith(f"{name}.") for key in bucket.keys("out"))

    def test_an_output_that_fails_keeps_the_old_object(self, bucket: Bucket, run: Run) -> None:
        bucket.put("kept/l.npy", b"old")
        words = ("nll", SAMPLES / "digits_logits.npy", "1", "-o", f"{bucket.uri}/kept/l.npy")
        assert run(*words)[0] == 1
        assert bucket.get("kept/l.npy") == b"old"
        assert bucket.keys("kept") == ["l.npy"]

    def test_an_upload_that_fails_keeps_the_old_object(
        self, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket.put("kept/l.npy", b"old")
        monkeypatch.setattr(store, "open", broken, raising=False)
        self.expect_error(run("mse", "1,2", "3,4", "-o", f"{bucket.uri}/kept/l.npy"), "")
        assert bucket.get("kept/l.npy") == b"old"
        assert bucket.keys("kept") == ["l.npy"]

    def test_an_output_in_a_bucket_that_does_not_exist(
        self, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The bucket is tried before the work."""
        monkeypatch.setattr("losscli.cli.actions.outcome_of", None)
        uri = f"{bucket.other}/l.npy"
        self.expect_error(run("mse", "1,2", "3,4", "-o", uri), f"{uri}: no such ")

    def test_parts_of_objects(self, bucket: Bucket, local: Path, run: Run, tmp_path: Path) -> None:
        del local
        words = ("ce", f"{bucket.uri}/digits.parquet", "-t", "label", "-q")
        for number in (1, 2):
            saved = ("--part", f"{number}/2", "--save-part", tmp_path / f"{number}.json")
            assert run(*words, *saved)[0] == 0
        assert run("merge", tmp_path, "-f", "json", "-q") == run(*words, "-f", "json")

    def test_records(self, bucket: Bucket, local: Path, run: Run, tmp_path: Path) -> None:
        """A record on disk, and one beside the objects. Both verify, and have the same numbers."""
        del local
        words = ("ce", f"{bucket.uri}/digits.parquet", "-t", "label", "--by", "class", "-q")
        for path in (tmp_path / "run.json", f"{bucket.uri}/run.json"):
            assert run(*words, "--record", path)[0] == 0
        code, _, err = run("verify", tmp_path / "run.json")
        assert code == 1
        assert "Name a folder or a bucket that contains it" in err
        assert run("verify", tmp_path / "run.json", "--root", bucket.uri)[0] == 0
        assert run("verify", f"{bucket.uri}/run.json")[0] == 0
        bucket.put("digits.parquet", (SAMPLES / "digits.parquet").read_bytes()[:-1] + b"x")
        code, _, err = run("verify", f"{bucket.uri}/run.json")
        bucket.put("digits.parquet", (SAMPLES / "digits.parquet").read_bytes())
        assert code == 3
        assert "files: digits.parquet: its SHA-256 differs" in err

    def test_saved_parts(self, bucket: Bucket, run: Run) -> None:
        words = ("ce", SAMPLES / "digits.parquet", "-t", "label", "-q")
        for number in (1, 2, 2):
            saved = ("--part", f"{number}/2", "--save-part", f"{bucket.uri}/parts/{number}.json")
            assert run(*words, *saved) == (0, "", "")
        for pattern in (f"{bucket.uri}/parts/*.json", f"{bucket.uri}/parts"):
            assert run("merge", pattern, "-q") == run(*words)

    @pytest.mark.parametrize("name", ["none.npy", "none"])
    def test_no_object(self, name: str, bucket: Bucket, run: Run) -> None:
        for folder in (bucket.uri, bucket.other):
            found = run("ce", f"{folder}/{name}", "0,1")
            self.expect_error(found, f"{folder}/{name}: no such object or bucket")

    @pytest.mark.parametrize("change", ["replaced", "removed"])
    def test_an_object_that_changes_while_it_is_read(
        self,
        change: str,
        bucket: Bucket,
        run: Run,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The new object has the same size, and may have the same time of modification."""
        key = f"{change}.npy"
        data = npy(np.zeros((3000, 100)), tmp_path)
        bucket.put(key, data)
        read_at, reads = store.StoredObject.read_at, []

        def changed(stored: store.StoredObject, offset: int, size: int) -> bytes:
            reads.append(offset)
            if len(reads) == 3:
                if change == "removed":
                    bucket.files.delete_file(f"bucket/{key}")
                else:
                    bucket.put(key, data[:-8] + np.ones(1).tobytes())
            return read_at(stored, offset, size)

        monkeypatch.setattr(store.StoredObject, "read_at", changed)
        uri = f"{bucket.uri}/{key}"
        problems = ["the object changed while it was being read. Use a copy of it."]
        problems += ["no such object or bucket"] if change == "removed" else []
        code, out, err = run("mse", uri, uri, "-q")
        assert (code, out) == (1, "")
        assert err in [f"losscli: error: {uri}: {problem}\n" for problem in problems], err

    def test_access_denied(self, bucket: Bucket, run: Run, tmp_path: Path) -> None:
        uri = f"{bucket.uri}/x.npy"
        with served(Objects(tmp_path, answer=lambda method, key: 403)) as address:
            port = int(address.rpartition(":")[2])
            with connected(bucket.settings(port)):
                found = run("ce", uri, "0,1")
        self.expect_error(found, f"{uri}: access denied. Check the credentials")

    def test_no_server(self, bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connect, "_RETRY_SECONDS", 1)
        uri = f"{bucket.uri}/x.npy"
        with connected(bucket.settings(free_port())):
            found = run("ce", uri, "0,1")
        self.expect_error(found, f"{uri}: cannot reach the store. Check the network")

    @pytest.mark.parametrize(
        "words", [["ce", "{}", "0,1"], ["mse", "1", "2", "-o", "{}"]], ids=["input", "output"]
    )
    def test_a_server_that_hangs(
        self, words: list[str], bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answers, "_CALL_SECONDS", 1)
        uri = f"{bucket.uri}/x.npy"
        with (
            socket.create_server(("127.0.0.1", 0)) as silent,
            connected(bucket.settings(silent.getsockname()[1])),
        ):
            found = run(*(word.format(uri) for word in words))
        self.expect_error(found, f"{uri}: the store did not answer within 1 s")

    def test_a_secret_is_never_shown(self, bucket: Bucket, run: Run, tmp_path: Path) -> None:
        bare = f"{bucket.scheme}://"
        uris = [
            f"{bare}USER:SEC/RET@bucket/x.npy",
            f"{bare}USER:SECRET@bucket/x.npy",
            f"{bucket.uri}/x.npy?sv=1&sig=SECRET",
            f"{bucket.uri}?sig=SECRET",
        ]
        commands = ["ce {} 0,1", "mse 1 2 -o {}", "mse 1 2 --output={}.x", "merge {}", "none {}"]
        commands += [f"mse 1 2 --part 1/2 --save-part {{}} -o {tmp_path}/l.npy", "mse 1 2 3 {}"]
        for uri in uris:
            for command in commands:
                code, out, err = run(*command.format(uri).split())
                assert (code, out) == (1, "")
                assert "found credentials in the URI" in err
                assert "SEC" not in err
                assert "RET" not in err
        assert not list(tmp_path.iterdir())

    def expect_error(self, found: tuple[int, str, str], problem: str) -> None:
        code, out, err = found
        assert (code, out) == (1, "")
        assert err.startswith(f"losscli: error: {problem}"), err
        assert len(err.splitlines()) == 1


def broken(*given: object) -> Any:
    raise OSError("the disk fails")
