"""Conditions filter the rows of all files of a request."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from conftest import Run

from losscli import Wanted, evaluate
from losscli.errors import DataError, UsageError
from losscli.readers.tables.selection import RowStream
from losscli.readers.tables.where import Where

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
        """Rows of arrays, tables and masks that are paired with the table by position are filtered
        too."""
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
        """Keys need to be unique only among the rows that are kept."""
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
            ("split=tset", "--where split=tset matches none of 5 rows"),
            ("kind=a", "--where kind: no such column; the columns are split"),
        ],
    )
    def test_conditions_that_cannot_be_meant(
        self, condition: str, message: str, table: Path
    ) -> None:
        with pytest.raises(DataError, match=message):
            evaluate("mse", table, where=condition)

    def test_a_column_that_two_files_have(self, table: Path, tmp_path: Path) -> None:
        (tmp_path / "y.csv").write_text("split,truth\n" + "a,1\n" * 5)
        with pytest.raises(DataError, match=r"--where split: .*t.csv, .*y.csv have"):
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
