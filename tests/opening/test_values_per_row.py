"""Rows of a table are paired with rows, even if there are as many rows as columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Run

ROWS = {2: "a,b,y\n1,2,3\n4,5,6\n", 3: "a,b,y\n1,2,3\n4,5,6\n7,8,9\n"}


@pytest.fixture(params=ROWS, ids=lambda rows: f"{rows} rows")
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(ROWS[request.param])
    return path


@pytest.mark.parametrize("loss", ["mse", "bce", "soft-margin", "kl-div", "poisson-nll"])
def test_one_column_for_two_is_an_error(loss: str, table: Path, run: Run) -> None:
    code, out, err = run(loss, table, "-i", "a,b", "-t", "y", "--no-check")
    assert (code, out) == (1, "")
    assert "target has 1 value per row and input has 2. Choose columns" in err


def test_one_column_for_an_array_is_an_error(table: Path, run: Run) -> None:
    array = table.with_name("x.npy")
    np.save(array, np.ones((len(table.read_text().splitlines()) - 1, 2)))
    code, out, err = run("mse", array, table, "-t", "y")
    assert (code, out) == (1, "")
    assert "target has 1 value per row and input has 2" in err


def test_an_array_for_two_columns_is_an_error(table: Path, run: Run) -> None:
    array = table.with_name("y.npy")
    np.save(array, np.ones(len(table.read_text().splitlines()) - 1))
    code, out, err = run("mse", table, array, "-i", "a,b")
    assert (code, out) == (1, "")
    assert "target has 1 value per row and input has 2" in err


def test_a_weight_for_each_row_is_a_sample_weight(table: Path, run: Run) -> None:
    words = ("mse", table, "-i", "a,b", "-t", "b,a")
    code, out, err = run(*words, "--weight-column", "y")
    assert (code, out) == (1, "")
    assert "Use --sample-weight for a weight per row" in err
    assert run(*words, "--sample-weight-column", "y")[:2] == (0, "1.0\n")


def test_numbers_for_each_column_broadcast(table: Path, run: Run) -> None:
    """Two constants given as numbers are not a column of a table."""
    code, out, err = run("mse", table, "0,0", "-i", "a,b")
    squares = [int(cell) ** 2 for line in table.read_text().splitlines()[1:] for cell in line[:3:2]]
    assert (code, float(out)) == (0, pytest.approx(sum(squares) / len(squares)))
    assert "they are broadcast" in err
