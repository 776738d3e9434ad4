"""Any number of threads gives the same bits and the same errors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import losscli
from losscli import elements
from losscli.errors import DataError
from losscli.evaluation import blocks
from losscli.result import Result

FAMILIES = ["checks", "layout", "numerics", "registry"]


def values(result: Result) -> Any:
    assert result.values is not None
    return result.values


def everything(*arrays: Any, **parameters: Any) -> tuple[Any, ...]:
    """Everything that a result reports, to the last bit."""
    result = losscli.evaluate("ce", *arrays, **parameters)
    return result.value, result.weight_sum, result.count, result.ignored, result.warnings


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 1000)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5000, 7)).astype(np.float32), rng.integers(7, size=5000)
    x[[700, 3000]] = np.exp(x[[700, 3000]])
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    pa.parquet.write_table(pa.table({"x": list(x), "label": y}), tmp_path / "t.parquet")
    weight = rng.uniform(size=7)
    for arrays in ([tmp_path / "x.npy", tmp_path / "y.npy"], [tmp_path / "t.parquet"], [x, y]):
        expected = everything(*arrays, weight=weight, threads=1)
        assert everything(*arrays, weight=weight, threads=threads) == expected
        each = [
            losscli.evaluate("ce", *arrays, reduction="none", threads=one).values
            for one in (1, threads)
        ]
        np.testing.assert_array_equal(*each)


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_error_is_told_whatever_the_threads(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 100)
    target = np.zeros(10_000, dtype=int)
    target[[4321, 4322, 9999]] = 9
    for _ in range(5):
        with pytest.raises(DataError, match="target in row 4321 is 9"):
            losscli.evaluate("ce", np.zeros((10_000, 2)), target, threads=threads)


def test_a_thread_opens_no_file_again_that_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a run ends with an error, other threads may still be reading. They must not open a closed
    file again, because nothing would close it."""
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 8)
    before = set(threading.enumerate())
    np.save(tmp_path / "x.npy", np.zeros((4000, 4)))
    np.save(tmp_path / "y.npy", np.full(4000, 9))
    for _ in range(20):
        with pytest.raises(DataError, match="target in row 0 is 9"):
            losscli.evaluate("ce", tmp_path / "x.npy", tmp_path / "y.npy", threads=4)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert not [name for name in open_files() if name.startswith(str(tmp_path))]


def open_files() -> Iterator[str]:
    """The files that this process has open, as the system reports them."""
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the descriptor of the listing itself
            yield os.readlink(f"/proc/self/fd/{number}")


def test_what_passes_through_threads_cannot_be_changed() -> None:
    """Every dataclass of these modules is frozen, and named tuples cannot be changed, so that no
    thread can alter the data of another thread."""
    modules = [blocks, elements, *(import_module(f"losscli.losses.{name}") for name in FAMILIES)]
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    values = [one for one in classes if is_dataclass(one)]
    assert len(values) >= 7
    assert [one.__name__ for one in values if not one.__dataclass_params__.frozen] == []
