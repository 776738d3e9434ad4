"""The buffers that losscli finds in Arrow messages, compared with what pyarrow reads."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc

from losscli import evaluate
from losscli.errors import DataError
from losscli.readers import budget
from losscli.readers.files.ipc import (
    blocks_of,
    buffers_of,
    expanded_bytes,
    messages_of,
    metadata_at,
)

TABLE = pa.table(
    {
        "number": pa.array(np.zeros(5000)),
        "missing": pa.array([None, 1] * 2500),
        "truth": pa.array([True] * 5000),
        "text": pa.array(["a" * 50] * 5000),
        "large": pa.array(["b" * 20] * 5000, pa.large_string()),
        "list": pa.array([[1.0, 2.0]] * 5000),
        "fixed": pa.array([[1.0, 2.0, 3.0]] * 5000, pa.list_(pa.float32(), 3)),
        "decimal": pa.array([1] * 5000).cast(pa.decimal128(20)),
        "time": pa.array([0] * 5000, pa.timestamp("us")),
        "none": pa.nulls(5000),
        "named": pa.array(["x", "y"] * 2500).dictionary_encode(),
    }
)


def write(path: Path, compression: str | None, table: pa.Table = TABLE) -> None:
    new = ipc.new_file if path.suffix == ".arrow" else ipc.new_stream
    options = ipc.IpcWriteOptions(compression=compression)
    with new(path, table.schema, options=options) as writer:
        for batch in table.to_batches(max_chunksize=2000):
            writer.write_batch(batch)


def found_in(path: Path) -> list[list[int]]:
    """The buffers of each message, as losscli finds them."""
    with path.open("rb") as file:
        is_file = path.suffix == ".arrow"
        places = [*chain(*blocks_of(file))] if is_file else [*messages_of(file)]
        return [_of_message(file, *place) for place in places]


def _of_message(file: IO[bytes], offset: int, size: int) -> list[int]:
    def body(place: int, count: int) -> bytes:
        file.seek(offset + size + place)
        return file.read(count)

    return expanded_bytes(metadata_at(file, offset, size), body)


def read_by_arrow(path: Path) -> list[int]:
    """The bytes of each batch's buffers, as pyarrow reads them."""
    opened = ipc.open_file if path.suffix == ".arrow" else ipc.open_stream
    with pa.OSFile(str(path)) as file, opened(file) as reader:
        table = reader.read_all()
    return [
        sum(buffer.size for column in batch for buffer in column.buffers() if buffer is not None)
        for batch in table.to_batches()
    ]


@pytest.mark.parametrize("suffix", ["arrow", "arrows"])
@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_buffers_are_as_long_as_arrow_makes_them(
    compression: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"t.{suffix}"
    write(path, compression)
    batches = [sum(one) for one in found_in(path) if len(one) > 3]
    assert batches == read_by_arrow(path)


@pytest.mark.parametrize("suffix", ["arrow", "arrows"])
def test_what_is_not_compressed_is_as_large_as_its_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{suffix}"
    write(path, None)
    assert not any(found_in(path))


def test_each_column_has_its_buffers(tmp_path: Path) -> None:
    for name in TABLE.schema.names:
        path = tmp_path / f"{name}.arrow"
        write(path, "zstd", TABLE.select([name]))
        *_, last = found_in(path)
        assert len(last) == buffers_of(TABLE.schema.field(name).type)
    assert buffers_of(pa.struct([("x", pa.int64())])) is None


@pytest.mark.parametrize(("suffix", "expanded"), [("arrow", 32_000), ("arrows", 48_000)])
def test_a_batch_that_expands_too_far_is_refused(
    suffix: str, expanded: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """98 kB that expanded to 3.2 GB. A file decompresses two of its three columns, a stream all."""
    path, zeros = tmp_path / f"t.{suffix}", np.zeros(100_000)
    write(path, "zstd", pa.table({"x": zeros, "y": zeros, "z": zeros}))
    read = partial(evaluate, "mse", path, input_column="x", target_column="y")
    monkeypatch.setattr(budget, "MOST_BATCH_BYTES", expanded)
    assert read().value == 0.0
    monkeypatch.setattr(budget, "MOST_BATCH_BYTES", expanded - 1)
    with pytest.raises(
        DataError, match=rf"found {expanded:,} bytes in a record batch after decompression"
    ):
        read()


@pytest.mark.parametrize("place", range(0, 200, 7))
def test_a_damaged_file_is_an_error_or_read(place: int, tmp_path: Path) -> None:
    """One byte of the footer, or of the end of a short table, is damaged."""
    path = tmp_path / "t.arrow"
    write(path, "zstd", pa.table({"x": [1.0, 2.0], "y": [1.0, 2.0]}))
    data = bytearray(path.read_bytes())
    data[len(data) - 1 - place] ^= 0xFF
    path.write_bytes(data)
    with suppress(DataError):
        assert evaluate("mse", path, input_column="x", target_column="y").count == 2


def test_lengths_below_0_in_a_file_that_is_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large batches are mapped into memory; in this test, all batches are."""
    monkeypatch.setattr("losscli.readers.formats.arrow._MOST_BATCH_BYTES", 0)
    path = tmp_path / "t.arrow"
    write(path, None, pa.table({"x": np.zeros(1234), "y": np.zeros(1234)}))
    assert evaluate("mse", path, input_column="x", target_column="y").count == 1234
    count = (1234).to_bytes(8, "little")
    path.write_bytes(path.read_bytes().replace(count, (-1).to_bytes(8, "little", signed=True)))
    with pytest.raises(DataError, match=r"t\.arrow: damaged Arrow file"):
        evaluate("mse", path, input_column="x", target_column="y")


@pytest.mark.parametrize("size", [-1, -2, -(2**31), 2**31 - 1])
def test_a_footer_that_claims_an_odd_length_of_a_message(size: int, tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    write(path, "zstd", pa.table({"x": np.zeros(10), "y": np.zeros(10)}))
    data = path.read_bytes()
    with path.open("rb") as file:
        _, ((offset, length),) = blocks_of(file)
    block = struct.pack("<qi", offset, length)
    assert data.count(block) == 1
    path.write_bytes(data.replace(block, struct.pack("<qi", offset, size)))
    with suppress(DataError):
        assert evaluate("mse", path, input_column="x", target_column="y").value == 0.0
