"""Small files that claim, expand to, nest or contain what no program writes: a number or one line.

Each problem occurs in several formats, types and codecs, through pipes and in shards, and as
labels, keys, masks and weights. The operating system limits every command.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from bounded import Bounded
from pyarrow import ipc, parquet
from tables import save_table

pytestmark = pytest.mark.slow

# The words of a command, and the file that it reads from a pipe.
Command = tuple[Sequence[str], str | None]
Commands = Iterator[Command]

XY = ["-i", "x", "-t", "y"]

# The options that take a column.
PLACES = {
    "input": ["mse", "-i", "z", "-t", "y"],
    "target": ["mse", "-i", "x", "-t", "z"],
    "classes": ["ce", "-i", "z", "-t", "y"],
    "class": ["bce", "-i", "x", "-t", "z"],
    "by": ["mse", *XY, "--by-column", "z"],
    "cluster": ["mse", *XY, "--cluster", "z"],
    "id": ["mse", *XY, "--id", "z"],
    "where": ["mse", *XY, "--where", "z=1"],
    "keep": ["mse", *XY, "--keep", "z", "-r", "none"],
    "top": ["mse", *XY, "--keep", "z", "--top", "2", "-f", "json"],
    "mask": ["mse", *XY, "--mask-column", "z"],
    "weight": ["mse", *XY, "--sample-weight-column", "z"],
}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder with the files that a function writes, which several tests use."""

    @cache
    def folder_of(make: Callable[..., None], *words: str) -> Path:
        folder = tmp_path_factory.mktemp("files")
        make(folder, *words)
        return folder

    return folder_of


@pytest.fixture(scope="module")
def bounded() -> Iterator[Bounded]:
    with Bounded() as processes:
        yield processes


def expect_no_problem(bounded: Bounded, folder: Path, commands: Commands) -> None:
    problems = []
    for words, pipe in commands:
        ended = bounded.run(folder, words, pipe)
        if ended.problem:
            problems.append((words, ended))
    assert not problems


def odd_columns() -> dict[str, pa.Array]:
    """Three values of types that few tables contain."""
    numbers = pa.array([1.0, 2.0, 3.0])
    offsets = pa.py_buffer(np.array([0, 1, 2, 3], np.int32))
    return {
        "bytes that are no text": pa.Array.from_buffers(
            pa.string(), 3, [None, offsets, pa.py_buffer(b"\xff\xfea")]
        ),
        "large text": pa.array(["1", "2", "3"], pa.large_string()),
        "text views": pa.array(["1", "2", "3"], pa.string_view()),
        "bytes": pa.array([b"1", b"2", b"\xff"]),
        "large bytes": pa.array([b"1", b"2", b"\xff"], pa.large_binary()),
        "byte views": pa.array([b"1", b"2", b"\xff"], pa.binary_view()),
        "fixed bytes": pa.array([b"ab", b"cd", b"\xff\0"], pa.binary(2)),
        "nothing": pa.nulls(3),
        "halves": numbers.cast(pa.float16()),
        "decimals": pa.array([1, 2, 3]).cast(pa.decimal128(38)),
        "large decimals": pa.array([1, 2, 3]).cast(pa.decimal256(76)),
        "days": pa.array([1, 2, 3], pa.date32()),
        "times": pa.array([1, 2, 3], pa.time64("ns")),
        "moments": pa.array([1, -(2**63) + 1, 2**63 - 1], pa.timestamp("ns", "Nowhere/Land")),
        "durations": pa.array([1, 2, 3], pa.duration("s")),
        "intervals": pa.array([(1, 2, 3)] * 3, pa.month_day_nano_interval()),
        "records": pa.array([{"a": 1}] * 3),
        "maps": pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
        "lists": pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        "lists of other lengths": pa.array([[1.0], [], None]),
        "lists of lists of lists": pa.array([[[[1.0]]]] * 3),
        "lists of text": pa.array([["a"]] * 3),
        "list views": pa.array([[1.0, 2.0]] * 3, pa.list_view(pa.float64())),
        "lists of nothing": pa.array([[]] * 3, pa.list_(pa.float64(), 0)),
        "dictionaries of numbers": pa.array([1.0, 2.0, 2.0]).dictionary_encode(),
        "dictionaries of text": pa.array(["1", None, "2"]).dictionary_encode(),
        "dictionaries with nothing": pa.DictionaryArray.from_arrays(
            pa.array([0, 1, None], pa.uint8()), pa.array([None, "a"])
        ),
        "dictionaries of lists": pa.DictionaryArray.from_arrays(
            pa.array([0, 0, 0], pa.int32()), pa.array([[1.0]])
        ),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), numbers[:2]),
        "sparse unions": pa.UnionArray.from_sparse(
            pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), numbers]
        ),
        "dense unions": pa.UnionArray.from_dense(
            pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [numbers, numbers]
        ),
        "tensors": pa.FixedShapeTensorArray.from_numpy_ndarray(np.ones((3, 2, 2))),
        "truths of one byte": pa.ExtensionArray.from_storage(
            pa.bool8(), pa.array([0, 1, 2], pa.int8())
        ),
    }


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("suffix", ["parquet", "arrow", "arrows"])
def test_odd_types_wherever_a_column_can_be_given(
    suffix: str, place: str, bounded: Bounded, folder_of: Callable[..., Path]
) -> None:
    """For every option that takes a column, such types give a number or an error of one line."""
    folder = folder_of(make_odd_types, suffix)
    expect_no_problem(bounded, folder, of_odd_types(folder, PLACES[place]))


def make_odd_types(folder: Path, suffix: str) -> None:
    for number, column in enumerate(odd_columns().values()):
        table = pa.table({"x": [1.0, 2.0, 3.0], "y": [0, 1, 1], "z": column})
        with suppress(pa.ArrowNotImplementedError, pa.ArrowTypeError):  # some formats lack a type
            save_table(folder / f"{number}.{suffix}", table)


def of_odd_types(folder: Path, words: Sequence[str]) -> Commands:
    for path in folder.iterdir():
        is_pipe = path.suffix == ".arrows"
        yield [words[0], "-" if is_pipe else path.name, *words[1:]], path.name if is_pipe else None


@pytest.mark.parametrize("place", [*PLACES, "inspect"])
@pytest.mark.parametrize("mechanism", ["dictionaries", "views", "compression"])
def test_text_that_expands(
    mechanism: str, place: str, bounded: Bounded, folder_of: Callable[..., Path]
) -> None:
    """Text that takes far more memory than its file."""
    make = {"dictionaries": make_repeated, "views": make_views, "compression": make_compressed}
    folder = folder_of(make[mechanism])
    words = PLACES.get(place, ["inspect"])
    commands = [([words[0], path.name, *words[1:]], None) for path in folder.iterdir()]
    commands += [([words[0], "-", *words[1:]], path.name) for path in folder.glob("*.arrows")]
    expect_no_problem(bounded, folder, iter(commands))


def make_repeated(folder: Path) -> None:
    """100 kB of text for each of 22,000 rows, in files of up to 900 kB; also in lists."""
    codes = pa.array(np.zeros(22_000, np.int32))
    text = pa.DictionaryArray.from_arrays(codes, pa.array(["1" * 100_000]))
    table = labelled(text)
    save_table(folder / "a.arrow", table)
    save_table(folder / "a.arrows", table)
    parquet.write_table(table, folder / "a.parquet", store_schema=False)
    parquet.write_table(table, folder / "b.parquet", compression="zstd")
    make_lists(folder, text)


def make_views(folder: Path) -> None:
    """Many views of a text: of the same text, or of texts that overlap."""
    text = b"1" * 122_000
    views = np.zeros((22_000, 4), np.int32)
    views[:, 0] = 100_000
    views[:, 1] = int.from_bytes(text[:4], "little")
    for name, step in (("same", 0), ("overlapping", 1)):
        views[:, 3] = np.arange(len(views)) * step
        buffers = [None, pa.py_buffer(views.copy()), pa.py_buffer(text)]
        column = pa.Array.from_buffers(pa.string_view(), len(views), buffers)
        save_table(folder / f"{name}.arrow", labelled(column))
        save_table(folder / f"{name}.arrows", labelled(column))
    make_lists(folder, column)


def make_lists(folder: Path, text: pa.Array) -> None:
    """A table of sequences whose steps contain the text. Each row has one step, or one row has
    all."""
    zeros = pa.array(np.zeros(len(text)))
    for name, ends in (("short", np.arange(len(text) + 1)), ("long", np.array([0, len(text)]))):
        places = pa.array(ends, pa.int32())
        x, z = (pa.ListArray.from_arrays(places, values) for values in (zeros, text))
        save_table(folder / f"{name}.arrow", pa.table({"x": x, "y": x, "z": z}))


def make_compressed(folder: Path) -> None:
    """Texts that differ at their ends, which a dictionary cannot shorten."""
    texts = [f"{'1' * 50_000}{number}" for number in range(8000)]
    table = labelled(pa.array(texts))
    parquet.write_table(table, folder / "a.parquet", compression="zstd", use_dictionary=False)
    options = ipc.IpcWriteOptions(compression="zstd")
    with ipc.new_stream(folder / "a.arrows", table.schema, options=options) as writer:
        writer.write_table(table)
    with gzip.open(folder / "a.csv.gz", "wt", 1) as file:
        file.write("x,y,z\n")
        file.writelines(f"0,0,{text}\n" for text in texts[:4000])


def labelled(text: pa.Array) -> pa.Table:
    zeros = np.zeros(len(text))
    return pa.table({"x": zeros, "y": zeros, "z": text})


@pytest.mark.parametrize("kind", ["double", "bool", "list", "text", "fixed"])
def test_lists_and_pages_without_end(kind: str, bounded: Bounded, tmp_path: Path) -> None:
    """A row of 2^26 values in a kilobyte: as the first or last row, or in lists of lists."""
    expect_no_problem(bounded, tmp_path, of_long_lists(tmp_path, kind))


def of_long_lists(folder: Path, kind: str) -> Commands:
    size = 1 << 26
    values = {
        "double": lambda: pa.array(np.zeros(size)),
        "bool": lambda: pa.array(np.zeros(size, np.bool_)),
        "list": lambda: pa.array(np.zeros(size)),
        "fixed": lambda: pa.array(np.zeros(size)),
        "text": lambda: pa.array([""]).take(pa.array(np.zeros(size // 4, np.int8))),
    }[kind]()
    for number, short in enumerate((1, 3)):
        ends = np.array([0, *range(1, short), len(values)], np.int64)
        column = pa.LargeListArray.from_arrays(ends, values)
        if kind == "list":
            column = pa.LargeListArray.from_arrays(np.arange(short + 1), column)
        if kind == "fixed":
            column = pa.FixedSizeListArray.from_arrays(values, size // 2)
        rows = len(column)
        table = pa.table({"x": column, "y": np.zeros(rows, np.int64)})
        name = f"{number}.parquet"
        parquet.write_table(table, folder / name, compression="zstd")
        yield ["ce", name, *XY], None
        yield ["ce", name, *XY, "--skip-missing"], None
        yield ["mse", name, "-i", "y", "-t", "y", "--by-column", "x"], None
        yield ["inspect", name], None


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_batches_that_expand(codec: str, bounded: Bounded, tmp_path: Path) -> None:
    """A batch of a gigabyte in a few kilobytes: as a dictionary, in files, streams, pipes and
    shards, and compressed twice."""
    expect_no_problem(bounded, tmp_path, of_batches(tmp_path, codec))


def of_batches(folder: Path, codec: str) -> Commands:
    zeros = np.zeros(1 << 26)
    plain = pa.table({"x": zeros, "y": zeros})
    words = pa.DictionaryArray.from_arrays(
        pa.array([0, 0], pa.int32()), pa.array(["a" * (1 << 29)])
    )
    named = pa.table({"x": [0.0, 1.0], "y": [0.0, 0.0], "z": words})
    options = ipc.IpcWriteOptions(compression=codec)
    (folder / "shards").mkdir()
    for name, table in (("plain", plain), ("named", named)):
        for suffix, new in (("arrow", ipc.new_file), ("arrows", ipc.new_stream)):
            with new(folder / f"{name}.{suffix}", table.schema, options=options) as writer:
                writer.write_table(table)
        data = (folder / f"{name}.arrows").read_bytes()
        (folder / f"{name}.arrows.gz").write_bytes(gzip.compress(data, 1))
        (folder / "shards" / f"{name}.arrows").write_bytes(data)
        for file in (f"{name}.arrow", f"{name}.arrows", f"{name}.arrows.gz"):
            yield ["mse", file, *XY, "--where", "z=a"], None
            yield ["mse", file, *XY], None
            yield ["inspect", file], None
        yield ["mse", "-", *XY], f"{name}.arrows"
        yield ["mse", "-", *XY], f"{name}.arrows.gz"
    yield ["mse", "shards", *XY], None


def test_rows_that_take_no_bytes(bounded: Bounded, tmp_path: Path) -> None:
    expect_no_problem(bounded, tmp_path, of_empty_rows(tmp_path))


def of_empty_rows(folder: Path) -> Commands:
    rows = (1 << 31) - 1
    nothing = pa.array([], pa.list_(pa.float64(), 0)).type
    for number, kind in enumerate((pa.null(), nothing)):
        buffers, children = [None], []
        if kind != pa.null():
            children = [pa.array([], pa.float64())]
        column = pa.Array.from_buffers(kind, rows, buffers, children=children)
        batch = pa.RecordBatch.from_arrays([column, column], names=["x", "y"])
        for suffix, new in (("arrow", ipc.new_file), ("arrows", ipc.new_stream)):
            name = f"{number}.{suffix}"
            with new(folder / name, batch.schema) as writer:
                writer.write_batch(batch)
            for words in (["mse", name, *XY], ["inspect", name]):
                yield words, None
                yield [*words, "--skip-missing"][: len(words) + (words[0] == "mse")], None
            yield ["mse", name, "-i", "x", "-t", "y", "--by-column", "x"], None
            yield ["mse", name, "-i", "x", "-t", "y", "--id", "x"], None


@pytest.mark.parametrize("brackets", ["[]", "{}", "mixed", "closed"])
def test_json_that_is_deep(brackets: str, bounded: Bounded, tmp_path: Path) -> None:
    """In columns that are used or not, late in the file, in pipes and in headers."""
    expect_no_problem(bounded, tmp_path, of_deep_json(tmp_path, brackets))


def of_deep_json(folder: Path, brackets: str) -> Commands:
    depth = 30_000
    inner = {
        "[]": "[" * depth + "]" * depth,
        "{}": '{"a":' * depth + "1" + "}" * depth,
        "mixed": '[{"a":' * depth + "1" + "}]" * depth,
        "closed": "]" * depth + "[" * depth,
    }[brackets]
    rows = {
        "used": f'{{"x":{inner},"y":1}}\n',
        "unused": f'{{"x":1,"y":1,"z":{inner}}}\n',
        "late": '{"x":1,"y":1}\n' * 200_000 + f'{{"x":1,"y":1,"z":{inner}}}\n',
        "lines": f'{{"x":1,"y":1,"z":{inner}}}\n'.replace(",", ",\n").replace("[{", "[\n{"),
        "bare": f"{inner}\n",
        "key": f'{{"x":1,"y":1,"{"a" * 70}":{inner}}}\n',
    }
    for name, text in rows.items():
        (folder / f"{name}.jsonl").write_text(text)
        yield ["mse", f"{name}.jsonl", *XY], None
        yield ["mse", "-", *XY, "--format", "jsonl"], f"{name}.jsonl"
        yield ["inspect", f"{name}.jsonl"], None
    header = f'{{"x":{inner}}}'.encode()
    (folder / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    yield ["mse", "a.safetensors", "-i", "x", "0"], None
    kind = f"'<f8', {'(' * 3000}{')' * 3000}"
    (folder / "a.npy").write_bytes(npy(f"{{'descr': {kind}, 'fortran_order': False, 'shape': ()}}"))
    yield ["mse", "a.npy", "0"], None


def npy(header: str) -> bytes:
    text = f"{header}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "suffix", ["csv", "tsv", "jsonl", "parquet", "arrow", "npz", "safetensors"]
)
def test_columns_without_end(suffix: str, bounded: Bounded, tmp_path: Path) -> None:
    """More columns than the limit."""
    expect_no_problem(bounded, tmp_path, of_columns(tmp_path, suffix))


def of_columns(folder: Path, suffix: str) -> Commands:
    count = 70_000 if suffix in ("parquet", "arrow", "npz") else 400_000
    names = [f"c{number}" for number in range(count)]
    path = folder / f"a.{suffix}"
    if suffix in ("csv", "tsv"):
        delimiter = {"csv": ",", "tsv": "\t"}[suffix]
        path.write_text(f"{delimiter.join(names)}\n{delimiter.join(['1'] * count)}\n")
    elif suffix == "jsonl":
        path.write_text(json.dumps(dict.fromkeys(names, 1)) + "\n")
    elif suffix == "npz":
        member = io.BytesIO()
        np.save(member, np.zeros(1))
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(f"{name}.npy", member.getvalue())
    elif suffix == "safetensors":
        tensor = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
        header = json.dumps(dict.fromkeys(names, tensor)).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    else:
        save_table(path, pa.table({name: [1.0] for name in names}))
    yield ["mse", path.name, "-i", "c1", "-t", "c2"], None
    yield ["inspect", path.name], None
    if suffix in ("csv", "tsv", "jsonl"):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
        yield ["mse", f"{path.name}.gz", "-i", "c1", "-t", "c2"], None
        yield ["mse", "-", "-i", "c1", "-t", "c2", "--format", suffix], path.name


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npy"])
@pytest.mark.parametrize("piece", ["1", '"', "\n", ",", "["])
def test_lines_without_end(suffix: str, piece: str, bounded: Bounded, tmp_path: Path) -> None:
    """Lines, cells, quotes, line breaks and brackets of 120 MB."""
    expect_no_problem(bounded, tmp_path, of_long_lines(tmp_path, suffix, piece))


def of_long_lines(folder: Path, suffix: str, piece: str) -> Commands:
    begin = {"csv": b"x,y\n1,2\n", "jsonl": b'{"x":1,"y":2}\n'}
    head = begin.get(suffix, b"\x93NUMPY\x02\x00\x00\x00\x00\x08")
    name = f"a.{suffix}.gz"
    (folder / name).write_bytes(gzip.compress(head + piece.encode() * 120_000_000, 1))
    yield ["mse", name, *XY], None
    yield ["inspect", name], None
    yield ["mse", "-", *XY, "--format", suffix], name
