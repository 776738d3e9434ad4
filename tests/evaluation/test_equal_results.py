"""The same elements give the same bits, regardless of further options and of how they are
stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import Run

from losscli import Result, Wanted, compare, evaluate
from losscli.evaluation import blocks

ROWS, CLASSES = 211, 5

Files = dict[str, Any]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 8 rows, so that there are many blocks."""
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 8 * CLASSES)


pytestmark = pytest.mark.usefixtures("small_blocks")


def columns() -> dict[str, Any]:
    """Logits, labels, a group, a cluster and a weight for each row. Their sums are not exact in
    float64."""
    rng = np.random.default_rng(9)
    scale = 10.0 ** rng.integers(-3, 3, (ROWS, 1))
    x = rng.normal(size=(ROWS, CLASSES)) * scale
    found: dict[str, Any] = {f"x{c}": x[:, c] for c in range(CLASSES)}
    found |= {"y": rng.integers(CLASSES, size=ROWS), "part": rng.integers(0, 4, ROWS)}
    return found | {"doc": rng.integers(0, 40, ROWS), "s": rng.uniform(0, 2, ROWS)}


def logits(data: dict[str, Any]) -> Any:
    return np.stack([data[f"x{c}"] for c in range(CLASSES)], axis=1)


def saved(data: dict[str, Any], folder: Path, order: Any = "C") -> Files:
    """Save the arrays as .npy files."""
    folder.mkdir(exist_ok=True)
    arrays = {"input": logits(data), **{name: data[name] for name in ("y", "part", "doc", "s")}}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.asarray(array, order=order))
    return {name: str(folder / f"{name}.npy") for name in arrays}


def of_files(files: Files, reduction: str = "mean", **settings: Any) -> Result:
    """The loss with all statistics that do not report positions."""
    asked = {"by": (files["part"],), "cluster": files["doc"], "accuracy": True}
    asked |= {"quantiles": ("0.5", "0.9"), "histogram": True, **settings.pop("asked", {})}
    given = {"sample_weight": files["s"], **settings}
    wanted = Wanted(**asked)
    return evaluate("ce", files["input"], files["y"], reduction=reduction, wanted=wanted, **given)


def facts(result: Result) -> str:
    """Everything that a result reports except positions, with groups by label. repr shows every
    bit."""
    names = ("value", "ci", "weight_sum", "count", "ignored", "samples", "reference", "perplexity")
    further = (result.accuracy, result.quantiles, result.histogram, groups(result))
    return repr(([getattr(result, name) for name in names], further))


def groups(result: Result) -> list[Any]:
    return [
        (one.labels, one.value, one.ci, one.count, one.samples, one.share, one.sum)
        for one in result.groups or ()
    ]


def shuffled(data: dict[str, Any]) -> dict[str, Any]:
    order = np.random.default_rng(1).permutation(ROWS)
    return {name: column[order] for name, column in data.items()}


def in_fortran_order(folder: Path) -> Files:
    return saved(columns(), folder, order="F")


def in_another_order(folder: Path) -> Files:
    return saved(shuffled(columns()), folder)


def in_uneven_shards(folder: Path) -> Files:
    """Shards of 1, 99, 3 and 108 rows, in a folder for each array, as globs."""
    cuts = [0, 1, 100, 103, ROWS]
    for number in range(4):
        part = {name: one[cuts[number] : cuts[number + 1]] for name, one in columns().items()}
        saved(part, folder / f"{number}")
    whole = saved(columns(), folder / "whole")
    names = ("input", "y", "s")
    return whole | {name: str(folder / "[0-9]" / f"{name}.npy") for name in names}


STORED: dict[str, Callable[[Path], Files]] = {
    "Fortran order": in_fortran_order,
    "another order of rows": in_another_order,
    "uneven shards": in_uneven_shards,
}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("how", STORED)
def test_however_arrays_are_stored(how: str, reduction: str, tmp_path: Path) -> None:
    expected = of_files(saved(columns(), tmp_path / "expected"), reduction)
    found = of_files(STORED[how](tmp_path), reduction)
    assert facts(found) == facts(expected)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow", "jsonl"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_whatever_the_format(suffix: str, shuffle: bool, tmp_path: Path) -> None:
    """All formats contain the same float64 values. Text has the shortest form of each number."""
    data = shuffled(columns()) if shuffle else columns()
    table, path = pa.table(data), tmp_path / f"t.{suffix}"
    rows = table.to_pylist()
    if suffix == "parquet":
        pa.parquet.write_table(table, path, row_group_size=17)
    elif suffix == "arrow":
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=23)
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        lines = [",".join(data), *(",".join(map(repr, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    wanted = Wanted(
        by=("part",), cluster="doc", accuracy=True, quantiles=("0.5", "0.9"), histogram=True
    )
    found = evaluate(
        "ce",
        str(path),
        input_column=[f"x{c}" for c in range(CLASSES)],
        target_column="y",
        sample_weight_column="s",
        class_base=0,
        wanted=wanted,
    )
    expected = of_files(saved(columns(), tmp_path / "expected"))
    as_text = suffix in ("csv",)  # a label is the text in the file
    for one, other in zip(groups(found), groups(expected), strict=True):
        label = (str(other[0][0]),) if as_text else other[0]
        assert one == (label, *other[1:])
    for name in ("value", "ci", "weight_sum", "accuracy", "quantiles", "histogram", "reference"):
        assert getattr(found, name) == getattr(expected, name)


FURTHER: dict[str, dict[str, Any]] = {
    "nothing": {"asked": {"by": (), "accuracy": False, "quantiles": (), "histogram": False}},
    "no groups": {"asked": {"by": ()}},
    "groups by class": {"asked": {"by": ("class",)}},
    "the worst": {"asked": {"top": 5}},
    "no quantiles": {"asked": {"quantiles": (), "histogram": False}},
    "no accuracy": {"asked": {"accuracy": False}},
    "no checks": {"check": False},
    "a mask of ones": {"mask": np.ones(ROWS)},
    "NaN skipped": {"on_nan": "skip"},
    "1 thread": {"threads": 1},
    "2 threads": {"threads": 2},
    "3 threads": {"threads": 3},
}


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("further", FURTHER)
def test_whatever_else_is_asked_for(further: str, reduction: str, tmp_path: Path) -> None:
    files = saved(columns(), tmp_path)
    expected = of_files(files, reduction)
    found = of_files(files, reduction, **FURTHER[further])
    for name in ("value", "ci", "weight_sum", "count", "samples", "reference", "perplexity"):
        assert getattr(found, name) == getattr(expected, name)
    for name in ("accuracy", "quantiles", "histogram"):
        assert getattr(found, name) in (getattr(expected, name), None)
    if found.by == expected.by:
        assert groups(found) == groups(expected)


@pytest.mark.parametrize("words", [[], ["--output", "o.npy"], ["--output", "o.csv"], ["-j", "3"]])
@pytest.mark.parametrize("form", ["plain", "json", "csv"])
def test_whatever_is_written(
    words: list[str], form: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = saved(columns(), tmp_path)
    monkeypatch.chdir(tmp_path)
    value = evaluate("ce", files["input"], files["y"]).value
    code, out, _ = run("ce", files["input"], files["y"], "-f", form, *words)
    numbers = {
        "plain": lambda: float(out),
        "json": lambda: json.loads(out)["value"],
        "csv": lambda: float(out.splitlines()[1].split(",")[2]),
    }
    assert (code, numbers[form]()) == (0, value)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_comparison(threads: int, tmp_path: Path) -> None:
    """For any number of threads and any order of rows."""
    expected = compared(saved(columns(), tmp_path / "expected"), 1)
    assert compared(saved(columns(), tmp_path), threads) == expected
    assert compared(saved(shuffled(columns()), tmp_path), threads) == expected


def compared(files: Files, threads: int) -> str:
    wanted = Wanted(by=(files["part"],), cluster=files["doc"])
    other = np.tanh(np.load(files["input"]))
    found = compare("ce", files["input"], other, files["y"], wanted=wanted, threads=threads)
    rows = [(one.labels, one.value, one.ci, one.sum) for one in found.groups or ()]
    both = [(one.value, one.ci) for one in (found.a, found.b)]
    return repr((found.difference, found.ci, found.wins, rows, both))
