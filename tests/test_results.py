"""The command with what a result says beside its number: formats, files of losses, gates."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from conftest import COMMAND, SAMPLES, run_on_terminal

import losscli
from losscli.errors import DataError
from losscli.evaluation import blocks

X, Y = "1,2,6", "0,0,0"
# The columns of a loss in formats of rows.
HEADER = "loss,reduction,value,count,ignored,weight_sum,samples,ci_low,ci_high"
# 3 ± t · sqrt(7/3), t = 4.302652729749 at 2 degrees of freedom.
HALF = 4.302652729749 * math.sqrt(7 / 3)

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


class TestFormats:
    """Of groups, the worst and quantiles."""

    def test_groups(self, run: Any, table: Path) -> None:
        words = ["l1", table, "-i", "x", "-t", "y", "--by", "part", "-q"]
        # b: 1 and 6, so 3.5 ± 12.7062 · 2.5
        loss, groups = (part.splitlines() for part in run(*words)[1].split("\n\n"))
        assert loss == [HEADER.replace(",", "\t"), "l1\tmean\t3.0\t3\t0\t3.0\t3\t\t"]
        assert groups[0].split("\t") == [
            *("part", "value", "ci_low", "ci_high", "count", "samples", "share", "sum")
        ]
        name, value, low, high, *counts = groups[1].split("\t")
        assert (name, value, counts) == ("b", "3.5", ["2", "2", repr(7 / 9), "7.0"])
        assert float(high) - 3.5 == pytest.approx(12.706204736 * 2.5)
        assert 3.5 - float(low) == pytest.approx(12.706204736 * 2.5)
        assert groups[2] == f"a\t2.0\t\t\t1\t1\t{2 / 9!r}\t2.0"
        found = json.loads(run(*words, "-f", "json")[1])
        assert found["by"] == ["part"]
        assert [one["group"] for one in found["groups"]] == ["b", "a"]
        assert found["groups"][1] == {
            "group": "a",
            "value": 2.0,
            "ci": None,
            "count": 1,
            "samples": 1,
            "share": 2 / 9,
            "sum": 2.0,
        }
        loss, *lines = [json.loads(line) for line in run(*words, "-f", "jsonl")[1].splitlines()]
        assert (loss["loss"], loss["value"]) == ("l1", 3.0)
        assert [line["part"] for line in lines] == ["b", "a"]
        in_csv = run(*words, "-f", "csv")[1].splitlines()
        assert (in_csv[0], in_csv[2], in_csv[5]) == (HEADER, "", f"a,2.0,,,1,1,{2 / 9!r},2.0")
        assert "| a | 2.0 |" in run(*words, "-f", "markdown")[1]

    def test_the_worst(self, run: Any) -> None:
        _, top = run("l1", X, Y, "--top", 2)[1].split("\n\n")
        assert top == "index\ttarget\tloss\n2\t0.0\t6.0\n1\t0.0\t2.0\n"
        found = json.loads(run("ce", *SEGMENTATION, "--top", 1, "-f", "json")[1])
        [worst] = found["top"]
        losses = losscli.cross_entropy(
            *map(np.load, SEGMENTATION[:2]), ignore_index=255, reduction="none"
        )
        assert tuple(worst["index"]) == np.unravel_index(losses.argmax(), losses.shape)
        assert worst["loss"] == losses.max()
        x = np.load(SEGMENTATION[0])
        n, h, w = worst["index"]
        assert worst["predicted"] == x[n, :, h, w].argmax()

    def test_quantiles_and_a_histogram(self, run: Any) -> None:
        code, out, _ = run("l1", X, Y, "--quantiles", "0,0.5,1", "--histogram")
        _, first, second = out.split("\n\n")
        header, low, middle, high = first.splitlines()
        assert (code, header, low, high) == (0, "quantile\tloss", "0\t1.0", "1\t6.0")
        assert float(middle.split("\t")[1]) == pytest.approx(2.0, rel=1e-3)
        assert second.splitlines()[0] == "from\tto\tcount"
        assert sum(int(line.split("\t")[2]) for line in second.splitlines()[1:]) == 3

    def test_accuracy(self, run: Any) -> None:
        out = run("ce", *SEGMENTATION, "--accuracy", "-f", "json")[1]
        x, y = map(np.load, SEGMENTATION[:2])
        hits = (x.argmax(axis=1) == y)[y != 255]
        assert json.loads(out)["accuracy"] == hits.mean()
        header, row = run("ce", *SEGMENTATION, "--accuracy", "-f", "csv")[1].splitlines()
        assert header == f"{HEADER},accuracy"
        assert float(row.split(",")[-1]) == hits.mean()

    def test_a_line_of_json(self, run: Any) -> None:
        [line] = run("l1", X, Y, "-f", "jsonl")[1].splitlines()
        found = json.loads(line)
        assert found["value"] == 3.0
        assert found["ci"] == pytest.approx([3 - HALF, 3 + HALF])
        assert run("l1", X, Y, "-r", "none", "-f", "jsonl")[1].splitlines() == [
            '{"index": 0, "target": 0.0, "loss": 1.0}',
            '{"index": 1, "target": 0.0, "loss": 2.0}',
            '{"index": 2, "target": 0.0, "loss": 6.0}',
        ]

    def test_rows_of_nothing_have_their_header(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((0, 3)))
        words = ["mse", tmp_path / "x.npy", tmp_path / "x.npy", "-r", "none", "-f"]
        assert run(*words, "csv")[1] == "index_0,index_1,loss\n"
        assert run(*words, "markdown")[1].startswith("| index_0 | index_1 | loss |\n")

    def test_groups_of_a_member(self, run: Any, tmp_path: Path) -> None:
        arrays = {"x": [1.0, 2.0, 6.0], "y": [0.0] * 3, "g": [7, 8, 7]}
        np.savez(tmp_path / "t.npz", **{name: np.array(one) for name, one in arrays.items()})
        words = ["l1", tmp_path / "t.npz", "-i", "x", "-t", "y", "--by", "g", "-f", "json", "-q"]
        groups = json.loads(run(*words)[1])["groups"]
        assert [(one["group"], one["value"]) for one in groups] == [(7, 3.5), (8, 2.0)]

    @pytest.mark.parametrize("name", ["d[1]/x.npz", "a[b.npz", "x.npz[q]", "run[1].safetensors"])
    def test_the_digest_is_of_the_file_that_was_read(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not of another one, whose name its label begins with or is."""
        monkeypatch.chdir(tmp_path)
        for other in ("x.npz", "run", "a", "x.npz[q][x]", "a[b.npz[x]"):
            Path(other).write_bytes(b"something else")
        Path("d[1]").mkdir()
        header = b'{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}'
        if name.endswith("safetensors"):
            size = len(header).to_bytes(8, "little")
            Path(name).write_bytes(size + header + np.array([2.0]).tobytes())
        else:
            with open(name, "wb") as file:
                np.savez(file, x=np.array([2.0]))
        wanted = losscli.Wanted(digest=True)
        found = losscli.evaluate("l1", name, [0.0], wanted=wanted)
        assert (found.value, found.inputs[0].path) == (2.0, f"{name}[x]")
        assert found.inputs[0].sha256 == (hashlib.sha256(Path(name).read_bytes()).hexdigest(),)

    def test_the_digests_of_shards_of_arrays(self, tmp_path: Path) -> None:
        for number in (1, 2):
            np.savez(tmp_path / f"{number}.npz", x=np.array([2.0 * number]))
        wanted = losscli.Wanted(digest=True)
        found = losscli.evaluate("l1", tmp_path, [0.0, 0.0], wanted=wanted)
        files = [tmp_path / "1.npz", tmp_path / "2.npz"]
        assert found.inputs[0].sha256 == tuple(
            hashlib.sha256(file.read_bytes()).hexdigest() for file in files
        )

    def test_the_digest_of_what_was_read(self, run: Any) -> None:
        out = run("ce", *SEGMENTATION, "--digest", "-f", "json")[1]
        for one in json.loads(out)["inputs"]:
            expected = subprocess.check_output(["sha256sum", one["path"]], text=True).split()[0]
            assert one["sha256"] == [expected]


class TestSignature:
    def test_every_option_that_is_not_the_default(self) -> None:
        found = losscli.evaluate(
            "ce",
            np.zeros((2, 3), np.float32),
            np.array([1, -1], np.int8),
            ignore_index=[-1, 7],
            label_smoothing=0.25,
            weight=np.ones(3),
            reduction="sum",
        )
        assert found.signature == (
            "loss:cross-entropy|reduction:sum|ignore-index:-1,7|label-smoothing:0.25|weight:(3,)|"
            f"count:1|ignored:1|dtype:float32+int8|losscli:{losscli.__version__}"
        )


class TestGates:
    def test_above(self, run: Any) -> None:
        assert run("l1", X, Y, "--fail-above", "3") == (0, "3.0\n", "")
        assert run("l1", X, Y, "--fail-above", "2.75") == (
            3,
            "3.0\n",
            "losscli: error: the loss, 3, is 0.25 above 2.75 (--fail-above)\n",
        )

    def test_nan_fails(self, run: Any) -> None:
        code, out, err = run("l1", "nan,1", "0,0", "--fail-above", "100")
        assert (code, out) == (3, "nan\n")
        assert err.splitlines()[-1] == "losscli: error: the loss is NaN (--fail-above)"

    def test_the_upper_end(self, run: Any) -> None:
        assert run("l1", X, Y, "--fail-above", 3 + HALF + 1e-6, "--fail-on", "upper")[0] == 0
        code, _, err = run("l1", X, Y, "--fail-above", "9", "--fail-on", "upper")
        assert code == 3
        assert err.startswith("losscli: error: the upper end of the interval, 9.57241, is 0.572411")
        assert run("l1", "1", "0", "--fail-above", "9", "--fail-on", "upper")[0] == 3

    def test_no_limit(self, run: Any) -> None:
        assert run("l1", X, Y, "--fail-above", "nan")[0] == 2
        assert run("l1", X, Y, "--fail-on", "upper")[0] == 2

    def test_there_is_nothing_to_judge_in_many_numbers(self, run: Any) -> None:
        code, out, err = run("l1", X, Y, "--fail-above", "3", "-r", "none")
        assert (code, out) == (2, "")
        assert "--reduction none gives many" in err


class TestOutput:
    def losses(self) -> Any:
        """An ignored element has no loss."""
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
            columns["loss"] = columns["loss"].astype(float)  # null is NaN
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
        """A loss that is NaN and counts is NaN; one that --on-nan skip leaves out is ignored."""
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
        """Empty in rows; plain, JSON and Python have PyTorch's 0."""
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
        assert err.endswith("o.npy: cannot write it: No such file or directory\n")
        (tmp_path / "d.npy").mkdir()
        assert run("l1", X, Y, "-o", tmp_path / "d.npy")[2].endswith("it is no regular file\n")
        code, _, err = run("l1", X, Y, "-o", tmp_path / "o.xyz")
        assert code == 2
        assert "expected a name in .npy, .csv, .parquet, .pq, .jsonl" in err

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
            "losscli: error: --output is 'x/1.npy', which is read as well; give another name\n"
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
        """A glob that does not take it is no reason to refuse."""
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

    @pytest.mark.parametrize("limit", [4096, 1_000_000])
    @pytest.mark.parametrize("suffix", ["npy", "csv", "parquet", "jsonl"])
    def test_a_full_disk(self, tmp_path: Path, suffix: str, limit: int) -> None:
        """A limit on files stands for it: the old file stays alone, and one line says why."""
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
        assert found.stderr == f"losscli: error: o.{suffix}: cannot write it: File too large\n"
        assert (tmp_path / f"o.{suffix}").read_text() == "old"
        assert sorted(os.listdir(tmp_path)) == [f"o.{suffix}", "x.npy"]

    def test_without_elements(self, run: Any, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((0, 3)))
        run("mse", tmp_path / "x.npy", tmp_path / "x.npy", "-o", tmp_path / "o.npy")
        assert np.load(tmp_path / "o.npy").shape == (0, 3)
        assert run("mse", tmp_path / "x.npy", tmp_path / "x.npy", "-o", tmp_path / "o.csv")[0] == 0


class TestCompare:
    A, B = "1,2,6,0", "1,3,4,4"
    ZEROS = "0,0,0,0"

    def test_by_hand(self, run: Any) -> None:
        """Differences 0, 1, -2, 4: mean 3/4, sum of squares around it 18.75, t = 3.182."""
        half = 3.182446305284 * math.sqrt(18.75 / 3 / 4)
        code, out, err = run("compare", "l1", self.A, self.B, self.ZEROS, "-f", "json")
        found = json.loads(out)
        assert (code, err) == (0, "")
        assert (found["a"]["value"], found["b"]["value"]) == (2.25, 3.0)
        assert found["difference"] == 0.75
        assert found["ci"] == pytest.approx([0.75 - half, 0.75 + half], rel=1e-9)
        assert found["wins"] == {"a": 0.5, "b": 0.25}

    def test_rows(self, run: Any) -> None:
        lines = run("compare", "l1", self.A, self.B, self.ZEROS, "--top", 2)[1].splitlines()
        assert lines[0] == "model\tvalue\tci_low\tci_high\twins"
        assert [line.split("\t")[:2] for line in lines[1:4]] == [
            ["a", "2.25"],
            ["b", "3.0"],
            ["difference", "0.75"],
        ]
        assert lines[4:] == ["", "index\ttarget\tdifference", "3\t0.0\t4.0", "1\t0.0\t1.0"]

    def test_the_difference_is_that_of_the_values(self) -> None:
        x, y = map(np.load, SEGMENTATION[:2])
        options: dict[str, Any] = {"ignore_index": 255, "weight": [1.0, 2.0, 3.0]}
        found = losscli.compare("ce", x, 0.5 * x, y, **options)
        a, b = (losscli.cross_entropy(one, y, **options) for one in (x, 0.5 * x))
        assert (found.a.value, found.b.value) == (a, b)
        assert found.difference == pytest.approx(b - a, rel=1e-12)

    def test_groups(self) -> None:
        wanted = losscli.Wanted(by=("class",))
        x = np.log([[0.5, 0.5], [0.25, 0.75]])
        found = losscli.compare("nll", x, x[::-1], [0, 1], wanted=wanted)
        assert found.groups is not None
        assert [one.labels for one in found.groups] == [(0,), (1,)]
        assert found.groups[0].value == pytest.approx(math.log(2))
        assert found.groups[1].value == pytest.approx(math.log(1.5))

    def test_rows_are_paired_by_a_key(self, run: Any, tmp_path: Path) -> None:
        """A and B in other orders: 0 - 1, 3 - 2 and 4 - 6 by hand, whatever their rows."""
        (tmp_path / "a.csv").write_text("id,part,x,y\nu,p,1,0\nv,q,2,0\nw,p,6,0\n")
        (tmp_path / "b.csv").write_text("id,part,x,y\nw,p,4,0\nu,p,0,0\nv,q,3,0\n")
        words = ["compare", "l1", tmp_path / "a.csv", tmp_path / "b.csv", "-i", "x", "-t", "y"]
        found = json.loads(run(*words, "--id", "id", "--by", "part", "-f", "json")[1])
        assert found["difference"] == pytest.approx(-2 / 3)
        assert found["wins"] == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3)}
        assert [(one["group"], one["value"]) for one in found["groups"]] == [("q", 1), ("p", -1.5)]
        deviations = [-1 + 2 / 3, 1 + 2 / 3, -2 + 2 / 3]
        half = 4.302652729749 * math.sqrt(sum(d * d for d in deviations) / 2 / 3)
        assert found["ci"] == pytest.approx([-2 / 3 - half, -2 / 3 + half])

    def test_other_targets_are_an_error(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("x,y\n1,0\n2,0\n")
        (tmp_path / "b.csv").write_text("x,y\n1,0\n2,1\n")
        words = ["compare", "l1", tmp_path / "a.csv", tmp_path / "b.csv", "-i", "x", "-t", "y"]
        code, out, err = run(*words)
        assert (code, out) == (1, "")
        assert "the target of A at [1] is 0 and that of B 1; expected the same targets" in err

    def test_clusters_are_those_of_both(self, tmp_path: Path) -> None:
        np.save(tmp_path / "doc.npy", np.array([0, 0, 1, 1]))
        wanted = losscli.Wanted(cluster=str(tmp_path / "doc.npy"))
        found = losscli.compare("l1", [1.0, 2.0, 6.0, 0.0], [1.0] * 4, [0.0] * 4, wanted=wanted)
        assert (found.a.samples, found.b.samples) == (2, 2)
        assert found.wins == (0.0, 1.0)

    def test_nan_of_either_is_left_out(self) -> None:
        a, b = [1.0, math.nan, 6.0], [3.0, 3.0, math.nan]
        found = losscli.compare("l1", a, b, [0.0] * 3, on_nan="skip")
        assert found.difference == 2.0

    @pytest.mark.parametrize("words", [["--reduction", "none"], ["--top", "0"]])
    def test_what_cannot_be_meant(self, run: Any, words: list[str]) -> None:
        assert run("compare", "l1", self.A, self.B, self.ZEROS, *words)[0] == 2

    def test_a_gate(self, run: Any) -> None:
        rng = np.random.default_rng(2)
        worse = ",".join(map(repr, rng.uniform(1, 2, 30).tolist()))
        better = ",".join(map(repr, rng.uniform(0, 1, 30).tolist()))
        zeros = ",".join("0" * 30)
        code, _, err = run("compare", "l1", better, worse, zeros, "--fail-if-worse")
        assert code == 3
        assert err.startswith("losscli: error: B is worse than A by ")
        assert run("compare", "l1", worse, better, zeros, "--fail-if-worse")[0] == 0
        assert run("compare", "l1", self.A, self.B, self.ZEROS, "--fail-if-worse")[0] == 0
        assert run("compare", "l1", "1", "nan", "0", "--fail-if-worse")[0] == 3

    def test_what_either_model_lacks_is_left_out(self, tmp_path: Path) -> None:
        """Rows 1 and 3 are in both: 3 - 1 and 5 - 2, whose mean is 2.5."""
        texts = {"a": "x,z\n1,0\n,0\n2,0\n4,0\n", "b": "x,z\n3,0\n7,0\n5,0\n,0\n"}
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        columns = {"input_column": "x", "input_format": "csv", "skip_missing": True}
        a, b = str(tmp_path / "a"), str(tmp_path / "b")
        found = losscli.compare("l1", a, b, np.zeros(4), **columns)
        assert found.difference == 2.5

    def test_shapes_that_differ(self) -> None:
        with pytest.raises(DataError, match="B"):
            losscli.compare("mse", [1.0, 2.0], [1.0], [1.0])


class TestProgress:
    """The bar of a run for which nobody has to wait."""

    def script(self, *words: str) -> list[str]:
        lines = (
            "import losscli.report.progress as progress; from losscli.cli.main import main",
            "progress._PATIENCE = -1.0",
            f"main({list(words)!r})",
        )
        return [sys.executable, "-c", "; ".join(lines)]

    def test_on_a_terminal(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.ones(3_000_000))
        words = self.script("l1", "x.npy", "0", "-j", "1", "-f", "plain", "-q")
        shown = run_on_terminal(words, columns=100, cwd=tmp_path)
        assert re.search(r"━+ +3,000,000 elements, [\d,]+/s 0:00:00", shown)
        assert "1.0\n" in shown

    def test_where_only_the_end_tells_how_much_there_is(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("x,y\n" + "1,0\n" * 1000)
        words = self.script("l1", "t.csv", "-i", "x", "-t", "y", "-f", "plain", "-q")
        assert "1,000 elements" in run_on_terminal(words, columns=100, cwd=tmp_path)

    def test_nowhere_else(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.ones(3_000_000))
        found = subprocess.run(
            self.script("l1", "x.npy", "x.npy"), cwd=tmp_path, capture_output=True, check=True
        )
        assert (found.stdout, found.stderr) == (b"0.0\n", b"")
