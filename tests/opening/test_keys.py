"""Keys of several columns and types, and tables that share a key in a different order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from losscli import evaluate
from losscli.errors import DataError, UsageError


class TestKeys:
    """|1-2|, |2-4|, |3-9| by the keys (u, i). The target has its rows in another order."""

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
        with pytest.raises(DataError, match=r"y.csv: no row for 2 keys .*\(2, 4\).*--join"):
            evaluate("l1", *files, id="id")
        found = evaluate("l1", *files, id="id", join="inner")
        assert (found.value, found.count) == (1.5, 2)
        assert [note for note in found.notes if "left out" in note] == [
            f"{files[0]}: left out 2 of 4 rows without a matching key",
            f"{files[1]}: left out 1 of 3 rows without a matching key",
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
        with pytest.raises(UsageError, match="cannot also be a column of"):
            evaluate("l1", *self.files(tmp_path), id="user", input_column="user")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ({"id": "user", "pair": "position"}, "Use one of them"),
            ({"join": "inner"}, "--join inner needs a key"),
            ({"pair": "order"}, "--pair: expected position, found 'order'"),
            ({"id": "user", "join": "outer"}, "--join: expected inner, found 'outer'"),
        ],
    )
    def test_ways_to_pair_that_exclude_each_other(
        self, words: dict[str, Any], message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match=message):
            evaluate("l1", *self.files(tmp_path), **words)


class TestSameRows:
    """Two tables without `--id`. Columns that both tables have show whether rows match."""

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
        assert "y.pq: row 1, column 'id': found 3, but 2 in" in found
        assert "Use --id id to pair rows by key, or --pair position" in found

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
