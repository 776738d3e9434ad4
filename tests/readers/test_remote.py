"""RemoteFile: any reads give the bytes of the object, however they are ordered."""

from __future__ import annotations

import io
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.readers.files import remote
from losscli.readers.files.remote import RemoteFile
from losscli.readers.files.store import Identity, StoredObject
from losscli.readers.files.uri import has_wildcard, is_uri, local_path

DATA = random.Random(0).randbytes(3000)


class Stored:
    """An object in memory. Counts the bytes that were requested."""

    name = "s3://b/x"
    identity = Identity(len(DATA), "")

    def __init__(self) -> None:
        self.requested = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.requested += size
        return DATA[offset : offset + size]


def opened(stored: Stored | None = None) -> RemoteFile:
    return RemoteFile(stored or Stored())  # type: ignore[arg-type]


def read(file: RemoteFile, offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: file.read_at(memoryview(buffer), offset)])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_PIECE": 64, "_WINDOW": 500, "_KEPT": 2, "_NEAR": 10}.items():
        monkeypatch.setattr(remote, name, value)


@given(st.lists(st.tuples(st.integers(0, 3100), st.integers(0, 700)), max_size=30))
def test_any_reads(reads: list[tuple[int, int]]) -> None:
    file = opened()
    for offset, size in reads:
        assert read(file, offset, size) == DATA[offset : offset + size]


@given(st.lists(st.integers(0, 2990), min_size=1, max_size=30), st.integers(1, 10))
def test_any_picks(offsets: list[int], size: int) -> None:
    expected = b"".join(DATA[offset : offset + size] for offset in offsets)
    assert opened().pick(size, offsets) == expected


@pytest.mark.parametrize("step", [1, 50, 64, 100, 1000])
def test_bytes_in_order_are_requested_once(step: int) -> None:
    stored = Stored()
    file = opened(stored)
    parts = [read(file, offset, step) for offset in range(0, len(DATA), step)]
    assert b"".join(parts) == DATA
    assert stored.requested == len(DATA)


def test_several_threads() -> None:
    file = opened()
    places = [(offset, 30) for offset in range(0, len(DATA), 30)]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda place: read(file, *place), places))
    assert b"".join(parts) == DATA


def test_it_is_a_file() -> None:
    with io.BufferedReader(opened()) as file:
        assert file.read(10) == DATA[:10]
        assert file.seek(-5, io.SEEK_END) == 2995
        assert file.read() == DATA[-5:]
        assert file.seek(7) == 7
        assert file.read(3) == DATA[7:10]
        with pytest.raises(OSError, match="cannot seek before its beginning"):
            file.raw.seek(-1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("s3://b/x", True), ("file:///x", True), ("x.npy", False), ("C:/x", False), ("-", False)],
)
def test_uris(name: str, expected: bool) -> None:
    assert is_uri(name) == expected


def test_a_file_uri_is_a_path() -> None:
    assert local_path("file:///a%20b/x.npy") == "/a b/x.npy"
    assert local_path("a%20b.npy") == "a%20b.npy"


def test_wildcards() -> None:
    assert has_wildcard("s3://b/*.npy")
    assert has_wildcard("s3://b/[ab].npy")
    assert not has_wildcard("s3://b/x.npy")


def test_no_connection_without_a_uri() -> None:
    with mock.patch.object(StoredObject, "__init__", side_effect=AssertionError):
        from losscli import evaluate  # noqa: PLC0415

        value: Any = evaluate("mse", [1.0], [3.0]).value
    assert value == 4.0
