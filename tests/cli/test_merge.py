"""--part, --save-part and merge: parts as people and job schedulers run them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLES, Run

import losscli
from losscli.errors import UsageError
from losscli.report import FORMATS, PAGE

DIGITS = SAMPLES / "digits.parquet"
LOSS = ("ce", DIGITS, "-t", "label", "-q")


def save_parts(run: Run, folder: Path, count: int, *words: object) -> list[Path]:
    paths = [folder / f"{number}.json" for number in range(1, count + 1)]
    for number, path in enumerate(paths, 1):
        assert run(*words, "--part", f"{number}/{count}", "--save-part", path) == (0, "", "")
    return paths


# A page has the time of its run.
@pytest.mark.parametrize("output_format", [name for name in FORMATS if name != PAGE])
def test_merge_prints_what_one_run_prints(output_format: str, run: Run, tmp_path: Path) -> None:
    words = (*LOSS, "--by", "class", "--top", 3, "--quantiles", "0.5,0.9", "--accuracy")
    paths = save_parts(run, tmp_path, 3, *words)
    merged = run("merge", *reversed(paths), "-f", output_format, "-q")
    assert merged == run(*words, "-f", output_format)


def test_the_number_alone_in_a_pipe(run: Run, tmp_path: Path) -> None:
    paths = save_parts(run, tmp_path, 2, *LOSS)
    assert run("merge", *paths, "-q") == run(*LOSS)


@pytest.mark.parametrize("limit", [0.1, 0.9])
@pytest.mark.parametrize("on", ["loss", "upper"])
def test_gates(limit: float, on: str, run: Run, tmp_path: Path) -> None:
    paths = save_parts(run, tmp_path, 2, *LOSS)
    gate = ("--fail-above", limit, "--fail-on", on)
    assert run("merge", *paths, "-q", *gate) == run(*LOSS, *gate)


@pytest.mark.parametrize("given", ["directory", "glob", "files"])
def test_parts_as_directory_or_glob(given: str, run: Run, tmp_path: Path) -> None:
    paths = save_parts(run, tmp_path, 11, *LOSS)
    words = {"directory": [tmp_path], "glob": [tmp_path / "*.json"], "files": paths}[given]
    assert run("merge", *words, "-q") == run(*LOSS)


def test_a_finished_part_is_not_computed_again(run: Run, tmp_path: Path) -> None:
    words = (*LOSS[:-1], "--part", "1/2", "--save-part", tmp_path / "1.json")
    assert run(*words)[2].endswith("1.json: saved part 1/2\n")
    before = (tmp_path / "1.json").stat()
    assert run(*words)[2].endswith("1.json: part 1/2 was computed before\n")
    assert (tmp_path / "1.json").stat().st_mtime_ns == before.st_mtime_ns
    code, _, err = run(*words[:-4], "--part", "2/2", "--save-part", tmp_path / "1.json")
    assert code == 1
    assert "1.json: the file exists and contains part 1/2 of this run. Remove it" in err


def test_missing_parts_are_named_with_the_command(run: Run, tmp_path: Path) -> None:
    for name in ("part-1-of-3.json", "a.json"):
        words = (*LOSS, "--part=1/3", "--save-part", tmp_path / name)
        assert run(*words)[0] == 0
        code, out, err = run("merge", tmp_path / name)
        expected = tmp_path / name.replace("1", "2").replace("a.", "a-2.")
        assert (code, out) == (1, "")
        assert err == (
            f"losscli: error: missing parts 2, 3 of 3. Compute part 2 with: losscli ce {DIGITS} "
            f"-t label -q --part=2/3 --save-part {expected}\n"
        )


def test_losses_of_parts_are_numbered_shards(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("losscli.evaluation.blocks.BLOCK_ELEMENTS", 100)
    whole = tmp_path / "whole.npy"
    run(*LOSS, "-o", whole)
    for suffix in ("npy", "parquet", "csv", "jsonl"):
        save_parts(run, tmp_path, 3, *LOSS, "-r", "none", "-o", tmp_path / f"l.{suffix}")
        names = sorted(path.name for path in tmp_path.glob(f"l-*.{suffix}"))
        assert names == [f"l-0000{number}-of-00003.{suffix}" for number in (1, 2, 3)]
        shards = tmp_path / f"l-*.{suffix}"
        columns = () if suffix == "npy" else ("-i", "loss")
        code, out, err = run("mse", "--input", shards, *columns, "--target", whole, "-q")
        assert (code, out, err) == (0, "0.0\n", ""), suffix
        for path in tmp_path.glob("?.json"):
            path.unlink()


def test_rows_of_several_blocks_stay_whole(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("losscli.evaluation.blocks.BLOCK_ELEMENTS", 7)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(5, 4, 9)))
    np.save(tmp_path / "y.npy", np.zeros((5, 4, 9)))
    words = ("mse", tmp_path / "x.npy", tmp_path / "y.npy", "-q")
    paths = save_parts(run, tmp_path, 3, *words, "-o", tmp_path / "l.npy")
    shards = [np.load(path) for path in sorted(tmp_path.glob("l-*.npy"))]
    assert [shard.shape for shard in shards] == [(1, 4, 9), (2, 4, 9), (2, 4, 9)]
    assert np.array_equal(np.concatenate(shards), np.load(tmp_path / "x.npy") ** 2)
    assert run("merge", *paths, "-q") == run(*words)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--part", "1/2"], "--part needs --save-part FILE"),
        (["--save-part", "p.json"], "--save-part needs --part K/N"),
        (["--part", "0/2", "--save-part", "p"], "--part: expected K/N with K from 1 to N"),
        (["--part", "3/2", "--save-part", "p"], "found '3/2'"),
        (["--part", "1", "--save-part", "p"], "found '1'"),
        (["--part", "1/9999999", "--save-part", "p"], "found '1/9999999'"),
        (["--part", "1/2", "--save-part", ""], "--save-part is empty"),
        (["--part", "1/2", "--save-part", "p", "-f", "json"], "--format needs all parts"),
        (
            ["--part", "1/2", "--save-part", "p", "--fail-above", "1"],
            "--fail-above needs all parts",
        ),
        (["--part", "1/2", "--save-part", "p", "-r", "none"], "needs --output FILE"),
    ],
)
def test_wrong_words(words: list[str], problem: str, run: Run) -> None:
    code, out, err = run(*LOSS, *words)
    assert (code, out) == (2, "")
    assert problem in err


def test_a_folder_that_is_not_there_is_reported_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("losscli.cli.parts.compute_part", None)
    path = tmp_path / "no" / "1.json"
    code, _, err = run(*LOSS, "--part", "1/2", "--save-part", path)
    assert (code, err) == (
        1,
        f"losscli: error: {path}: cannot write file: No such file or directory\n",
    )


def test_standard_input_and_parts(run: Run, tmp_path: Path) -> None:
    code, _, err = run("ce", "-", "-t", "y", "--part", "1/2", "--save-part", tmp_path / "p.json")
    assert code == 2
    assert "every part reads the files" in err


def test_losses_without_a_number_do_not_merge(run: Run, tmp_path: Path) -> None:
    words = (*LOSS, "-r", "none", "-o", tmp_path / "l.npy")
    code, _, err = run("merge", *save_parts(run, tmp_path, 2, *words))
    assert code == 1
    assert "their losses are in the files of --output" in err


def test_a_warning_is_an_error_with_strict(run: Run, tmp_path: Path) -> None:
    """As in one run: the loss of uniform scores with swapped classes is worse than guessing."""
    np.save(tmp_path / "x.npy", np.tile([5.0, 0.0], (99, 1)))
    np.save(tmp_path / "y.npy", np.arange(99) % 3 > 0)
    words = ("ce", tmp_path / "x.npy", tmp_path / "y.npy", "--strict", "-q", "-f", "json")
    expected = run(*words)
    assert expected[0] == 1
    assert "worse than guessing" in expected[2]
    assert run("merge", *save_parts(run, tmp_path, 2, *words[:-2]), "-f", "json") == expected


def test_an_absent_file(run: Run, tmp_path: Path) -> None:
    assert "no file matches" in run("merge", tmp_path / "*.json")[2]
    assert "No such file" in run("merge", tmp_path / "1.json")[2]
    (tmp_path / "1.json").write_text(json.dumps({"value": 1}))
    assert "1.json: not a part of losscli" in run("merge", tmp_path / "1.json")[2]


def test_a_record_never_overwrites_a_part(run: Run, tmp_path: Path) -> None:
    for number in (1, 2):
        saved = ("--part", f"{number}/2", "--save-part", tmp_path / f"{number}.json")
        assert run(*LOSS[:-1], *saved)[0] == 0
    before = (tmp_path / "1.json").read_text()
    code, _, err = run("merge", tmp_path, "--record", tmp_path / "1.json")
    assert (code, (tmp_path / "1.json").read_text()) == (2, before)
    assert "is also a part" in err
    with pytest.raises(UsageError, match="is also a part"):
        losscli.merge(tmp_path, record=tmp_path / "1.json")
    assert (tmp_path / "1.json").read_text() == before


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_parts_without_rows_have_all_columns(suffix: str, run: Run, tmp_path: Path) -> None:
    """There are more parts than blocks. All of them read back as one table."""
    words = (*LOSS[:-1], "-r", "none", "--keep", "label")
    run(*words, "-o", tmp_path / f"whole.{suffix}")
    for number in range(1, 5):
        saved = ("--part", f"{number}/4", "--save-part", tmp_path / f"{number}.json")
        assert run(*words, *saved, "-o", tmp_path / f"l.{suffix}")[0] == 0
    shown = ("-i", "loss", "-t", "weight", "--by", "label", "-f", "json", "-q")
    whole, parts = (
        json.loads(run("mse", tmp_path / name, *shown)[1])
        for name in (f"whole.{suffix}", f"l-*.{suffix}")
    )
    assert [parts[name] for name in ("value", "count", "groups")] == [
        whole[name] for name in ("value", "count", "groups")
    ]
