"""Which rows count and which belong together: `--where`, `--id`, `--join`, `--pair`, `--keep`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from conftest import Run

from losscli import Wanted, evaluate
from losscli.errors import DataError, UsageError
from losscli.readers.where import RowStream, Where

# (1-2)², (2-2)², (4-1)², (8-8)², (0-1)²
TABLE = """split,fold,pred,y
train,0,1,2
test,0,2,2
test,1,4,1
dev,1,8,8
,2,0,1
"""
SQUARES = [1.0, 0.0, 9.0, 0.0, 1.0]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


class TestWhere:
    @pytest.mark.parametrize(
        ("conditions", "rows"),
        [
            (["split=test"], [1, 2]),
            (["split=test,dev"], [1, 2, 3]),
            (["split!=test"], [0, 3, 4]),
            (["split="], [4]),
            (["split!="], [0, 1, 2, 3]),
            (["split=test", "fold=1"], [2]),
            (["fold!=0"], [2, 3, 4]),
        ],
    )
    def test_rows_are_kept_by_their_labels(
        self, conditions: list[str], rows: list[int], table: Path
    ) -> None:
        found = evaluate("mse", table, where=conditions)
        assert found.value == np.mean([SQUARES[row] for row in rows])
        assert (found.count, found.ignored, found.samples) == (len(rows), 0, len(rows))
        assert found.selected is not None
        assert (found.selected.kept, found.selected.dropped) == (len(rows), 5 - len(rows))

    @pytest.mark.parametrize("kind", ["parquet", "arrow", "jsonl"])
    def test_the_types_of_other_formats(self, kind: str, tmp_path: Path) -> None:
        columns = {
            "fold": [0, 1, 2, 10],
            "share": [0.5, 1.0, 2.5, 1.0],
            "ok": [True, False, True, True],
            "pred": [1.0, 2.0, 3.0, 4.0],
            "y": [0.0] * 4,
        }
        path = tmp_path / f"t.{kind}"
        if kind == "jsonl":
            rows = zip(*columns.values(), strict=True)
            path.write_text(
                "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows)
            )
        elif kind == "parquet":
            pa.parquet.write_table(pa.table(columns), path)
        else:
            pa.feather.write_feather(pa.table(columns), str(path))
        assert evaluate("l1", path, where=["fold=1,10"], input_column="pred").value == 3.0
        assert evaluate("l1", path, where=["share=1.0"], input_column="pred").value == 3.0
        assert evaluate("l1", path, where=["ok=True"], input_column="pred").value == 8 / 3

    def test_rows_of_other_files_are_left_out_too(self, table: Path, tmp_path: Path) -> None:
        """Arrays, tables and masks whose rows are paired with the table's by position."""
        np.save(tmp_path / "y.npy", [2.0, 2.0, 1.0, 8.0, 1.0])
        (tmp_path / "y.csv").write_text("truth\n2\n2\n1\n8\n1\n")
        np.save(tmp_path / "mask.npy", [1, 1, 0, 1, 1])
        for target in ("y.npy", "y.csv"):
            found = evaluate(
                "mse", input=table, target=tmp_path / target, where="split!=train", reduction="none"
            )
            assert found.values is not None
            assert found.values.tolist() == SQUARES[1:]
        masked = evaluate("mse", table, mask=tmp_path / "mask.npy", where="split=test,dev")
        assert (masked.value, masked.count, masked.ignored) == (0.0, 2, 1)

    def test_the_rows_of_an_array_far_apart(self, tmp_path: Path) -> None:
        keep = [3, 400, 401, 999]
        split = ["a" if row in keep else "b" for row in range(1000)]
        pa.parquet.write_table(
            pa.table({"split": split, "pred": np.arange(1000.0)}), tmp_path / "t.pq"
        )
        np.save(tmp_path / "y.npy", np.zeros(1000))
        found = evaluate(
            "l1", tmp_path / "t.pq", tmp_path / "y.npy", where="split=a", reduction="sum"
        )
        assert found.value == sum(keep)

    def test_what_is_dropped_may_hold_anything(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("split,p_a,p_b,label\ntrain,.5,.5,?\ntest,.25,.75,b\n")
        found = evaluate("nll", tmp_path / "t.csv", where="split=test", from_="probs")
        assert found.value == pytest.approx(-np.log(0.75))
        (tmp_path / "n.csv").write_text("split,pred,y\ntrain,1,?\ntest,2,3\ntest,2,2\n")
        assert evaluate("mse", tmp_path / "n.csv", where="split=test").value == 0.5

    def test_rows_are_dropped_before_they_are_paired(self, tmp_path: Path) -> None:
        """Ids are unique only among the rows that are kept."""
        (tmp_path / "p.csv").write_text("id,model,pred\n1,a,1\n1,b,9\n2,a,2\n2,b,9\n")
        (tmp_path / "y.csv").write_text("id,y\n2,2\n1,4\n")
        files = tmp_path / "p.csv", tmp_path / "y.csv"
        assert evaluate("l1", *files, id="id", where="model=a").value == 1.5
        with pytest.raises(DataError, match=r"p.csv: 2 duplicate keys \(1, 2\)"):
            evaluate("l1", *files, id="id")

    def test_keys_of_dropped_rows_are_not_missing(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text("id,pred\n1,1\n2,2\n3,3\n")
        (tmp_path / "y.csv").write_text("id,usage,y\n3,Public,5\n1,Private,0\n2,Public,2\n")
        files = tmp_path / "p.csv", tmp_path / "y.csv"
        found = evaluate("l1", *files, id="id", where="usage=Public", target_column="y")
        assert (found.value, found.count) == (1.0, 2)

    def test_labels_of_groups_follow(self, table: Path, tmp_path: Path) -> None:
        np.save(tmp_path / "g.npy", [7, 7, 8, 8, 8])
        wanted = Wanted(by=(str(tmp_path / "g.npy"),))
        found = evaluate("mse", table, where="split!=train", wanted=wanted)
        assert {one.labels: one.value for one in found.groups or ()} == {(7,): 0.0, (8,): 10 / 3}

    def test_a_second_table_that_is_shorter(self, table: Path, tmp_path: Path) -> None:
        for rows in (4, 6):
            (tmp_path / "y.csv").write_text("truth\n" + "1\n" * rows)
            with pytest.raises(DataError, match="rows"):
                evaluate("mse", input=table, target=tmp_path / "y.csv", where="split=train,test")
            np.save(tmp_path / "y.npy", np.ones(rows))
            with pytest.raises(DataError, match="rows"):
                evaluate("mse", input=table, target=tmp_path / "y.npy", where="split=train,test")

    def test_it_stands_in_the_result(self, table: Path, run: Run) -> None:
        code, out, _ = run("mse", table, "--where", "split=test", "-f", "json")
        record = json.loads(out)
        assert code == 0
        assert record["selected"] == {"where": ["split=test"], "kept": 2, "dropped": 3}
        assert "|where:split=test|dropped:3|count:2|" in record["signature"]

    @pytest.mark.parametrize(
        ("condition", "message"),
        [
            ("split=tset", "--where split=tset keeps none of 5 rows"),
            ("kind=a", "--where kind: found no such column; the columns are split"),
        ],
    )
    def test_conditions_that_cannot_be_meant(
        self, condition: str, message: str, table: Path
    ) -> None:
        with pytest.raises(DataError, match=message):
            evaluate("mse", table, where=condition)

    def test_a_column_that_two_files_have(self, table: Path, tmp_path: Path) -> None:
        (tmp_path / "y.csv").write_text("split,truth\n" + "a,1\n" * 5)
        with pytest.raises(DataError, match=r"--where split: both .*t.csv and .*y.csv have"):
            evaluate("mse", input=table, target=tmp_path / "y.csv", where="split=a")

    def test_no_condition(self, table: Path) -> None:
        with pytest.raises(UsageError, match="expected COLUMN=VALUE or COLUMN!=VALUE"):
            evaluate("mse", table, where="split")

    def test_any_cut_of_a_stream_is_the_same(self) -> None:
        masks = [np.array(one, bool) for one in ([1, 0, 1], [], [0, 0], [1])]
        for size in range(1, 8):
            stream = RowStream("t", iter(masks))
            taken = [stream.take(size) for _ in range(8)]
            assert np.concatenate(taken).tolist() == [True, False, True, False, False, True]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a=b", Where("a", ("b",))),
            ("a!=b,c", Where("a", ("b", "c"), negated=True)),
            ("a b=", Where("a b", ("",))),
        ],
    )
    def test_a_condition_reads_as_it_was_typed(self, text: str, expected: Where) -> None:
        assert Where.parsed(text) == expected
        assert str(expected) == text


class TestKeys:
    """|1-2|, |2-4|, |3-9| by the keys (u, i), whose rows are in another order in the target."""

    def files(self, folder: Path) -> tuple[Path, Path]:
        (folder / "p.csv").write_text("user,item,pred\nu,1,1\nu,2,2\nv,1,3\n")
        (folder / "y.csv").write_text("item,user,y\n1,v,9\n1,u,2\n2,u,4\n")
        return folder / "p.csv", folder / "y.csv"

    def test_a_key_of_several_columns(self, tmp_path: Path) -> None:
        found = evaluate("l1", *self.files(tmp_path), id="user,item", reduction="none")
        assert found.values is not None
        assert found.values.tolist() == [1.0, 2.0, 6.0]
        assert found.pairing == "id user,item"

    def test_a_column_called_with_a_comma(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text('"a,b",pred\n1,1\n2,2\n')
        (tmp_path / "y.csv").write_text('"a,b",y\n2,2\n1,5\n')
        assert evaluate("l1", tmp_path / "p.csv", tmp_path / "y.csv", id="a,b").value == 2.0

    def test_rows_without_a_partner(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text("id,pred\n1,1\n2,2\n3,3\n4,4\n")
        (tmp_path / "y.csv").write_text("id,y\n9,0\n3,5\n1,0\n")
        files = tmp_path / "p.csv", tmp_path / "y.csv"
        with pytest.raises(DataError, match=r"y.csv: found no row for 2 keys .*\(2, 4\).*--join"):
            evaluate("l1", *files, id="id")
        found = evaluate("l1", *files, id="id", join="inner")
        assert (found.value, found.count) == (1.5, 2)
        assert [note for note in found.notes if "left out" in note] == [
            f"{files[0]}: left out 2 of 4 rows, whose key has no partner",
            f"{files[1]}: left out 1 of 3 rows, whose key has no partner",
        ]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (pa.array([1, 2, 3]), pa.array([3.0, 1.0, 2.0])),
            (pa.array(["1", "2", "3"]), pa.array([3, 1, 2])),
            (pa.array([1, 2, 3]).cast(pa.int8()), pa.array([3, 1, 2], pa.uint64())),
            (pa.array(["a", "b", "c"]).dictionary_encode(), pa.array(["c", "a", "b"])),
        ],
    )
    def test_keys_of_other_types(self, first: pa.Array, second: pa.Array, tmp_path: Path) -> None:
        pa.parquet.write_table(pa.table({"id": first, "pred": [1.0, 2.0, 4.0]}), tmp_path / "p.pq")
        pa.parquet.write_table(pa.table({"id": second, "y": [4.0, 1.0, 2.0]}), tmp_path / "y.pq")
        assert evaluate("l1", tmp_path / "p.pq", tmp_path / "y.pq", id="id").value == 0.0

    def test_a_key_is_no_data(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="a key is never data"):
            evaluate("l1", *self.files(tmp_path), id="user", input_column="user")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ({"id": "user", "pair": "position"}, "give one"),
            ({"join": "inner"}, "--join inner needs the key"),
            ({"pair": "order"}, "--pair is 'order'; expected position"),
            ({"id": "user", "join": "outer"}, "--join is 'outer'; expected inner"),
        ],
    )
    def test_ways_to_pair_that_exclude_each_other(
        self, words: dict[str, Any], message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match=message):
            evaluate("l1", *self.files(tmp_path), **words)


class TestSameRows:
    """Two tables without `--id`: columns that both have say whether rows are the same."""

    def refused(self, tmp_path: Path, first: dict[str, Any], second: dict[str, Any]) -> str | None:
        size = len(next(iter(first.values())))
        pa.parquet.write_table(pa.table({**first, "pred": [1.0] * size}), tmp_path / "p.pq")
        pa.parquet.write_table(pa.table({**second, "y": [2.0] * size}), tmp_path / "y.pq")
        files = tmp_path / "p.pq", tmp_path / "y.pq"
        try:
            assert evaluate("l1", *files).value == 1.0
        except DataError as error:
            assert evaluate("l1", *files, pair="position").value == 1.0
            return str(error)
        return None

    def test_a_key_in_another_order(self, tmp_path: Path) -> None:
        found = self.refused(tmp_path, {"id": [1, 2, 3]}, {"id": [1, 3, 2]})
        assert found is not None
        assert "y.pq: row 1, column 'id': found 3, and 2 in" in found
        assert "Use --id id to pair rows by their key, or --pair position" in found

    def test_other_keys(self, tmp_path: Path) -> None:
        assert self.refused(tmp_path, {"user_id": [1, 2]}, {"user_id": [1, 3]})
        assert self.refused(tmp_path, {"Id": ["a", "b"]}, {"id": ["b", "a"]})
        assert self.refused(tmp_path, {"row": [0.0, 1.0]}, {"row": [1.0, 0.0]})

    def test_the_same_values_in_another_order(self, tmp_path: Path) -> None:
        assert self.refused(tmp_path, {"name": ["a", "b", "c"]}, {"name": ["c", "a", "b"]})
        assert self.refused(tmp_path, {"fold": [0, 0, 1]}, {"fold": [0, 1, 0]})

    def test_columns_that_are_no_keys_may_differ(self, tmp_path: Path) -> None:
        assert self.refused(tmp_path, {"name": ["a", "b"]}, {"name": ["a", "c"]}) is None
        assert self.refused(tmp_path, {"id": [1, 2]}, {"id": [1, 2]}) is None
        assert self.refused(tmp_path, {"id": [1, 2]}, {"id": [1.0, 2.0]}) is None
        assert self.refused(tmp_path, {"id": [1, None]}, {"id": [1, None]}) is None

    def test_a_difference_behind_many_rows(self, tmp_path: Path) -> None:
        size = 300_000
        names = [f"n{row}" for row in range(size)]
        other = [*names[:-2], names[-1], names[-2]]
        assert self.refused(tmp_path, {"name": names}, {"name": names}) is None
        found = self.refused(tmp_path, {"name": names}, {"name": other})
        assert found is not None
        assert f"row {size - 2}, column 'name'" in found


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
        assert "--keep kinds: found no column called so" in err
        assert "did you mean kind?" in err


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
        with pytest.raises(DataError, match=f"has a column '{word}', and --by {word} groups by"):
            evaluate("ce", path, wanted=Wanted(by=word))
        found = evaluate("ce", path, wanted=Wanted(by_column=word))
        assert {one.labels for one in found.groups or ()} == {("a",), ("b",)}

    def test_a_loss_of_classes_has_no_columns(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="--by column groups the losses of several columns"):
            evaluate("ce", [[0.0, 1.0]], [1], wanted=Wanted(by="column"))
