"""`losscli inspect`: the contents of files, and a command that computes their loss."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import COMMAND, SAMPLES, Run, run_on_terminal

from losscli.cli.main import main
from losscli.evaluation import inspect as inspection
from losscli.evaluation.inspect import Finding, InspectOptions
from losscli.evaluation.propose import probable_command

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=3, size=(60, 4))
LOG_PROBABILITIES = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
PROBABILITIES = np.exp(LOG_PROBABILITIES)
LABELS = np.arange(60) % 4
CERTAIN = np.concatenate([[[0.0, 1.0, 0.0, 0.0]], PROBABILITIES[1:]])  # the loss warns about the 0


def inspect(files: list[str], full: bool = False) -> list[Finding]:
    """The findings for undamaged files."""
    return inspection.inspect(files, InspectOptions(full), pytest.fail)


def proposal(findings: list[Finding]) -> str | None:
    """The words of the suggested command; None if there is none."""
    command = probable_command(findings)
    return None if command is None else str(command)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (LOGITS, "logits"),
        (LOG_PROBABILITIES, "log-probabilities"),
        (LOG_PROBABILITIES.astype("float16"), "log-probabilities"),
        (PROBABILITIES, "probabilities"),
        (PROBABILITIES[:, 0], "probabilities"),
        (LOGITS[:, 0], "real values"),
        (LABELS, "class indices"),
        (LABELS + 1.0, "class indices"),
        (LABELS % 2, "0/1"),
        (np.where(LABELS == 2, -100, LABELS), "class indices"),
        (np.array([40, 90]), "real values"),
    ],
)
def test_what_an_array_looks_like(array: Any, expected: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    [found] = inspect([str(tmp_path / "x.npy")])
    assert found.looks_like == expected
    assert found.shape == array.shape
    assert found.rows == len(array)


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", [1.5, np.nan, np.inf, -np.inf, -2.0])
    [found] = inspect([str(tmp_path / "x.npy")])
    assert (found.nan, found.infinite, found.minimum, found.maximum) == (1, 2, -2.0, 1.5)
    (tmp_path / "t.csv").write_text("c0,c1\n1.5,2.5\nNA,1.0\n")
    [found] = inspect([str(tmp_path / "t.csv")], full=True)
    assert (found.missing, found.rows, found.shape) == (1, 1, (2, 2))


def test_a_sample_unless_all_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.evaluation.inspect._BLOCK_VALUES", 40)
    values = np.zeros((100, 4))
    values[99, 3] = 7.5
    pa.parquet.write_table(pa.table({"x": list(values), "y": np.arange(100)}), tmp_path / "t.pq")
    [sampled, _] = inspect([str(tmp_path / "t.pq")])
    assert (sampled.rows, sampled.maximum) == (10, 0.0)
    [whole, target] = inspect([str(tmp_path / "t.pq")], full=True)
    assert (whole.rows, whole.maximum) == (100, 7.5)
    assert (target.name, target.maximum) == ("y", 99.0)


def save(folder: Path, **arrays: Any) -> list[str]:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return [f"{name}.npy" for name in arrays]


MARKED = np.where(LABELS == 2, 255, LABELS)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"x": LOGITS, "y": LABELS}, "losscli ce x.npy y.npy"),
        ({"y": LABELS, "x": LOGITS}, "losscli ce x.npy y.npy"),
        ({"x": LOG_PROBABILITIES, "y": LABELS}, "losscli nll x.npy y.npy"),
        ({"x": PROBABILITIES, "y": LABELS}, "losscli nll x.npy y.npy --from probs"),
        ({"x": LOGITS, "y": MARKED}, "losscli ce x.npy y.npy --ignore-index 255"),
        ({"x": PROBABILITIES[:, 0], "y": LABELS % 2}, "losscli bce x.npy y.npy"),
        ({"x": LOGITS[:, 0], "y": LABELS % 2}, "losscli bce-with-logits x.npy y.npy"),
        ({"x": CERTAIN, "y": LABELS}, "losscli nll x.npy y.npy --from probs"),
        ({"x": LOGITS[:, 0], "y": LOGITS[:, 1]}, "losscli mse x.npy y.npy"),
        (
            {"x": LOGITS.reshape(6, 10, 4), "y": LABELS.reshape(6, 10)},
            "losscli ce x.npy y.npy --class-axis -1",
        ),
        ({"x": LOGITS}, None),
    ],
)
def test_the_probable_command_runs(
    arrays: dict[str, Any], expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = inspect(save(tmp_path, **arrays))
    assert proposal(found) == expected
    if expected is not None:
        assert main(shlex.split(expected)[1:]) == 0


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("digits.csv", "losscli ce digits.csv"),
        ("digits.parquet", "losscli ce digits.parquet"),
        ("breast_cancer.csv", "losscli bce breast_cancer.csv"),
        ("diabetes.csv", "losscli mse diabetes.csv -t measured"),
    ],
)
def test_tables(file: str, expected: str, samples: Path) -> None:
    assert proposal(inspect([file])) == expected
    assert main(shlex.split(expected)[1:]) == 0


def test_the_formats(
    samples: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["inspect", "digits_labels.npy", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "arrays": [
            {
                "file": "digits_labels.npy",
                "name": "",
                "shape": [450],
                "dtype": "int64",
                "rows": 450,
                "minimum": 0.0,
                "maximum": 9.0,
                "nan": 0,
                "infinite": 0,
                "missing": 0,
                "looks_like": "class indices",
                "marks": [],
                "columns": [],
            }
        ],
        "command": None,
        "warnings": [],
    }
    assert main(["inspect", "digits_logits.npy", "digits_labels.npy"]) == 0
    found = capsys.readouterr()
    header, *rows = found.out.splitlines()
    assert header.split("\t")[:5] == ["file", "array", "shape", "dtype", "looks like"]
    assert len(rows) == 2
    assert (
        found.err
        == "losscli: note: suggested command: losscli ce digits_logits.npy digits_labels.npy\n"
    )


def test_the_command_is_tried_on_the_first_rows_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "_BLOCK_VALUES", 1000)
    rows = "0.125,0.25,1\n" * 1_000_000
    (tmp_path / "t.csv").write_text(f"logit_0,logit_1,label\n{rows}0.5,seven,1\n")
    path = str(tmp_path / "t.csv")
    assert proposal(inspect([path])) == f"losscli ce {path}"


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal(columns: int) -> None:
    text = run_on_terminal([*COMMAND, "inspect", "breast_cancer.csv"], columns, cwd=SAMPLES)
    assert [line.rstrip() for line in text.splitlines()] == [
        "file      breast_cancer.csv: logit",
        "contains  (N,) float64, looks like real values",
        "range     -16.3764 to 9.32987 in the first 143 rows",
        "",
        "file      breast_cancer.csv: probability",
        "contains  (N,) float64, looks like probabilities",
        "range     7.72368e-08 to 0.999911 in the first 143 rows",
        "",
        "file      breast_cancer.csv: label",
        "contains  (N,) float64, looks like 0/1",
        "range     0 to 1 in the first 143 rows",
        "",
        "try       losscli bce breast_cancer.csv",
    ]


def test_a_long_row_is_looked_at_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.evaluation.inspect._BLOCK_VALUES", 10)
    monkeypatch.setattr("losscli.evaluation.inspect._MOST_ROW_VALUES", 50)
    x = np.arange(200.0).reshape(2, 100)
    np.save(tmp_path / "x.npy", x)
    [part] = inspect([str(tmp_path / "x.npy")])
    assert (part.minimum, part.maximum, part.rows) == (0.0, 9.0, 1)
    [whole] = inspect([str(tmp_path / "x.npy")], full=True)
    assert (whole.minimum, whole.maximum, whole.shape) == (0.0, 199.0, (2, 100))
    assert whole.rows == 2


def test_gaps_of_rows_looked_at_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.evaluation.inspect._BLOCK_VALUES", 2)
    monkeypatch.setattr("losscli.evaluation.inspect._MOST_ROW_VALUES", 4)
    x = [[1, 2, 3, 4, 5], None, [6, 7, 8, 9, 9]]
    pa.parquet.write_table(pa.table({"x": x}), tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("c0,c1,c2,c3,c4\n1,2,3,4,5\n1,2,,4,5\n6,7,8,9,9\n")
    for name in ("t.parquet", "t.csv"):
        [found] = inspect([str(tmp_path / name)], full=True)
        assert (found.rows, found.missing, found.shape) == (2, 1, (3, 5))
        assert (found.minimum, found.maximum) == (1.0, 9.0)


def test_a_row_beyond_any_image_is_looked_at_in_parts(tmp_path: Path) -> None:
    """The row is split, since a whole row and its intermediate results would take several times its
    memory."""
    np.save(tmp_path / "x.npy", np.zeros((1, 0)))
    content = (tmp_path / "x.npy").read_bytes()
    size = (1 << 24) + 8
    with (tmp_path / "x.npy").open("wb") as file:
        file.write(content.replace(b"(1, 0), }       ", f"(1, {size}), }}".encode().ljust(16)))
        file.seek(8 * (size - 1), os.SEEK_CUR)
        file.write(np.float64(7.5).tobytes())
    [found] = inspect([str(tmp_path / "x.npy")])
    assert (found.shape, found.rows, found.maximum) == ((1, size), 1, 0.0)


@pytest.mark.parametrize("full", [[], ["--full"]])
@pytest.mark.parametrize("damaged", ["x", "target"])
@pytest.mark.parametrize("old", [b"(3,)", np.float64(1.25).tobytes()], ids=["length", "checksum"])
def test_a_damaged_member_is_told(
    run: Run, tmp_path: Path, full: list[str], damaged: str, old: bytes
) -> None:
    path = tmp_path / "t.npz"
    arrays = {"x": [0.5, 0.5, 0.5], "target": [0.5, 0.5, 0.5], "names": ["a", "b", "c"]}
    np.savez(path, **{**arrays, damaged: [0.5, 1.25, 0.5], "y": [0.5]})
    content = path.read_bytes()
    at = content.index(old, content.index(f"{damaged}.npy".encode()))
    new = b"(4,)" if old == b"(3,)" else np.float64(1.75).tobytes()
    path.write_bytes(content[:at] + new + content[at + len(old) :])
    code, out, err = run("inspect", path, "-f", "json", *full)
    found = json.loads(out)
    assert code == 0
    assert {one["name"] for one in found["arrays"]} == {"x", "target", "y"} - {damaged}
    [warning] = found["warnings"]
    assert warning.startswith(f"{path}[{damaged}]: ")
    assert err == f"losscli: warning: {warning}\n"


def test_a_file_of_damaged_members_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, x=[0.5, 1.25, 0.5])
    path.write_bytes(path.read_bytes().replace(b"(3,)", b"(4,)"))
    code, out, err = run("inspect", path)
    assert (code, out) == (1, "")
    assert err.startswith(f"losscli: error: {path}[x]: ")


def test_what_is_no_number_is_left_out(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=[0.5], names=["a"], pairs=np.zeros(1, "f8,f8"))
    table = pa.table({"x": [0.5], "pair": [{"a": 1}], "words": [["a"]]})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    for name in ("t.npz", "t.parquet"):
        code, out, err = run("inspect", tmp_path / name, "-f", "json")
        assert (code, err) == (0, "")
        assert [one["name"] for one in json.loads(out)["arrays"]] == ["x"]


def test_columns_of_one_name_are_told_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,a,b\n1.5,2.5,3.5\n")
    code, out, err = run("inspect", tmp_path / "t.csv", "-f", "json")
    assert [one["name"] for one in json.loads(out)["arrays"]] == ["b"]
    assert (code, err) == (
        0,
        f"losscli: warning: {tmp_path}/t.csv: several columns are named 'a'\n",
    )


def test_the_options_of_a_look_belong_to_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("test;1.5;2.5\ntest;3.5;3.5\ntrain;9.5;8.5\n")
    words = ("--no-header", "--delimiter", ";", "--where", "0=test", "-f", "json")
    code, out, err = run("inspect", tmp_path / "t.txt", *words)
    assert (code, err) == (0, "")
    command = json.loads(out)["command"]
    assert command is None or "--where 0=test" in command
    code, _, err = run("inspect", tmp_path / "t.txt", "--where", "split=test", "--header")
    assert code == 1
    assert "--where split=test: no column 'split'" in err
