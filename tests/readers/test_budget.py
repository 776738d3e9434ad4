"""Small files that claim, expand to or nest far more than they contain: one line, exit code 1."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from losscli import Wanted, evaluate
from losscli.binding.stems import numbered
from losscli.cli.text import is_numbers
from losscli.errors import DataError
from losscli.readers.files.lines import opening_quote
from losscli.readers.files.shards import natural

# The limits of a command, which the operating system measures.
MOST_BYTES, MOST_SECONDS = 1 << 30, 10

Files = Callable[[Path], Sequence[Sequence[str]]]


def npy(header: str, version: tuple[int, int] = (1, 0)) -> bytes:
    """The beginning of a `.npy` file."""
    text = f"{header}\n".encode("latin-1")
    length = struct.pack("<H" if version[0] < 2 else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text


def described(shape: str, kind: str = "'<f8'") -> str:
    return f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}"


def endless_header() -> Iterator[bytes]:
    """A header that claims 2 GiB, with 64 MiB of content."""
    yield b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31 - 1)
    yield from [b" " * (1 << 20)] * 64


def long_names_of_digits(folder: Path) -> Sequence[Sequence[str]]:
    """Python does not parse numbers of more than 4,300 digits."""
    np.save(folder / "y.npy", np.zeros(2))
    name = "x" + "1" * 4500
    return [["nll", name, "y.npy"], ["nll", f"{name}*.npy", "y.npy"]]


def empty_rows(folder: Path) -> Sequence[Sequence[str]]:
    """Endless rows without values."""
    for name, rows in (("a.npy", 2**59), ("b.npy", 2**40)):
        (folder / name).write_bytes(npy(described(f"({rows}, 0)")))
    return [["mse", "a.npy", "a.npy"], ["mse", "b.npy", "b.npy"], ["inspect", "--full", "b.npy"]]


def headers_of_2_gib(folder: Path) -> Sequence[Sequence[str]]:
    """Compressed, as a member of an archive, and as a hole on the disk."""
    text = b"".join(endless_header())
    (folder / "a.npy.gz").write_bytes(gzip.compress(text, 1))
    (folder / "a.npy.bz2").write_bytes(bz2.compress(text, 1))
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", text)
    with (folder / "a.npy").open("wb") as file:
        file.write(text[:12])
        file.truncate(2**31 + 100)
    return [["l1", name, "0"] for name in ("a.npy.gz", "a.npy.bz2", "a.npz", "a.npy")]


def endless_lines(folder: Path) -> Sequence[Sequence[str]]:
    """A million columns, and 30 MB of delimiters or quotes, in 31 kB."""
    line = ",".join(f"c{number}" for number in range(1_000_000))
    (folder / "a.csv").write_text(f"{line}\n" + "1," * 999_999 + "1\n")
    short = ",".join(f"c{number}" for number in range(100_000))
    (folder / "b.csv").write_text(f"{short}\n" + "1," * 99_999 + "1\n")
    (folder / "c.csv.gz").write_bytes(gzip.compress(b"," * 30_000_000 + b"\n1\n"))
    (folder / "d.csv.gz").write_bytes(gzip.compress(b'""' * 15_000_000 + b"\n1\n"))
    names = ("a.csv", "b.csv", "c.csv.gz", "d.csv.gz")
    return [["l1", name, "-i", "c1", "-t", "c2"] for name in names] + [["inspect", "a.csv"]]


def a_header_of_brackets(folder: Path) -> Sequence[Sequence[str]]:
    """Parsing JSON takes 25 times the size of the text."""
    header = b'{"x":[' + b",".join([b"{}"] * 13_000_000) + b"]}"
    (folder / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return [["l1", "a.safetensors", "-i", "x", "0"], ["inspect", "a.safetensors"]]


def headers_of_other_kinds(folder: Path) -> Sequence[Sequence[str]]:
    """Types for which NumPy raises unusual errors, and versions that NumPy does not know."""
    commands = []
    for number, kind in enumerate(("('<f8',)", "()", "[('a', ('<f8',))]")):
        (folder / f"t{number}.npy").write_bytes(npy(described("(2,)", kind)) + bytes(16))
        commands.append(["l1", f"t{number}.npy", "0"])
    for version in ((0, 0), (1, 5), (4, 0), (255, 255)):
        name = f"v{version[0]}.npy"
        (folder / name).write_bytes(npy(described("(2,)"), version) + bytes(16))
        commands.append(["l1", name, "0"])
    return commands


def rows_without_end(folder: Path) -> Sequence[Sequence[str]]:
    """A row of classes is never split."""
    with gzip.open(folder / "x.npy.gz", "wb", 9) as file:
        file.write(npy(described(f"(2, {2**27})", "'<f2'")))
        for _ in range(512):
            file.write(bytes(1 << 20))
    np.save(folder / "y.npy", np.zeros(2, np.int64))
    return [["ce", "x.npy.gz", "y.npy"]]


def lists_without_end(folder: Path) -> Sequence[Sequence[str]]:
    """The schema declares lists of a fixed size that no row has."""
    schema = pa.schema([("x", pa.list_(pa.float64(), 100_000_000)), ("y", pa.int64())])
    stored = pa.table({"x": pa.nulls(1, pa.list_(pa.float64())), "y": pa.array([0])})
    with parquet.ParquetWriter(folder / "a.parquet", stored.schema, store_schema=False) as writer:
        text = base64.b64encode(schema.serialize().to_pybytes())
        writer.add_key_value_metadata({"ARROW:schema": text})
        writer.write_table(stored)
    return [["ce", "a.parquet", "-i", "x", "-t", "y", "--skip-missing"]]


def odd_types(folder: Path) -> Sequence[Sequence[str]]:
    """Text that is not UTF-8, lists in a dictionary, unions, and lists of fixed size."""
    offsets = np.array([0, 1, 2], np.int32)
    text = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(offsets), pa.py_buffer(b"\xff\xfe")]
    )
    numbers = pa.array([0.0, 1.0])
    parquet.write_table(pa.table({"x": numbers, "y": numbers, "t": text}), folder / "a.parquet")
    batch = pa.record_batch(
        {
            "x": numbers,
            "y": numbers,
            "d": pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), pa.array([[1.0]])),
            "l": pa.array([[[[1.0]]], [[[2.0]]]]),
            "u": pa.UnionArray.from_sparse(
                pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array([1.0, 2.0])]
            ),
        }
    )
    with ipc.new_file(folder / "a.arrow", batch.schema) as writer:
        writer.write_batch(batch)
    xy = ["-i", "x", "-t", "y"]
    return [
        ["mse", "a.parquet", "-i", "x", "-t", "t"],
        ["mse", "a.parquet", *xy, "--by-column", "t"],
        *(["mse", "a.arrow", *xy, "--by-column", name] for name in "dlu"),
        *(["mse", "a.arrow", *xy, "--cluster", name] for name in "dlu"),
        *(["mse", "a.arrow", "-i", "x", "-t", name] for name in "du"),
        ["mse", "a.arrow", "-i", "l", "-t", "l"],
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "files",
    [
        rows_without_end,
        lists_without_end,
        odd_types,
        long_names_of_digits,
        empty_rows,
        headers_of_2_gib,
        endless_lines,
        a_header_of_brackets,
        headers_of_other_kinds,
    ],
)
def test_one_line_in_bounded_memory(files: Files, tmp_path: Path) -> None:
    for words in files(tmp_path):
        process = subprocess.run(
            [sys.executable, "-m", "losscli", *words],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES)),
        )
        assert (process.returncode, process.stdout) == (1, ""), (words, process.stderr)
        [line] = process.stderr.splitlines()
        assert line.startswith("losscli: error: ")
        assert "internal error" not in line
        assert "memory" not in line


@pytest.mark.slow
def test_numbers_that_are_encoded_in_next_to_nothing(tmp_path: Path) -> None:
    """Batches take as much memory as their decoded values."""
    zeros = pa.table({"x": np.zeros(10_000_000), "y": np.zeros(10_000_000)})
    with parquet.ParquetWriter(tmp_path / "a.parquet", zeros.schema) as writer:
        for _ in range(5):
            writer.write_table(zeros, row_group_size=1 << 28)
    process = subprocess.run(
        [sys.executable, "-m", "losscli", "mse", "a.parquet", "-i", "x", "-t", "y"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES)),
    )
    assert process.stdout == b"0.0\n"


def test_a_table_without_columns_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n{}\n")
    parquet.write_table(pa.table({}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        with pytest.raises(DataError, match=rf"{name}: the table has no columns"):
            evaluate("l1", tmp_path / name, 0.0)


def test_numbers_of_more_bits_are_float64(tmp_path: Path) -> None:
    """JSON and tables have no type for numbers of more bits."""
    path = tmp_path / "x.npy"
    np.save(path, np.arange(3, dtype=np.longdouble))
    result = evaluate("mse", path, [0.0, 0.0, 0.0], wanted=Wanted(top=1, by=(str(path),)))
    assert result.value == 5 / 3
    assert type(result.top[0].index[0]) is int
    assert [type(group.labels[0]) for group in result.groups] == [int, int, int]
    assert result.inputs[0].dtype == np.dtype(np.longdouble).name


@pytest.mark.slow
def test_an_archive_of_5000_arrays_is_one_open_file(tmp_path: Path) -> None:
    """Each array opened the file again and had a copy of the table of contents."""
    member = io.BytesIO()
    np.save(member, np.arange(3.0))
    with zipfile.ZipFile(tmp_path / "m.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5000):
            archive.writestr(f"a{number}.npy", member.getvalue())
    process = subprocess.run(
        [sys.executable, "-m", "losscli", "l1", "m.npz", "-i", "a1", "-t", "a2"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=MOST_SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    assert process.stdout == b"0.0\n"


@pytest.mark.slow
def test_compressed_shards_are_open_one_by_one(tmp_path: Path) -> None:
    """1,021 files of a few bytes took 1.37 GB."""
    array = io.BytesIO()
    np.save(array, np.array([1.0, 2.0]))
    (tmp_path / "x").mkdir()
    for number in range(1000):
        (tmp_path / "x" / f"{number:04d}.npy.gz").write_bytes(gzip.compress(array.getvalue()))
    process = subprocess.run(
        [sys.executable, "-m", "losscli", "mse", "x", "0", "--broadcast", "-q"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    assert process.stdout == b"2.5\n"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10 < MOST_BYTES


class Steps(bytes):
    """Text that counts the bytes that are inspected."""

    looked_at = 0

    def __getitem__(self, part: object) -> object:  # type: ignore[override]
        found = super().__getitem__(part)  # type: ignore[index]
        Steps.looked_at += len(found) if isinstance(found, bytes) else 1
        return found


@pytest.mark.parametrize("quotes", [1, 2, 3, 1000, 99_999, 100_000])
def test_a_run_of_quotes_takes_steps_in_proportion(quotes: int) -> None:
    text = Steps(b"a," + b'"' * quotes)
    Steps.looked_at = 0
    assert opening_quote(text, len(text), b",") == (2 if quotes % 2 else -1)
    assert Steps.looked_at <= 8 * quotes + 8


def test_names_and_words_of_many_digits_take_no_longer_than_they_are() -> None:
    """Patterns that try every part of a run of digits would not finish within a test."""
    digits = "1" * 200_000
    assert numbered(f"{digits}x") is None
    assert not is_numbers(f"{digits}x")
    assert natural(f"a{digits}.npy")[1] == (200_000, digits)
    assert natural("part-2") < natural("part-10") < natural("part-010b")


def test_zeros_before_a_number_change_nothing() -> None:
    assert natural("0" * 5000 + "7") == [(-1, ""), (1, "7"), (-1, "")]
