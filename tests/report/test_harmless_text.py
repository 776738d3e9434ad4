"""Labels and column names that contain formulas or control characters."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import COMMAND, run_on_terminal
from hypothesis import given
from hypothesis import strategies as st
from tables import save_table

from losscli.text import harmless_cell, plain_markdown, printable

EVIL = "\x1b[31mred\x1b[0m[bold]b|*x*\u202e"


class TestText:
    @given(st.text())
    def test_nothing_printable_steers(self, text: str) -> None:
        shown = printable(text)
        assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in shown)
        assert "\u202e" not in shown
        shown.encode()

    @given(st.text(alphabet="aé日 1.5-_"))
    def test_what_is_harmless_stays(self, text: str) -> None:
        assert printable(text) == text

    @pytest.mark.parametrize(
        "text",
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", " =1", "\uff1d1", "\r\n\uff201", "\na"],
    )
    def test_no_cell_is_a_formula(self, text: str) -> None:
        assert harmless_cell(text) == "'" + text

    def test_markdown_shows_it_as_it_is(self) -> None:
        assert plain_markdown("<b>|[x](y)") == r"\<b\>\|\[x\](y)"
        assert plain_markdown("weight_sum _so_") == r"weight_sum \_so\_"


class TestNames:
    """Labels and column names that contain formulas or control characters."""

    @pytest.fixture
    def table(self, tmp_path: Path) -> Path:
        path = tmp_path / "t.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(
                [["part", "x", "y"], [EVIL, 1.5, 0.0], ["=1+1", 2.5, 0.0], ["b", 0.5, 0.0]]
            )
        return path

    def words(self, table: Path, form: str) -> list[object]:
        return ["l1", table, "-i", "x", "-t", "y", "--by", "part", "-q", "-f", form]

    def test_on_a_terminal(self, table: Path) -> None:
        words = [str(word) for word in self.words(table, "table")]
        shown = run_on_terminal([*COMMAND, *words], columns=100)
        assert "\\x1b[31mred\\x1b[0m[bold]b|*x*\\u202e" in shown
        assert "\x1b" not in shown

    def test_each_loss_on_a_terminal(self, tmp_path: Path) -> None:
        rows = f"{EVIL},b,label\n-0.5,-1.0,{EVIL}\n-2.0,-0.25,b\n"
        (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
        words = [*COMMAND, "nll", "t.csv", "-r", "none", "--no-check"]
        shown = run_on_terminal(words, columns=120, cwd=tmp_path)
        assert "\\x1b[31mred\\x1b[0m[bold]b|*x*\\u202e" in shown
        assert "\u202e" not in shown

    def test_in_a_pipe(self, run: Any, table: Path) -> None:
        _, groups = run(*self.words(table, "plain"))[1].split("\n\n")
        assert groups.splitlines()[2].startswith("\\x1b[31mred")

    def test_in_csv(self, run: Any, table: Path) -> None:
        _, groups = run(*self.words(table, "csv"))[1].split("\n\n")
        rows = list(csv.reader(io.StringIO(groups)))
        assert [row[0] for row in rows] == ["part", "'=1+1", EVIL, "b"]

    def test_in_markdown(self, run: Any, table: Path) -> None:
        _, groups = run(*self.words(table, "markdown"))[1].split("\n\n")
        assert r"\\x1b\[31mred\\x1b\[0m\[bold\]b\|\*x\*\\u202e" in groups.splitlines()[3]

    def test_in_json_it_is_itself(self, run: Any, table: Path) -> None:
        found = json.loads(run(*self.words(table, "json"))[1])
        assert found["groups"][1]["group"] == EVIL

    def test_in_errors(self, run: Any, tmp_path: Path) -> None:
        code, _, err = run("l1", tmp_path / f"{EVIL}.npy", "1")
        assert code == 1
        assert "\x1b" not in err
        assert "\\x1b[31mred" in err

    def test_in_files_of_losses(self, run: Any, table: Path, tmp_path: Path) -> None:
        path = tmp_path / "o.csv"
        assert run(*self.words(table, "plain"), "-o", path)[0] == 0
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert [row[2] for row in rows] == ["part", EVIL, "'=1+1", "b"]

    @pytest.mark.parametrize("name", ["=1+1", "@x", "\n=1", "\uff1d1"])
    def test_the_name_of_a_column_in_a_file_of_losses(
        self, name: str, run: Any, tmp_path: Path
    ) -> None:
        """Column names that start like formulas are prefixed with `'` in CSV output too."""
        table = pa.table({"x": [1.0, 2.0], "y": [0.0, 0.0], name: ["\n=2", "b"]})
        save_table(tmp_path / "t.parquet", table)
        words = ["l1", tmp_path / "t.parquet", "-i", "x", "-t", "y", "--by-column", name]
        assert run(*words, "-o", tmp_path / "o.csv")[0] == 0
        with (tmp_path / "o.csv").open(newline="", encoding="utf-8") as file:
            rows = [row[2] for row in csv.reader(file)]
        assert rows == [f"'{name}", "'\n=2", "b"]
