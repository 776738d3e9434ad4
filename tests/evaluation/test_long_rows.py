"""If a loss needs only one entry of a long row, only that entry is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import losscli
from losscli.errors import DataError
from losscli.readers import AS_THEY_ARE
from losscli.readers.files.shards import open_files
from losscli.result import Result


def values(result: Result) -> Any:
    assert result.values is not None
    return result.values


def test_of_long_rows_only_the_targets_entries_are_read(tmp_path: Path) -> None:
    """5000 rows of 4096 classes take 80 MB. Reading a page per row takes 20 MB."""
    shape = (5000, 4096)
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, shape)  # all zeros
    y = np.arange(5000) % 4096
    with open(tmp_path / "x.npy", "r+b") as file:
        offset = file.seek(0, 2) - 5000 * 4096 * 4
        for row in range(5000):
            file.seek(offset + (row * 4096 + int(y[row])) * 4)
            file.write(np.float32(-row - 1).tobytes())
    source = open_files([str(tmp_path / "x.npy")], AS_THEY_ARE).array(None, "")
    assert not source.read((slice(0, 1), slice(1, 9))).any()
    source.close()
    with mock.patch.object(type(source), "read", side_effect=AssertionError("reads rows")):
        result = losscli.evaluate("nll", tmp_path / "x.npy", y, check=False, reduction="none")
    np.testing.assert_array_equal(values(result), np.arange(5000) + 1.0)
    # In each of three blocks, checks read as many rows as have 65,536 values: 16.
    warning, worse = losscli.evaluate("nll", tmp_path / "x.npy", y).warnings
    assert "not 1 (and at least 47 more). If they are logits" in warning
    assert worse.startswith("the loss (2500.5) is worse than guessing by label frequencies (")


def test_long_rows_are_read_whole_where_they_have_to_be(tmp_path: Path) -> None:
    """A mask and --accuracy need whole rows."""
    x = np.full((3, 5000), np.log(1 / 5000))
    x[[0, 1, 2], [1, 2, 4000]] = [-1.0, -2.0, -100.0]
    np.save(tmp_path / "x.npy", x)
    long = tmp_path / "x.npy"
    assert losscli.evaluate("nll", long, [1, 2, 4000]).value == 103 / 3
    found = losscli.evaluate("nll", long, [1, 2, 4000], mask=[1, 1, 0], check=False)
    assert (found.value, found.count) == (1.5, 2)
    wanted = losscli.Wanted(accuracy=True)
    assert losscli.evaluate("nll", long, [1, 2, 3], wanted=wanted, check=False).accuracy == 2 / 3


@pytest.mark.parametrize("loss", ["multi-margin", "multilabel-margin", "ce"])
def test_losses_of_all_classes_read_long_rows(loss: str, tmp_path: Path) -> None:
    x = np.random.default_rng(6).normal(size=(3, 5000))
    y = np.array([1, 2, 4000])
    if loss == "multilabel-margin":
        y = np.where(np.arange(5000) == 0, y[:, np.newaxis], -1)
    np.save(tmp_path / "x.npy", x)
    found = losscli.evaluate(loss, tmp_path / "x.npy", y)
    assert found.value == losscli.evaluate(loss, x, y).value


def test_a_mistake_in_long_rows_is_found(tmp_path: Path) -> None:
    x = np.full((3, 5000), np.log(1 / 5000))
    x[2, 4000] = 0.5
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match=r"x.npy: input at \[2, 4000\] is 0.5; expected log-prob"):
        losscli.evaluate("nll", tmp_path / "x.npy", [1, 2, 4000])
    x[2, 4000] = 0.0
    np.save(tmp_path / "x.npy", x)
    [warning] = losscli.evaluate("nll", tmp_path / "x.npy", [1, 2, 4000]).warnings
    assert "input at [2, 0] starts a row that sums to 2" in warning
