"""Names of the classes 0 and 1, such as no and yes, for the binary losses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

BY_HAND = -(math.log(0.9) + math.log(0.8) + math.log(0.7)) / 3


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("p,label\n0.9,yes\n0.2,no\n0.7,yes\n")
    return path


@pytest.mark.parametrize("loss", ["bce", "bce-with-logits", "focal"])
def test_names_are_0_and_1(loss: str, table: Path, run: Run) -> None:
    code, out, _ = run(loss, table, "-i", "p", "-t", "label", "--classes", "no,yes")
    assert (code, out) == run(loss, "0.9,0.2,0.7", "1,0,1")[:2]
    if loss == "bce":
        assert float(out) == pytest.approx(BY_HAND, rel=1e-14)


def test_the_order_of_the_names_counts(table: Path, run: Run) -> None:
    out = run("bce", table, "--classes", "yes,no")[1]
    assert float(out) == pytest.approx(-(math.log(0.1) + math.log(0.2) + math.log(0.3)) / 3)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "column 'label': expected 0 or 1, found text. Use --classes no,yes if 'no' is 0"),
        (["--classes", "a,b,c"], "--classes: expected 2 names, for 0 and 1, found 3"),
        (["--classes", "no,ja"], "t.csv:2: column 'label': expected one of no, ja, found 'yes'"),
    ],
)
def test_other_names_are_errors(words: list[str], line: str, table: Path, run: Run) -> None:
    code, out, err = run("bce", table, *words)
    assert (code, out) == (1, "")
    assert line in err


@pytest.mark.parametrize("names", ["1,0", "5,7", "True,False"])
def test_numbers_are_no_names_of_numbers(names: str, tmp_path: Path, run: Run) -> None:
    """Such names were ignored, and `--by class` showed the losses of the other class."""
    (tmp_path / "t.csv").write_text("s,label\n0.5,1\n1.2,0\n")
    code, out, err = run("bce-with-logits", tmp_path / "t.csv", "-i", "s", "--classes", names)
    assert (code, out) == (1, "")
    assert "and the labels are numbers too. Leave out --classes." in err


def test_groups_and_rows_have_the_names(table: Path, run: Run) -> None:
    words = ("bce", table, "--classes", "no,yes", "-q")
    rows = run(*words, "-r", "none", "-f", "csv")[1].splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == ["yes", "no", "yes"]


def test_numbers_need_no_names(tmp_path: Path, run: Run) -> None:
    np.save(tmp_path / "p.npy", [0.9, 0.2, 0.7])
    out = run("bce", tmp_path / "p.npy", "1,0,1", "--classes", "no,yes")[1]
    assert float(out) == pytest.approx(BY_HAND, rel=1e-14)
