"""A column that is both input and target gives a warning, since its loss is meaningless."""

from __future__ import annotations

from pathlib import Path

from conftest import Run


def test_a_column_that_is_input_and_target(tmp_path: Path, run: Run) -> None:
    (tmp_path / "t.csv").write_text("s,y\n1,2\n3,5\n")
    code, out, err = run("mse", tmp_path / "t.csv", "-i", "s", "-t", "s")
    assert (code, out) == (0, "0.0\n")
    assert "warning: " in err
    assert "input and target are the same column, s" in err
    assert run("mse", tmp_path / "t.csv", "-i", "s", "-t", "s", "--strict")[0] == 1


def test_the_same_name_in_two_files_is_another_column(tmp_path: Path, run: Run) -> None:
    for name, rows in (("a.csv", "s\n1\n3\n"), ("b.csv", "s\n2\n5\n")):
        (tmp_path / name).write_text(rows)
    code, out, err = run("mse", tmp_path / "a.csv", tmp_path / "b.csv")
    assert (code, out) == (0, "2.5\n")
    assert "same column" not in err
