"""Rows of several files, paired by a key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

import losscli
from losscli import evaluate
from losscli.errors import DataError

NAMES = ["cat", "dog", "bird"]
X = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40) % 3
EXPECTED = losscli.cross_entropy(X, Y)


def columns() -> pa.Table:
    return pa.table({**{name: X[:, i] for i, name in enumerate(NAMES)}, "label": Y})


class TestPairing:
    def test_by_key_in_any_order(self, tmp_path: Path) -> None:
        order = np.random.default_rng(0).permutation(40)
        keys = [f"k{i}" for i in range(40)]
        inputs = columns().drop_columns("label").append_column("id", pa.array(keys))
        pa.parquet.write_table(inputs, tmp_path / "x.parquet")
        table = pa.table({"id": [keys[i] for i in order], "label": Y[order]})
        pa.csv.write_csv(table, tmp_path / "y.csv")
        paths = tmp_path / "x.parquet", tmp_path / "y.csv"
        found = evaluate("ce", *paths, id="id")
        assert found.value == pytest.approx(EXPECTED, rel=1e-12)
        assert found.pairing == "id id"
        with pytest.raises(DataError, match="y.csv:2: column 'id': .* Use --id id to pair"):
            evaluate("ce", *paths)
        unpaired = evaluate("ce", *paths, pair="position")
        assert unpaired.value != found.value
        assert unpaired.pairing == "position"

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ([0, 1, 1], r"y.csv: 1 duplicate key \(1\)"),
            ([0, 1, 7], r"y.csv: no row for 1 key of .*x.csv \(2\)"),
            ([0, 1], r"y.csv: no row for 1 key of .*x.csv \(2\)"),
            ([0, 1, 2, 3, 4], r"x.csv: no row for 2 keys of .*y.csv \(3, 4\)"),
        ],
    )
    def test_keys_that_do_not_pair(self, keys: list[int], expected: str, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("k,x\n0,1.5\n1,2.5\n2,3.5\n")
        rows = "".join(f"{key},0\n" for key in keys)
        (tmp_path / "y.csv").write_text(f"k,label\n{rows}")
        with pytest.raises(DataError, match=expected):
            evaluate(
                "l1",
                tmp_path / "x.csv",
                tmp_path / "y.csv",
                input_column="x",
                target_column="label",
                id="k",
            )

    def test_large_rows_wait_on_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("losscli.readers.tables.reordered._MEMORY_BYTES", 10)
        x = pa.table({"k": [0, 1, 2], "x": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]})
        y = pa.table({"k": [2, 0, 1], "y": [[5.0, 6.0], [1.0, 2.0], [3.0, 5.0]]})
        pa.parquet.write_table(x, tmp_path / "x.parquet")
        pa.parquet.write_table(y, tmp_path / "y.parquet")
        found = evaluate(
            "l1",
            tmp_path / "x.parquet",
            tmp_path / "y.parquet",
            id="k",
            input_column="x",
            target_column="y",
            reduction="none",
        )
        np.testing.assert_array_equal(found.values, [[0, 0], [0, 1], [0, 0]])
