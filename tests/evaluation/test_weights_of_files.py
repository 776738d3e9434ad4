"""Sample weights from files and columns, in commands and comparisons."""

from __future__ import annotations

import json
import math
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import Run

from losscli import compare, evaluate
from losscli.errors import DataError, UsageError
from losscli.evaluation import blocks

# Logits of three classes, and the loss of each row computed by hand.
X = np.log([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.25, 0.5, 0.25]])


Y = np.array([0, 1, 0, 1])


LOSS = np.log([2.0, 4.0, 4.0, 2.0])


# The 97.5% quantile of Student's t with 2 degrees of freedom, in closed form.
T_2 = 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))


class TestRefused:
    @pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("check", [True, False])
    def test_no_weight(self, wrong: float, check: bool, tmp_path: Path) -> None:
        path = tmp_path / "s.npy"
        np.save(path, [1.0, 2.0, wrong, wrong])
        expected = (
            rf"s.npy: sample_weight in row 2 is {wrong}; expected a finite number of at least"
        )
        with pytest.raises(DataError, match=expected):
            evaluate("ce", X, Y, sample_weight=str(path), check=check)

    def test_the_place_along_all_axes(self) -> None:
        s = np.ones((3, 2))
        s[1, 1] = -1.0
        for block_values in (1, 100):
            with (
                mock.patch.object(blocks, "BLOCK_VALUES", block_values),
                pytest.raises(DataError, match=r"sample_weight at \[1, 1\] is -1.0"),
            ):
                evaluate("mse", np.ones((3, 2)), np.zeros((3, 2)), sample_weight=s)
        with pytest.raises(DataError, match=r"sample_weight at \[0, 1\] is -1"):
            evaluate("mse", np.ones((3, 2)), np.zeros((3, 2)), sample_weight=[[1, -1]])

    def test_shapes(self) -> None:
        with pytest.raises(DataError, match=r"sample_weight has shape \(3,\); expected the shape"):
            evaluate("ce", X, Y, sample_weight=[1, 2, 3])

    def test_batchmean(self, run: Run) -> None:
        words = ("kl-div", "0,-1", "0.5,0.5", "-r", "batchmean")
        code, out, err = run(*words, "--sample-weight", "1,2")
        assert (code, out) == (2, "")
        assert "--sample-weight cannot be combined with --reduction batchmean" in err
        with pytest.raises(UsageError, match="--sample-weight-column cannot be combined with"):
            evaluate("kl-div", "x.csv", reduction="batchmean", sample_weight_column="s")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.parquet"
    columns = {f"p{c}": X[:, c] for c in range(3)} | {"label": Y, "s": [1.0, 0.0, 2.5, 0.5]}
    pa.parquet.write_table(pa.table(columns), path)
    return path


class TestCommand:
    def test_a_column(self, run: Run, table: Path) -> None:
        words = ("ce", table, "-i", "p*", "-t", "label", "--sample-weight-column", "s")
        code, out, err = run(*words)
        assert (code, err) == (0, "")
        assert float(out) == pytest.approx(6.5 * math.log(2) / 4, rel=1e-14)
        code, out, _ = run(*words, "-f", "json")
        found = json.loads(out)
        role = found["inputs"][-1]
        assert (role["role"], role["columns"], role["shape"]) == ("sample_weight", ["s"], [4])
        assert (found["weight_sum"], found["count"]) == (4.0, 4)
        assert "|sample_weight:(4,)|count:4|" in found["signature"]

    def test_numbers_and_the_table(self, run: Run) -> None:
        words = ("mse", "1,2,4", "0,0,0", "--sample-weight", "1,2,0.5", "-f", "table")
        code, out, _ = run(*words)
        assert code == 0
        assert "mean of 3 elements, divided by the sum of sample weights (3.5)" in out
        assert "sample_weight  given   3 float64" in out
        _, out, _ = run(*words, "-r", "sum")
        assert "sum of 3 elements, weighted by sample weights" in out

    def test_output(self, run: Run, table: Path, tmp_path: Path) -> None:
        """The loss of each element is not weighted. The sample weight is a separate column."""
        words = ("ce", table, "-i", "p*", "-t", "label", "--sample-weight-column", "s")
        assert run(*words, "-o", tmp_path / "o.parquet")[0] == 0
        found = pa.parquet.read_table(tmp_path / "o.parquet").to_pydict()
        assert list(found) == ["index", "target", "weight", "sample_weight", "loss"]
        assert found["sample_weight"] == [1.0, 0.0, 2.5, 0.5]
        assert found["loss"] == pytest.approx(LOSS, rel=1e-15)
        assert run("ce", table, "-i", "p*", "-t", "label", "-o", tmp_path / "p.parquet")[0] == 0
        plain = pa.parquet.read_table(tmp_path / "p.parquet")
        assert plain.column_names == ["index", "target", "weight", "loss"]

    def test_rows_paired_by_a_key(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,p,y\n1,1,0\n2,2,0\n3,4,0\n")
        (tmp_path / "s.csv").write_text("id,s\n3,5\n1,1\n2,0\n")
        words = ("mse", tmp_path / "a.csv", "-i", "p", "-t", "y", "--id", "id", "-q")
        weights = ("--sample-weight", tmp_path / "s.csv", "--sample-weight-column", "s")
        assert run(*words, *weights)[:2] == (0, f"{(1 + 5 * 16) / 6}\n")

    def test_rows_that_lack_a_weight(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "m.csv").write_text("p,y,s\n1,0,2\n2,0,\n4,0,1\n")
        words = ("mse", tmp_path / "m.csv", "-i", "p", "-t", "y", "--sample-weight-column", "s")
        code, _, err = run(*words)
        assert code == 1
        assert "m.csv:3: column 's': expected a number, found no value" in err
        assert run(*words, "--skip-missing")[:2] == (0, "6.0\n")

    def test_sequences(self, run: Run, tmp_path: Path) -> None:
        """A weight per sequence applies to all its steps. A list has a weight per step."""
        columns = {
            "input": [X[:2].tolist(), X[2:3].tolist()],
            "target": [[0, 1], [0]],
            "a": [2.0, 1.0],
            "b": [[1.0, 0.0], [5.0]],
        }
        pa.parquet.write_table(pa.table(columns), tmp_path / "q.parquet")
        words = ("ce", tmp_path / "q.parquet", "-i", "input", "-t", "target", "-q")
        for column, expected in (("a", 8 / 5), ("b", 11 / 6)):
            code, out, _ = run(*words, "--sample-weight-column", column)
            assert (code, float(out)) == (0, pytest.approx(expected * math.log(2), rel=1e-14))

    @pytest.mark.parametrize("array", ["sample-weight", "mask"])
    @pytest.mark.parametrize("labels", ["01", "ab"])
    def test_a_column_of_text(self, run: Run, tmp_path: Path, labels: str, array: str) -> None:
        """Text cannot be a weight, even if the target is text too."""
        path = tmp_path / "t.csv"
        path.write_text(f"a,b,y,s\n0,1,{labels[0]},a\n1,0,{labels[1]},b\n")
        words = ("ce", path, "-i", "a,b", "-t", "y", f"--{array}-column", "s")
        code, out, err = run(*words)
        assert (code, out) == (1, "")
        assert "column 's'" in err


class TestCompare:
    def test_both_models_take_them(self) -> None:
        """Differences of 1, -1 and 3 with the weights 1, 2 and 0.5."""
        found = compare(
            "l1", [1.0, 2.0, 3.0], [2.0, 1.0, 6.0], [0.0] * 3, sample_weight=[1.0, 2.0, 0.5]
        )
        assert found.difference == pytest.approx(0.5 / 3.5, rel=1e-15)
        assert (found.a.value, found.b.value) == (6.5 / 3.5, 7 / 3.5)
        assert found.wins == (2 / 3, 1 / 3)
        v, s, r = np.array([1.0, -1.0, 3.0]), np.array([1.0, 2.0, 0.5]), 0.5 / 3.5
        reach = T_2 * math.sqrt(1.5 * float((s**2 * (v - r) ** 2).sum())) / 3.5
        assert found.ci == pytest.approx((r - reach, r + reach), rel=1e-12)
        assert found.b.has_sample_weights

    def test_columns_that_differ_are_an_error(self, run: Run, tmp_path: Path) -> None:
        for name, s in (("a", [1, 2, 3]), ("b", [1, 2, 4]), ("c", [1, 2, 3])):
            columns = {"pred": [1.0, 2.0, 3.0], "y": [0.0] * 3, "s": s}
            pa.parquet.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        a, b, c = (tmp_path / f"{name}.parquet" for name in "abc")
        words = ("-i", "pred", "-t", "y", "--sample-weight-column", "s")
        assert run("compare", "l1", a, c, "--target", a, *words)[0] == 0
        code, _, err = run("compare", "l1", a, b, "--target", a, *words)
        assert code == 1
        assert "sample_weight at [2] is 3 in A and 4 in B; expected the same weights" in err
