"""Columns that are shown with each element, and groups that are not columns."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

from losscli import Wanted, evaluate
from losscli.errors import DataError


class TestShownWithEachElement:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        (tmp_path / "p.csv").write_text("id,kind,pred\n007,a,1\nx,b,2\n9,a,4\n")
        (tmp_path / "y.csv").write_text("id,y\n9,9\n007,1\nx,0\n")
        return [tmp_path / "p.csv", tmp_path / "y.csv"]

    def test_the_worst_elements(self, files: list[Path], run: Run) -> None:
        words = ("l1", *files, "--id", "id", "--keep", "kind", "--top", "2", "-f", "json")
        top = json.loads(run(*words)[1])["top"]
        assert [one["keys"] for one in top] == [
            {"id": "9", "kind": "a"},
            {"id": "x", "kind": "b"},
        ]

    @pytest.mark.parametrize("kind", ["csv", "jsonl", "markdown"])
    def test_each_loss(self, kind: str, files: list[Path], run: Run) -> None:
        words = ("l1", *files, "--id", "id", "--keep", "kind", "-r", "none", "-f", kind)
        code, out, _ = run(*words)
        assert code == 0
        first = out.splitlines()[0]
        begins = {
            "csv": "id,kind,index",
            "jsonl": '{"id": "007", "kind": "a"',
            "markdown": "| id | kind",
        }
        assert first.startswith(begins[kind])

    def test_a_file(self, files: list[Path], tmp_path: Path, run: Run) -> None:
        words = ("l1", *files, "--id", "id", "--keep", "kind", "-o", tmp_path / "out.csv")
        assert run(*words)[0] == 0
        with (tmp_path / "out.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0])[:2] == ["id", "kind"]
        assert [(row["id"], float(row["loss"])) for row in rows] == [
            ("007", 0.0),
            ("x", 2.0),
            ("9", 5.0),
        ]

    def test_without_another_file(self, files: list[Path], run: Run) -> None:
        words = ("l1", files[0], "1,0,9", "--keep", "kind", "--id", "id", "-r", "none", "-f", "csv")
        assert run(*words)[1].splitlines()[1] == "007,a,0,1.0,0.0"

    def test_names_that_rows_have_already(self, tmp_path: Path, run: Run) -> None:
        (tmp_path / "t.csv").write_text("id,loss,key_loss,pred,y\n1,9,7,2,1\n")
        words = ("l1", tmp_path / "t.csv", "--keep", "loss", "--keep", "key_loss")
        for more in (("-r", "none", "-f", "csv"), ("-o", tmp_path / "out.csv")):
            code, out, err = run(*words, *more)
            assert code == 0, err
            text = out if "-f" in more else (tmp_path / "out.csv").read_text().replace('"', "")
            assert text.startswith("key_loss,key_key_loss,index,target")

    def test_without_elements_to_show(self, files: list[Path], run: Run) -> None:
        code, _, err = run("l1", *files, "--id", "id", "--keep", "kind")
        assert code == 2
        assert "Use it with --top, --output or --reduction none." in err

    def test_an_unknown_column(self, files: list[Path], run: Run) -> None:
        code, _, err = run("l1", *files, "--id", "id", "--keep", "kinds", "--top", "1")
        assert code == 1
        assert "--keep kinds: no such column" in err
        assert "Did you mean 'kind'?" in err


class TestGroupsWithoutAColumn:
    def test_by_the_column_of_the_input(self, tmp_path: Path, run: Run) -> None:
        (tmp_path / "p.csv").write_text("toxic,obscene\n0.5,4.5\n2.5,8.5\n")
        (tmp_path / "y.csv").write_text("obscene,toxic\n4,0.5\n6,2.5\n")
        code, out, _ = run(
            "l1", tmp_path / "p.csv", tmp_path / "y.csv", "--by", "column", "-f", "json"
        )
        assert code == 0
        groups = {one["group"]: (one["value"], one["count"]) for one in json.loads(out)["groups"]}
        assert groups == {"toxic": (0.0, 2), "obscene": (1.5, 2)}

    def test_by_the_column_of_an_array(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", [[1.0, 4.0], [3.0, 8.0]])
        found = evaluate("l1", tmp_path / "x.npy", np.zeros((2, 2)), wanted=Wanted(by="column"))
        assert {one.labels: one.value for one in found.groups or ()} == {("0",): 2.0, ("1",): 6.0}

    def test_by_the_column_of_steps(self, tmp_path: Path) -> None:
        path = tmp_path / "t.jsonl"
        path.write_text(
            '{"pred": [[1, 4], [3, 8]], "y": [[0, 0], [0, 0]]}\n{"pred": [[5, 9]], "y": [[0, 0]]}\n'
        )
        found = evaluate("l1", path, wanted=Wanted(by="column"))
        assert {one.labels: one.value for one in found.groups or ()} == {("0",): 3.0, ("1",): 7.0}

    @pytest.mark.parametrize("kind", ["csv", "npy"])
    def test_by_the_file(self, kind: str, tmp_path: Path) -> None:
        for number, values in enumerate(([1.0, 3.0], [5.0])):
            if kind == "csv":
                text = "pred,y\n" + "".join(f"{value},0\n" for value in values)
                (tmp_path / f"fold-{number}.csv").write_text(text)
            else:
                np.save(tmp_path / f"fold-{number}.npy", values)
        target = [] if kind == "csv" else [np.zeros(3)]
        pattern = str(tmp_path / f"fold-*.{kind}")
        found = evaluate("l1", pattern, *target, wanted=Wanted(by="file"))
        assert {one.labels: one.value for one in found.groups or ()} == {
            (str(tmp_path / f"fold-0.{kind}"),): 2.0,
            (str(tmp_path / f"fold-1.{kind}"),): 5.0,
        }

    @pytest.mark.parametrize("word", ["class", "column", "file"])
    def test_a_column_that_is_called_so(self, word: str, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text(f"{word},c0,c1,label\na,0,1,0\nb,1,0,1\n")
        with pytest.raises(DataError, match=f"has a column '{word}', but --by {word} groups by"):
            evaluate("ce", path, wanted=Wanted(by=word))
        found = evaluate("ce", path, wanted=Wanted(by_column=word))
        assert {one.labels for one in found.groups or ()} == {("a",), ("b",)}

    def test_a_loss_of_classes_has_no_columns(self, tmp_path: Path) -> None:
        with pytest.raises(
            DataError, match="--by column: expected an element-wise loss, found cross-entropy"
        ):
            evaluate("ce", [[0.0, 1.0]], [1], wanted=Wanted(by="column"))

    def test_an_input_of_one_axis_has_no_columns(self) -> None:
        with pytest.raises(
            DataError, match=r"--by column: expected an input with two axes, found shape \(2,\)"
        ):
            evaluate("l1", [0.0, 1.0], [1.0, 1.0], wanted=Wanted(by="column"))
