"""NumPy, Parquet, Arrow and safetensors files whose bytes contradict their headers, and their
shards."""

from __future__ import annotations

import gzip
import io
import os
import resource
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import Run, run_command
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyarrow import ipc, parquet
from tables import save_table

from losscli import evaluate
from losscli.errors import DataError
from losscli.readers.files.checksum import Checksum


def npy(array: NDArray[Any]) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def header(shape: tuple[int, ...], fortran: bool = False) -> bytes:
    sink = io.BytesIO()
    fields = {"descr": "<f8", "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(sink, fields)
    return sink.getvalue()


def run_with_memory(limit: int, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run losscli as a process with this many bytes of address space, including libraries."""
    return run_command(
        *words, cwd=cwd, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    )


def save_npz(path: Path, compression: int = zipfile.ZIP_STORED, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


class TestNpz:
    @pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    @pytest.mark.parametrize("fortran", [False, True])
    def test_a_member_is_as_long_as_its_header_says(
        self, run: Run, tmp_path: Path, compression: int, fortran: bool
    ) -> None:
        """A shorter member would continue with the next member's bytes. A longer member may be a
        zip bomb."""
        path = tmp_path / "x.npz"
        for count in (8, 1000):
            content = header((10, 2), fortran) + np.ones(count).tobytes()
            save_npz(path, compression, x=content, y=npy(np.zeros((10, 2))))
            assert run("l1", path, "-i", "x", "-t", "y") == (
                1,
                "",
                f"losscli: error: {path}[x]: damaged file: expected 160 bytes for (10, 2) of "
                f"float64, found {count * 8}\n",
            )

    @pytest.mark.parametrize("threads", [1, 2])
    @pytest.mark.parametrize(
        ("loss", "shape"),
        [
            ("mse", (1 << 20,)),
            ("mse", (7, (1 << 17) + 5)),  # with small blocks at the ends of rows
            ("nll", (2, 1 << 17, 4)),
        ],
    )
    def test_the_checksum_of_a_stored_member(
        self,
        run: Run,
        tmp_path: Path,
        loss: str,
        shape: tuple[int, ...],
        threads: int,
    ) -> None:
        path = tmp_path / "x.npz"
        x = np.random.default_rng(0).random(shape) - 1
        y = np.zeros(shape[:1] + shape[2:] if loss == "nll" else shape, np.int64)
        np.savez(path, x=x, y=y)
        words = [loss, path, "-i", "x", "-t", "y", "-j", threads, "--no-check"]
        expected = -x[:, 0].mean() if loss == "nll" else (x**2).mean()
        assert float(run(*words)[1]) == pytest.approx(expected, rel=1e-12)
        content = path.read_bytes()
        value = x.reshape(-1)[x.size // 2].tobytes()
        assert content.count(value) == 1
        path.write_bytes(content.replace(value, np.float64(-0.25).tobytes()))
        assert run(*words) == (
            1,
            "",
            f"losscli: error: {path}[x]: damaged file: the checksum does not match\n",
        )

    @given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 90))))
    def test_a_checksum_of_pieces(self, content: bytes, pieces: list[tuple[int, int]]) -> None:
        """Pieces may be read in any order and repeatedly. The checksum is verified when all have
        been read."""
        right, wrong = Checksum(zlib.crc32(content), len(content)), Checksum(1, len(content))
        read: set[int] = set()
        for begin, size in [*pieces, (0, 200)]:
            part = memoryview(content)[begin : begin + size]
            if not part:
                continue
            read |= set(range(begin, begin + len(part)))
            assert right.add(begin, part)
            assert wrong.add(begin, part) == (len(read) < len(content))

    def test_long_rows_lie_on_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("losscli.readers.arrays.arriving._MOST_ROW_BYTES", 1 << 10)
        x, y = np.random.default_rng(0).random((2, 3, 5, 700))
        np.savez_compressed(tmp_path / "x.npz", x=x, y=np.asfortranarray(y))
        columns = {"input_column": "x", "target_column": "y"}
        found = evaluate("mse", tmp_path / "x.npz", **columns)
        assert found.value == pytest.approx(((x - y) ** 2).mean(), rel=1e-14)
        labels = np.arange(3 * 700).reshape(3, 700) % 5
        np.savez_compressed(tmp_path / "x.npz", x=np.log(x), y=labels)
        found = evaluate(
            "nll", tmp_path / "x.npz", input_column="x", target_column="y", check=False
        )
        picked = np.take_along_axis(np.log(x), labels[:, np.newaxis], 1)
        assert found.value == pytest.approx(-picked.mean(), rel=1e-14)

    @pytest.mark.slow
    def test_a_long_row_is_not_held(self, tmp_path: Path) -> None:
        """Two rows of 240 MB of zeros, with 600 MB of memory."""
        path = tmp_path / "x.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            for name in ("x.npy", "y.npy"):
                with file.open(name, "w") as member:
                    member.write(header((1, 30_000_000)))
                    for _ in range(30):
                        member.write(bytes(8_000_000))
        found = run_with_memory(600 << 20, "l1", "x.npz", "-i", "x", "-t", "y", cwd=tmp_path)
        assert (found.returncode, found.stdout, found.stderr) == (0, "0.0\n", "")

    def test_a_full_disk_is_said_to_be_full(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Full(io.BytesIO):
            def write(self, part: Any) -> int:
                raise OSError(28, "No space left on device")

        np.savez_compressed(tmp_path / "x.npz", x=np.ones((2, 3), order="F"))
        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
        assert run("l1", tmp_path / "x.npz", "0")[2] == (
            f"losscli: error: {tmp_path}/x.npz[x]: cannot write values to a temporary file: No "
            "space left on device. Set TMPDIR to another folder.\n"
        )

    def test_what_the_system_refuses_is_no_damage(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        np.savez(tmp_path / "x.npz", x=np.ones(3))

        def refuse(self: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("losscli.readers.files.origin.Origin.stream", refuse)
        error = f"losscli: error: {tmp_path}/x.npz: Permission denied\n"
        assert run("l1", tmp_path / "x.npz", "0") == (1, "", error)


class TestNpy:
    @pytest.mark.parametrize("suffix", ["gz", "bz2", "zst"])
    def test_a_compressed_file_is_read_to_its_end(
        self, run: Run, tmp_path: Path, suffix: str
    ) -> None:
        """Only the checksum after all values is missing."""
        path = tmp_path / f"x.npy.{suffix}"
        with pa.output_stream(str(path), compression="detect") as file:
            file.write(npy(np.ones((100_000, 3))) + b"and more")
        assert run("l1", path, "0")[:2] == (0, "1.0\n")
        path.write_bytes(path.read_bytes()[:-3])
        code, out, err = run("l1", path, "0")
        assert (code, out) == (1, "")
        assert err.startswith(f"losscli: error: {path}: damaged file: ")

    def test_a_damaged_checksum_of_gzip(self, run: Run, tmp_path: Path) -> None:
        content = bytearray(gzip.compress(npy(np.random.default_rng(0).random(100_000))))
        content[-8] ^= 1
        (tmp_path / "x.npy.gz").write_bytes(content)
        code, out, err = run("l1", tmp_path / "x.npy.gz", "0")
        assert (code, out) == (1, "")
        assert f"{tmp_path}/x.npy.gz: damaged file: " in err

    @pytest.mark.parametrize("shape", [(1, 1 << 40), (1 << 40, 2), (1, 1 << 50)])
    def test_a_claim_is_not_given_memory(
        self, run: Run, tmp_path: Path, shape: tuple[int, ...]
    ) -> None:
        path = tmp_path / "x.npy.gz"
        path.write_bytes(gzip.compress(header(shape) + bytes(800)))
        assert run("l1", path, "0") == (
            1,
            "",
            f"losscli: error: {path}: truncated file: it ends early, but its header declares "
            f"{shape[0] * shape[1]} elements of float64\n",
        )

    @pytest.mark.parametrize("shape", [(4, 1 << 62), (0, 1 << 62), (1 << 40, 1 << 40), (-1, 2)])
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("command", [["l1"], ["inspect"]])
    def test_a_shape_that_no_array_has(
        self, run: Run, tmp_path: Path, shape: tuple[int, ...], packed: bool, command: list[str]
    ) -> None:
        path = tmp_path / ("x.npy.gz" if packed else "x.npy")
        content = header(shape) + bytes(800)
        path.write_bytes(gzip.compress(content) if packed else content)
        error = f"{path}: invalid header: no float64 array can have shape {shape}"
        words = [*command, path, *(["0"] if command == ["l1"] else [])]
        assert run(*words) == (1, "", f"losscli: error: {error}\n")

    def test_python_2_wrote_its_header(self, tmp_path: Path) -> None:
        old = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3L,), }"
        old = old.ljust(117) + b"\n"
        content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(old)) + old
        (tmp_path / "x.npy").write_bytes(content + np.arange(3.0).tobytes())
        found = run_command("l1", "x.npy", "x.npy", cwd=tmp_path)
        assert (found.returncode, found.stdout, found.stderr) == (0, "0.0\n", "")


def test_safetensors_of_a_shape_that_no_array_has(run: Run, tmp_path: Path) -> None:
    head = b'{"x":{"dtype":"F64","shape":[0,4611686018427387904],"data_offsets":[0,0]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    assert run("l1", path, "0") == (
        1,
        "",
        f"losscli: error: {path}[x]: invalid header: no float64 array can have shape "
        "(0, 4611686018427387904)\n",
    )


class TestShards:
    def test_a_claimed_number_of_parts_is_not_counted(self, run: Run, tmp_path: Path) -> None:
        for number in ("00001", "00002"):
            np.save(tmp_path / f"x-{number}-of-99999999999.npy", np.zeros(2))
        assert run("l1", tmp_path, "0") == (
            1,
            "",
            f"losscli: error: {tmp_path}/x-00001-of-99999999999.npy: found 2 of 99999999999 "
            "shards; 00003-of-99999999999 is missing\n",
        )

    def test_a_superscript_is_no_number(self, run: Run, tmp_path: Path) -> None:
        for name in ("a1²10", "a1²9"):
            np.save(tmp_path / f"{name}.npy", np.full(1, float(name[3:])))
        assert run("l1", tmp_path / "a*.npy", "0", "-r", "none")[:2] == (0, "9.0\n10.0\n")

    @pytest.mark.parametrize("suffix", ["parquet", "arrow", "arrows"])
    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize(
        ("one", "other", "joined"),
        [
            (pa.array([1, 2]), pa.array([1.5, 2.5]), "float64"),
            (pa.array([1, 2], pa.float32()), pa.array([0.1, 0.2]), "float64"),
            (pa.array([1, 2], pa.int32()), pa.array([1 << 40, 5]), "int64"),
            (pa.array([1, 2]).dictionary_encode(), pa.array([1.5, 2.5]), "float64"),
            (pa.array([[1.0, 2.0]] * 2, pa.list_(pa.float32(), 2)), pa.array([[1, 2]]), "float64"),
        ],
    )
    def test_types_that_differ_are_joined(
        self, tmp_path: Path, suffix: str, reverse: bool, one: Any, other: Any, joined: str
    ) -> None:
        parts = [other, one] if reverse else [one, other]
        for k, part in enumerate(parts):
            save_table(tmp_path / f"x-{k}.{suffix}", pa.table({"x": part}))
        found = evaluate("l1", tmp_path, 0.0, input_column="x", reduction="none", broadcast=True)
        expected = np.concatenate([np.array(part.to_pylist()) for part in parts])
        assert found.values is not None
        assert found.values.tolist() == expected.tolist()
        assert found.inputs[0].dtype == joined

    @pytest.mark.parametrize(
        ("one", "other", "types"),
        [
            (["a", "b"], [1, 2], ("int64", "string")),
            ([True, False], [1, 2], ("int64", "bool")),
            ([[1], [2]], [1, 2], ("int64", "list<item: int64>")),
        ],
    )
    def test_types_that_cannot_be_joined(
        self, run: Run, tmp_path: Path, one: Any, other: Any, types: tuple[str, str]
    ) -> None:
        for k, part in enumerate([one, other]):
            save_table(tmp_path / f"x-{k}.parquet", pa.table({"x": [0.5, 0.5], "g": part}))
        assert run("l1", tmp_path, "-i", "x", "-t", "x", "--by", "g", "-q") == (
            1,
            "",
            f"losscli: error: {tmp_path}/x-1.parquet: column 'g' contains {types[0]}, which cannot "
            f"be joined with {types[1]} in {tmp_path}/x-0.parquet\n",
        )
        assert run("l1", tmp_path, "-i", "x", "-t", "x", "-q")[:2] == (0, "0.0\n")

    def test_an_integer_that_its_joined_type_lacks(self, run: Run, tmp_path: Path) -> None:
        for k, part in enumerate([[0.5], [2**53 + 1]]):
            save_table(tmp_path / f"x-{k}.parquet", pa.table({"x": part}))
        code, out, err = run("l1", tmp_path, "0", "-q")
        assert (code, out) == (1, "")
        assert err.startswith(
            f"losscli: error: {tmp_path}/x-1.parquet: column 'x' cannot be joined with double "
            f"in {tmp_path}/x-0.parquet: Integer value 9007199254740993 "
        )

    def test_an_integer_that_the_type_of_a_later_file_lacks(self, run: Run, tmp_path: Path) -> None:
        parts = [pa.nulls(1), pa.array([2**53 + 1]), pa.array([7]), pa.array([0.5])]
        for k, part in enumerate(parts):
            save_table(tmp_path / f"x-{k}.parquet", pa.table({"x": part}))
        code, out, err = run("l1", tmp_path, "0", "-i", "x", "-q", "--skip-missing", "--broadcast")
        assert (code, out) == (1, "")
        assert err.startswith(
            f"losscli: error: {tmp_path}/x-1.parquet: column 'x' cannot be joined with double "
            f"in {tmp_path}/x-3.parquet: Integer value 9007199254740993 "
        )

    def test_groups_and_keys_of_joined_types(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        for k, ids in enumerate([pa.array([1, 2], pa.int32()), pa.array([3, 4])]):
            table = pa.table({"id": ids, "x": [1.0, 2.0]})
            save_table(tmp_path / "a" / f"x-{k}.parquet", table)
        save_table(tmp_path / "b.parquet", pa.table({"id": [4, 3, 2, 1], "y": [0.0] * 4}))
        words = ["l1", tmp_path / "a", tmp_path / "b.parquet", "-i", "x", "-t", "y", "--id", "id"]
        assert run(*words, "-r", "none")[1] == "1.0\n2.0\n1.0\n2.0\n"


NO_UTF_8 = os.fsdecode(b"x\xff.")


class TestTables:
    TABLE = pa.table({"x": np.arange(1000.0), "y": np.zeros(1000)})

    @pytest.mark.parametrize("suffix", ["parquet", "arrow", "arrows", "jsonl"])
    def test_a_name_need_not_be_utf_8(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / (NO_UTF_8 + suffix)
        if suffix == "jsonl":
            path.write_bytes(b"".join(b'{"x": %d, "y": 0}\n' % k for k in range(1000)))
        else:
            save_table(path, self.TABLE)
        found = evaluate("l1", path, input_column="x", target_column="y")
        assert found.value == 999 / 2

    @pytest.mark.parametrize("groups", [1, 40])
    def test_checksums_of_parquet_are_looked_at(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: int
    ) -> None:
        """In small row groups and, read through a buffer, in large row groups."""
        monkeypatch.setattr("losscli.readers.formats.parquet._SMALL_GROUP_BYTES", groups * 1000)
        path = tmp_path / "t.parquet"
        parquet.write_table(
            self.TABLE, path, use_dictionary=False, compression="none", write_page_checksum=True
        )
        assert run("l1", path, "-i", "x", "-t", "y")[:2] == (0, "499.5\n")
        damaged = path.read_bytes().replace(np.float64(777).tobytes(), np.float64(7e77).tobytes())
        path.write_bytes(damaged)
        code, out, err = run("l1", path, "-i", "x", "-t", "y")
        assert (code, out) == (1, "")
        assert err.startswith(f"losscli: error: {path}: damaged Parquet file: ")
        assert "CRC" in err

    @pytest.mark.parametrize("suffix", ["parquet", "arrow"])
    def test_no_free_thread_is_no_damage(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
    ) -> None:
        def refuse(*arguments: object, **options: object) -> None:
            raise pa.ArrowException(
                "Unknown error: Failed to launch worker thread: Resource temporarily unavailable"
            )

        path = tmp_path / f"t.{suffix}"
        path.write_bytes(b"ARROW1")
        monkeypatch.setattr("pyarrow.parquet.ParquetFile", refuse)
        monkeypatch.setattr("pyarrow.ipc.open_file", refuse)
        error = f"{path}: cannot start a thread. Check the limit with ulimit -u."
        assert run("l1", path, "-i", "x", "-t", "y") == (1, "", f"losscli: error: {error}\n")

    def stream(self, path: Path) -> list[int]:
        """Ten batches of a hundred rows, and the end of each batch."""
        ends = []
        with path.open("wb") as file, ipc.new_stream(file, self.TABLE.schema) as writer:
            for batch in self.TABLE.to_batches(max_chunksize=100):
                writer.write_batch(batch)
                ends.append(file.tell())
        return ends

    def test_a_stream_without_its_end_mark(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "t.arrows"
        ends = self.stream(path)
        words = ["l1", path, "-i", "x", "-t", "y"]
        assert run(*words) == (0, "499.5\n", "")
        os.truncate(path, ends[4])
        said = f"{path}: the stream has no end-of-stream marker; batches may be missing"
        assert run(*words) == (0, "249.5\n", f"losscli: warning: {said}\n")
        assert run(*words, "--strict") == (1, "", f"losscli: error: {said} (--strict)\n")
        copy = tmp_path / "u.arrows"
        self.stream(copy)
        assert run("l1", path, copy, "-i", "x", "-t", "x", "--strict")[2].count(said) == 1

    def test_a_stream_that_becomes_shorter(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "t.arrows"
        ends = self.stream(path)

        def shortening(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            yield next(batches)
            os.truncate(path, ends[4])
            yield from batches

        monkeypatch.setattr("losscli.readers.formats.arrow._checked", shortening)
        with pytest.raises(
            DataError, match=r"t.arrows: the file changed while it was being read. Use a copy"
        ):
            evaluate("l1", path, input_column="x", target_column="y")

    @pytest.mark.parametrize("suffix", ["parquet", "arrow"])
    def test_tensors_of_several_axes(self, run: Run, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"t.{suffix}"
        numbers = np.arange(8.0)
        flat = pa.FixedShapeTensorArray.from_numpy_ndarray(numbers.reshape(2, 4))
        deep = pa.FixedShapeTensorArray.from_numpy_ndarray(numbers.reshape(2, 2, 2))
        save_table(path, pa.table({"flat": flat, "deep": deep}))
        assert run("l1", path, "-i", "flat", "-t", "flat")[:2] == (0, "0.0\n")
        assert run("l1", path, "-i", "deep", "-t", "flat") == (
            1,
            "",
            f"losscli: error: {path}: column 'deep': expected numbers or lists of numbers, found "
            "tensors of shape (2, 2). Convert them with numpy.save('x.npy', "
            "table['deep'].combine_chunks().to_numpy_ndarray()).\n",
        )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_truths_with_a_gap(run: Run, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        path.write_text("x,y\n.5,true\n.2,false\n.1,\n")
    else:
        save_table(path, pa.table({"x": [0.5, 0.2, 0.1], "y": [True, False, None]}))
    code, out, _ = run("bce", path, "-i", "x", "-t", "y", "--skip-missing")
    assert (code, float(out)) == (0, pytest.approx(-np.log([0.5, 0.8]).mean(), rel=1e-12))
    seen = run("inspect", path)[1].splitlines()[2].split("\t")
    assert seen[3:] == ["bool", "0/1", "0", "1", "0", "0", "1", "2"]


@pytest.mark.parametrize(
    ("rows", "kind", "row", "expected"),
    [
        ([None, [1, 2]], pa.list_(pa.int64(), 2), 0, "a list of 2"),
        ([[1, 2], None], pa.list_(pa.int64(), 2), 1, "a list of 2"),
        ([None, [1, 2]], pa.list_(pa.int64()), 0, "a list of 2 as in row 1"),
        ([None, None], pa.list_(pa.int64()), 0, "a list"),
    ],
)
def test_a_missing_list_is_not_compared_with_itself(
    run: Run, tmp_path: Path, rows: list[Any], kind: pa.DataType, row: int, expected: str
) -> None:
    path = tmp_path / "t.arrow"
    save_table(path, pa.table({"x": pa.array(rows, kind)}))
    assert run("l1", path, "0", "-i", "x", "--broadcast") == (
        1,
        "",
        f"losscli: error: {path}: row {row}, column 'x': expected {expected}, found no list. "
        "Use --skip-missing to leave out such rows.\n",
    )


@pytest.mark.parametrize("kind", [pa.list_(pa.bool_()), pa.list_(pa.bool_(), 2)])
def test_lists_of_truths_with_gaps(run: Run, tmp_path: Path, kind: pa.DataType) -> None:
    x = pa.array([[True, False], None, [True, None], [True, True]], kind)
    save_table(tmp_path / "t.arrow", pa.table({"x": x}))
    words = ["l1", tmp_path / "t.arrow", "0", "-i", "x", "--skip-missing", "--broadcast"]
    assert run(*words, "-r", "sum")[:2] == (0, "3.0\n")
