"""The losses of all elements in files (--output)."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from conftest import COMMAND, SAMPLES

import losscli
from losscli.evaluation import blocks

X, Y = "1,2,6", "0,0,0"


SEGMENTATION = [
    str(SAMPLES / "segmentation_logits.npy"),
    str(SAMPLES / "segmentation_labels.npy"),
    "--ignore-index",
    "255",
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("part,x,y\nb,1,0\na,2,0\nb,6,0\n")
    return path


class TestOutput:
    def losses(self) -> Any:
        """The loss of an ignored element is missing."""
        x, y = map(np.load, SEGMENTATION[:2])
        options: dict[str, Any] = {"ignore_index": 255, "weight": [1, 2, 3], "reduction": "none"}
        return np.where(y == 255, np.nan, losscli.cross_entropy(x, y, **options))

    def test_npy_has_the_shape_of_the_target(self, run: Any, tmp_path: Path) -> None:
        path = tmp_path / "o.npy"
        code, out, _ = run("ce", *SEGMENTATION, "-w", "1,2,3", "-o", path)
        assert code == 0
        assert float(out) > 0
        np.testing.assert_array_equal(np.load(path), self.losses())

    @pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
    def test_columns(self, run: Any, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"o.{suffix}"
        assert run("ce", *SEGMENTATION, "-w", "1,2,3", "-o", path)[0] == 0
        if suffix == "jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
            columns["loss"] = columns["loss"].astype(float)  # null becomes NaN
        else:
            read = pyarrow.csv.read_csv if suffix == "csv" else pyarrow.parquet.read_table
            found = read(path)
            columns = {name: found.column(name).to_numpy() for name in found.column_names}
        assert list(columns) == ["index_0", "index_1", "index_2", "target", "weight", "loss"]
        y = np.load(SEGMENTATION[1])
        np.testing.assert_array_equal(columns["loss"], self.losses().ravel())
        np.testing.assert_array_equal(columns["target"], y.ravel())
        index = np.unravel_index(np.arange(y.size), y.shape)
        for axis in range(3):
            np.testing.assert_array_equal(columns[f"index_{axis}"], index[axis])
        expected = np.where(y == 255, 0, np.array([1, 2, 3])[np.where(y == 255, 0, y)])
        np.testing.assert_array_equal(columns["weight"], expected.ravel())

    @pytest.mark.parametrize("skip", [False, True])
    def test_ignored_elements_have_no_loss(self, run: Any, tmp_path: Path, skip: bool) -> None:
        """A NaN loss that counts is NaN. A loss that --on-nan skip excludes is missing."""
        words = ["l1", "1,nan,3,5", "0,0,1,1", "--mask", "1,1,0,1", "-q", "--no-check"]
        words += ["--on-nan", "skip"] if skip else []
        for suffix in ("csv", "parquet", "jsonl", "npy"):
            assert run(*words, "-o", tmp_path / f"o.{suffix}")[0] == 0
        nan, weight = ("", "0") if skip else ("nan", "1")
        assert (tmp_path / "o.csv").read_text().splitlines()[1:] == [
            "0,0,1,1",
            f"1,0,{weight},{nan}",
            "2,1,0,",
            "3,1,1,4",
        ]
        found = pyarrow.parquet.read_table(tmp_path / "o.parquet").column("loss")
        assert found.is_null().to_pylist() == [False, skip, True, False]
        rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
        assert [row["loss"] for row in rows] == [1.0, None if skip else "NaN", None, 4.0]
        np.testing.assert_array_equal(np.load(tmp_path / "o.npy"), [1.0, np.nan, np.nan, 4.0])

    @pytest.mark.parametrize("block_values", [1, 2, 1 << 19])
    def test_blocks_with_and_without_ignored_elements(
        self, run: Any, tmp_path: Path, block_values: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(blocks, "BLOCK_VALUES", block_values)
        words = ["l1", "1,2,3,5", "0,0,1,1", "--mask", "1,1,0,1", "-q"]
        for suffix in ("csv", "jsonl"):
            assert run(*words, "-o", tmp_path / f"o.{suffix}")[0] == 0
        assert (tmp_path / "o.csv").read_text().splitlines()[2:] == ["1,0,1,2", "2,1,0,", "3,1,1,4"]
        rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
        assert [row["loss"] for row in rows] == [1.0, 2.0, None, 4.0]

    def test_rows_of_none(self, run: Any) -> None:
        """Row formats show an empty cell. Plain text, JSON and Python have 0, like PyTorch."""
        words = ["l1", "1,2", "0,0", "--mask", "1,0", "-r", "none", "-f"]
        assert run(*words, "csv")[1] == "index,target,loss\n0,0.0,1.0\n1,0.0,\n"
        assert run(*words, "markdown")[1].splitlines()[2:] == [
            "| 0 | 0.0 | 1.0 |",
            "| 1 | 0.0 |  |",
        ]
        rows = [json.loads(line) for line in run(*words, "jsonl")[1].splitlines()]
        assert [row["loss"] for row in rows] == [1.0, None]
        assert [line.split() for line in run(*words, "table")[1].splitlines()[1:]] == [
            ["0", "0", "1"],
            ["1", "0"],
        ]
        assert run(*words, "plain")[1] == "1.0\n0.0\n"
        assert json.loads(run(*words, "json")[1])["values"] == [1.0, 0.0]
        assert losscli.l1([1.0, 2.0], [0, 0], mask=[1, 0], reduction="none").tolist() == [1.0, 0.0]

    def test_labels_are_columns(self, run: Any, table: Path, tmp_path: Path) -> None:
        path = tmp_path / "o.csv"
        words = ["l1", table, "-i", "x", "-t", "y", "--by", "part", "-q", "-o", path]
        assert run(*words)[0] == 0
        assert path.read_text().splitlines() == [
            '"index","target","part","weight","loss"',
            '0,0,"b",1,1',
            '1,0,"a",1,2',
            '2,0,"b",1,6',
        ]

    @pytest.mark.parametrize("suffix", ["npy", "csv", "parquet", "jsonl"])
    def test_an_error_leaves_the_old_file_and_nothing_else(
        self, run: Any, tmp_path: Path, suffix: str
    ) -> None:
        path = tmp_path / f"o.{suffix}"
        path.write_text("old")
        code, _, err = run("nll", "--", "-1,-2", "5", "-o", path)
        assert code == 2 or "expected a class" in err
        assert run("nll", "-o", path, "--", "-1,-2", "5")[0] == 1
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == [path.name]

    def test_it_is_tried_before_the_work(self, run: Any, tmp_path: Path) -> None:
        code, out, err = run("l1", X, Y, "-o", tmp_path / "no" / "o.npy")
        assert (code, out) == (1, "")
        assert err.endswith("o.npy: cannot write file: No such file or directory\n")
        (tmp_path / "d.npy").mkdir()
        err = run("l1", X, Y, "-o", tmp_path / "d.npy")[2]
        assert err.endswith("d.npy: cannot write file: not a regular file\n")
        code, _, err = run("l1", X, Y, "-o", tmp_path / "o.xyz")
        assert code == 2
        assert "expected a file name with suffix .npy, .csv, .parquet, .pq, .jsonl" in err

    @pytest.mark.parametrize(
        "words",
        [
            ["x/1.npy", "0"],
            ["link.npy", "0"],
            ["hard.npy", "0"],
            ["x/*.npy", "y.npy"],
            ["x", "y.npy"],
            ["--target", "y.npy", "--input", "x/2.npy", "--input", "x/1.npy"],
            ["y.npy", "0", "--weight", "x/1.npy"],
            ["y.npy", "0", "--mask", "x/1.npy"],
            ["y.npy", "0", "--by", "x/1.npy"],
            ["y.npy", "0", "--cluster", "x/1.npy"],
        ],
    )
    def test_never_over_what_is_read(
        self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("x").mkdir()
        for name in ("x/1.npy", "x/2.npy"):
            np.save(name, [1.0])
        np.save("y.npy", [1.0, 1.0])
        Path("link.npy").symlink_to("x/1.npy")
        os.link("x/1.npy", "hard.npy")
        code, out, err = run("l1", *words, "-o", "x/1.npy")
        assert (code, out) == (2, "")
        assert err == (
            "losscli: error: --output 'x/1.npy' is also an input file. Use another name.\n"
        )
        assert np.load("x/1.npy") == [1.0]

    def test_never_over_names_of_classes(self, run: Any, tmp_path: Path) -> None:
        path = tmp_path / "names.csv"
        path.write_text("a\nb\n")
        words = ["nll", "--classes", path, "-o", path, "--", "-1,-2", "0"]
        assert run(*words)[0] == 2
        assert path.read_text() == "a\nb\n"

    def test_never_over_standard_input(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [1.0])
        with (tmp_path / "x.npy").open("rb") as file:
            words = [*COMMAND, "l1", "-", "0", "-o", "x.npy"]
            assert subprocess.run(words, cwd=tmp_path, stdin=file, check=False).returncode == 2
        assert np.load(tmp_path / "x.npy") == [1.0]

    def test_over_another_file_of_the_folder(self, run: Any, tmp_path: Path) -> None:
        """A glob that does not match the output does not prevent writing it."""
        np.save(tmp_path / "x1.npy", [1.0])
        np.save(tmp_path / "o.npy", [1.0])
        words = ["l1", tmp_path / "x*.npy", "3", "-o", tmp_path / "o.npy"]
        assert run(*words)[:2] == (0, "2.0\n")
        assert np.load(tmp_path / "o.npy") == [2.0]

    def test_a_folder_called_as_groups_are(
        self, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("class").mkdir()
        Path("class/o.csv").write_text("x\n1\n")
        words = ["nll", "--by", "class", "-o", "class/o.csv", "--", "-1,-2", "0"]
        assert run(*words)[0] == 0

    def test_rights_and_links_stay(self, run: Any, tmp_path: Path) -> None:
        real, link = tmp_path / "real.npy", tmp_path / "link.npy"
        real.write_text("old")
        real.chmod(0o640)
        link.symlink_to(real)
        assert run("l1", X, Y, "-o", link)[0] == 0
        assert link.is_symlink()
        assert stat.S_IMODE(real.stat().st_mode) == 0o640
        np.testing.assert_array_equal(np.load(real), [1.0, 2.0, 6.0])

    @pytest.mark.slow
    @pytest.mark.parametrize("limit", [4096, 1_000_000])
    @pytest.mark.parametrize("suffix", ["npy", "csv", "parquet", "jsonl"])
    def test_a_full_disk(self, tmp_path: Path, suffix: str, limit: int) -> None:
        """A limit on file sizes acts like a full disk. The old file remains, and one line reports
        the error."""
        np.save(tmp_path / "x.npy", np.random.default_rng(1).uniform(size=300_000))
        (tmp_path / f"o.{suffix}").write_text("old")
        found = subprocess.run(
            [*COMMAND, "l1", "x.npy", "0", "-o", f"o.{suffix}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert (found.returncode, found.stdout) == (1, "")
        assert found.stderr == f"losscli: error: o.{suffix}: cannot write file: File too large\n"
        assert (tmp_path / f"o.{suffix}").read_text() == "old"
        assert sorted(os.listdir(tmp_path)) == [f"o.{suffix}", "x.npy"]

    def test_without_elements(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((0, 3)))
        run("mse", tmp_path / "x.npy", tmp_path / "x.npy", "-o", tmp_path / "o.npy")
        assert np.load(tmp_path / "o.npy").shape == (0, 3)
        assert run("mse", tmp_path / "x.npy", tmp_path / "x.npy", "-o", tmp_path / "o.csv")[0] == 0
