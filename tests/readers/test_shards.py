"""Several files as one array or table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from conftest import run_command
from numpy.typing import NDArray

import losscli
from losscli import evaluate
from losscli.errors import DataError
from losscli.readers.files.shards import natural

NAMES = ["cat", "dog", "bird"]
X = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40) % 3
EXPECTED = losscli.cross_entropy(X, Y)


def columns() -> pa.Table:
    return pa.table({**{name: X[:, i] for i, name in enumerate(NAMES)}, "label": Y})


class TestShards:
    def write(self, folder: Path, pattern: str, array: NDArray[Any], parts: int) -> None:
        for number, part in enumerate(np.array_split(array, parts)):
            np.save(folder / pattern.format(number), part)

    def test_natural_order(self) -> None:
        names = ["part-10", "part-2", "part-1", "b", "a-3-x", "a-20-x"]
        assert sorted(names, key=natural) == ["a-3-x", "a-20-x", "b", "part-1", "part-2", "part-10"]

    @pytest.mark.parametrize(
        ("first", "second", "found"),
        [("a.npy", "b.csv", "a table, but arrays"), ("a.csv", "b.npy", "arrays, but a table")],
    )
    def test_tables_and_arrays(self, first: str, second: str, found: str, tmp_path: Path) -> None:
        for name in (first, second):
            if name.endswith("csv"):
                (tmp_path / name).write_text("x\n0.5\n")
            else:
                np.save(tmp_path / name, np.ones(2))
        expected = f"{second}: expected files of one format, found {found} in {tmp_path}/{first}"
        with pytest.raises(DataError, match=expected):
            evaluate("l1", str(tmp_path / "*.*"), [0.0])

    def test_inputs_and_targets_cut_differently(self, tmp_path: Path) -> None:
        self.write(tmp_path, "x-{}.npy", X, 12)
        self.write(tmp_path, "y-{}.npy", Y, 5)
        globs = str(tmp_path / "x-*.npy"), str(tmp_path / "y-*.npy")
        assert evaluate("ce", *globs).value == EXPECTED
        inputs = [str(path) for path in tmp_path.glob("x-*.npy")]
        assert evaluate("ce", inputs, globs[1]).value == EXPECTED
        targets = [f"--target={path}" for path in tmp_path.glob("y-*.npy")]
        run = run_command("ce", *inputs, *targets)
        assert float(run.stdout) == EXPECTED
        found = evaluate("ce", *globs)
        assert len(found.inputs[0].files) == 12
        assert found.inputs[0].files[-1].endswith("x-11.npy")

    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_a_directory(self, suffix: str, tmp_path: Path) -> None:
        for number, rows in enumerate(np.array_split(np.arange(40), 11)):
            part = columns().take(pa.array(rows))
            write = pa.csv.write_csv if suffix == "csv" else pa.parquet.write_table
            write(part, tmp_path / f"part-{number}.{suffix}")
        (tmp_path / "dataset_info.json").write_text("{}")
        (tmp_path / "_SUCCESS").write_text("")
        found = evaluate("ce", tmp_path)
        assert found.value == pytest.approx(EXPECTED, rel=1e-6)
        assert found.count == 40

    def test_a_gap(self, tmp_path: Path) -> None:
        self.write(tmp_path, "x-{:05d}-of-00004.npy", X, 4)
        assert evaluate("ce", str(tmp_path / "x-*.npy"), Y).value == EXPECTED
        (tmp_path / "x-00002-of-00004.npy").unlink()
        with pytest.raises(DataError, match="found 3 of 4 shards; 00002-of-00004 is missing"):
            evaluate("ce", str(tmp_path / "x-*.npy"), Y)

    def test_parts_that_differ(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x-0.npy", np.zeros((2, 3)))
        np.save(tmp_path / "x-1.npy", np.zeros((2, 4)))
        with pytest.raises(DataError, match=r"x-1.npy: shape \(2, 4\) does not fit .*x-0.npy;"):
            evaluate("ce", str(tmp_path / "x-*.npy"), [0, 0, 0, 0])

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no file matches"):
            evaluate("ce", str(tmp_path / "x-*.npy"), [0])
        with pytest.raises(DataError, match="the directory contains no file that losscli can read"):
            evaluate("ce", tmp_path, [0])

    def test_several_formats(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("a\n1\n")
        np.save(tmp_path / "b.npy", X)
        with pytest.raises(DataError, match="several formats: .*Choose one with a glob"):
            evaluate("ce", tmp_path, [0])
