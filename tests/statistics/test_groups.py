"""The loss of each group of elements."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli import Wanted, evaluate
from losscli.errors import DataError, UsageError
from losscli.evaluation import blocks
from losscli.readers.arrays.memory import MemoryArray
from losscli.readers.container import SingleArray
from losscli.statistics.student import t_quantile


def student(freedom: int) -> float:
    """From the incomplete beta function at 50 digits."""
    with mpmath.workdps(50):

        def beyond(t: Any) -> Any:
            v = mpmath.mpf(freedom)
            return mpmath.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True) - 0.05

        return float(mpmath.findroot(beyond, 2.0 if freedom > 2 else 5.0 * (3 - freedom)))


TABLE = """split,lang,x,label
dev,en,1.0,0
test,en,2.0,1
dev,de,3.0,0
test,de,5.0,1
dev,en,4.0,0
"""


class TestGroups:
    @pytest.fixture
    def table(self, tmp_path: Path) -> str:
        path = tmp_path / "t.csv"
        path.write_text(TABLE)
        return str(path)

    def groups(self, table: str, *by: str, **parameters: Any) -> Any:
        zeros = np.zeros(5)
        return evaluate("l1", table, zeros, input_column="x", wanted=Wanted(by=by), **parameters)

    def test_by_a_column_worst_first(self, table: str) -> None:
        found = self.groups(table, "split")
        assert [(one.labels, one.value, one.count) for one in found.groups] == [
            (("test",), 3.5, 2),
            (("dev",), 8 / 3, 3),
        ]
        assert [one.share for one in found.groups] == [7 / 15, 8 / 15]
        assert found.value == 3.0

    def test_by_several(self, table: str) -> None:
        found = self.groups(table, "split", "lang")
        assert [(one.labels, one.value) for one in found.groups] == [
            (("test", "de"), 5.0),
            (("dev", "de"), 3.0),
            (("dev", "en"), 2.5),
            (("test", "en"), 2.0),
        ]

    def test_labels_are_text_where_the_file_is(self, tmp_path: Path) -> None:
        """007 differs from 7, and numbers of 19 digits differ from adjacent numbers."""
        path = tmp_path / "t.csv"
        names = ["007", "7", "7.0", "9007199254740993", "9007199254740992", "x"]
        path.write_text("code,x\n" + "".join(f"{name},{k}\n" for k, name in enumerate(names)))
        zeros = np.zeros(6)
        found = evaluate("l1", str(path), zeros, input_column="x", wanted=Wanted(by=("code",)))
        assert [one.labels[0] for one in found.groups or ()] == names[::-1]

    def test_by_the_target_of_the_same_table(self, table: str) -> None:
        wanted = Wanted(by=("label",))
        found = evaluate("l1", table, input_column="x", target_column="label", wanted=wanted)
        assert [(one.labels, one.value) for one in found.groups or ()] == [
            (("0",), 8 / 3),
            (("1",), 2.5),
        ]

    def test_by_a_column_that_is_called_as_an_array_is(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("target,weight,x,y\n1,5,1.0,0.0\n2,5,4.0,0.0\n")
        wanted = Wanted(by=("target", "weight"))
        found = evaluate("l1", str(path), input_column="x", target_column="y", wanted=wanted)
        assert [(one.labels, one.value) for one in found.groups or ()] == [
            (("2", "5"), 4.0),
            (("1", "5"), 1.0),
        ]

    @pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]])
    def test_nan_is_the_last_of_equal_ones(self, order: list[int], tmp_path: Path) -> None:
        """For any order of the labels. All NaN are one group."""
        labels = np.array([2.0, math.nan, 1.0, math.nan])
        np.save(tmp_path / "g.npy", labels[order])
        wanted = Wanted(by=(str(tmp_path / "g.npy"),))
        found = evaluate("l1", np.ones(4), np.zeros(4), wanted=wanted).groups or ()
        assert [(repr(one.labels[0]), one.count) for one in found] == [
            ("1", 1),
            ("2", 1),
            ("nan", 2),
        ]

    def test_by_a_file_of_labels(self, table: str, tmp_path: Path) -> None:
        np.save(tmp_path / "g.npy", np.array([7, 8, 7, 8, 7]))
        names = tmp_path / "g.csv"
        names.write_text("group\na\nb\na\nb\na\n")
        for path, expected in [(tmp_path / "g.npy", (8, 7)), (names, ("b", "a"))]:
            found = self.groups(table, str(path))
            assert tuple(one.labels[0] for one in found.groups) == expected
            assert [one.value for one in found.groups] == [3.5, 8 / 3]

    def test_by_class(self) -> None:
        x = np.log([[0.5, 0.5], [0.25, 0.75], [0.25, 0.75]])
        found = evaluate("nll", x, [0, 1, 0], wanted=Wanted(by=("class",)))
        assert found.groups is not None
        assert [one.labels for one in found.groups] == [(0,), (1,)]
        assert found.groups[0].value == pytest.approx(1.5 * math.log(2), rel=1e-15)
        assert found.groups[1].value == pytest.approx(-math.log(0.75), rel=1e-15)

    def test_by_class_with_names_and_ignored_ones(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("cat,dog,label\n-0.5,-1.0,cat\n-2.0,-0.25,dog\n-0.75,-0.5,cat\n")
        found = evaluate("nll", str(path), check=False, wanted=Wanted(by=("class",), top=2))
        assert found.groups is not None
        assert found.top is not None
        assert [(one.labels, one.value) for one in found.groups] == [
            (("cat",), 0.625),
            (("dog",), 0.25),
        ]
        assert [(one.index, one.target, one.predicted) for one in found.top] == [
            ((2,), "cat", "dog"),
            ((0,), "cat", "cat"),
        ]
        ignored = evaluate(
            "nll", [[-0.5, -1.0]] * 3, [0, 1, -100], wanted=Wanted(by=("class",)), check=False
        )
        assert [one.labels for one in ignored.groups or ()] == [(1,), (0,)]

    def test_pixels_of_one_sample_are_in_several_groups(self) -> None:
        """Grouped by class over (N, H). The interval of a class comes from the samples that contain
        it."""
        rng = np.random.default_rng(3)
        x, y = rng.normal(size=(30, 2, 7)), rng.integers(2, size=(30, 7))
        losses = evaluate("ce", x, y, reduction="none").values
        assert losses is not None
        found = evaluate("ce", x, y, wanted=Wanted(by=("class",)))
        for group in found.groups or ():
            of_class = y == group.labels[0]
            s, w = (losses * of_class).sum(axis=1), of_class.sum(axis=1)
            s, w = s[w > 0], w[w > 0]
            r = s.sum() / w.sum()
            n = len(s)
            half = student(n - 1) * math.sqrt(n / (n - 1) * ((s - r * w) ** 2).sum()) / w.sum()
            assert group.samples == n
            assert group.value == pytest.approx(r, rel=1e-13)
            assert group.ci == pytest.approx((r - half, r + half), rel=1e-9)

    @pytest.mark.parametrize("order", [">u8", "<u8"])
    def test_labels_of_64_bits_without_a_sign(self, order: str, tmp_path: Path) -> None:
        labels = [2**64 - 1, 2**63, 2**63 - 1, 3, 2**64 - 1]
        np.save(tmp_path / "g.npy", np.array(labels, order))
        wanted = Wanted(by=(str(tmp_path / "g.npy"),), cluster=str(tmp_path / "g.npy"))
        found = evaluate("l1", [1.0, 2.0, 4.0, 8.0, 16.0], np.zeros(5), wanted=wanted)
        assert {one.labels: one.value for one in found.groups or ()} == {
            (2**64 - 1,): 8.5,
            (2**63,): 2.0,
            (2**63 - 1,): 4.0,
            (3,): 8.0,
        }
        assert found.samples == 4

    @pytest.mark.parametrize(
        ("shape", "labels"),
        [
            ((3, 3), (1, 3)),  # as many columns as rows
            ((3, 3), (3, 1)),
            ((3, 4), (1, 4)),
            ((3, 3), (3, 3)),
            ((3, 3, 2), (1, 3)),
            ((2, 3, 2), (1, 1, 2)),
            ((3, 2, 3), (1, 2, 3)),
            ((1, 3), (1, 3)),
            ((3, 3), (1, 1)),
        ],
    )
    @pytest.mark.parametrize("cluster", [None, "samples.npy"])
    def test_labels_broadcast_to_the_elements(
        self,
        shape: tuple[int, ...],
        labels: tuple[int, ...],
        cluster: str | None,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        rng = np.random.default_rng(7)
        x, label = rng.normal(size=shape), rng.integers(3, size=labels)
        np.save("g.npy", label)
        np.save("samples.npy", rng.integers(2, size=(1, shape[1])))
        wanted = Wanted(by=("g.npy",), cluster=cluster)
        groups = evaluate("l1", x, np.zeros(shape), wanted=wanted).groups or ()
        further = label.reshape(*labels, *(1,) * (len(shape) - len(labels)))
        each = np.broadcast_to(further, shape)
        assert {one.labels[0]: (one.value, one.count) for one in groups} == {
            group: (pytest.approx(np.abs(x[each == group]).mean()), np.sum(each == group))
            for group in np.unique(each).tolist()
        }

    def test_the_groups_merge_to_the_total(self) -> None:
        rng = np.random.default_rng(8)
        x, y = rng.normal(size=(5000, 20)), rng.integers(20, size=5000)
        found = evaluate("ce", x, y, reduction="sum", wanted=Wanted(by=("class",)))
        exact = sum(Fraction(one.value) for one in found.groups or ())
        assert found.value == pytest.approx(float(exact), rel=1e-15)
        assert sum(one.count for one in found.groups or ()) == 5000
        assert found.value == evaluate("ce", x, y, reduction="sum").value

    @pytest.mark.slow
    @settings(max_examples=30, deadline=None)
    @given(
        st.integers(1, 60), st.integers(1, 20), st.integers(1, 3), st.sampled_from(["row", "class"])
    )
    def test_any_cut_and_any_threads_give_the_same(
        self, block: int, collected: int, threads: int, by: str
    ) -> None:
        rng = np.random.default_rng(block)
        x, y = rng.normal(size=(13, 3, 5)), rng.integers(3, size=(13, 5))
        labels = rng.integers(4, size=(13,))
        whole = self.of_rows(x, y, labels, by, 1)
        with (
            mock.patch.object(blocks, "BLOCK_VALUES", block),
            mock.patch("losscli.statistics.samples._MANY", collected),
        ):
            one, several = (self.of_rows(x, y, labels, by, n) for n in (1, threads))
        assert one == several == whole

    def of_rows(self, x: Any, y: Any, labels: Any, by: str, threads: int) -> Any:
        with (
            mock.patch("losscli.opening.labels.exists", return_value=True),
            mock.patch(
                "losscli.opening.labels.open_files",
                return_value=SingleArray(MemoryArray("labels.npy", labels)),
            ),
        ):
            wanted = Wanted(by=("class",) if by == "class" else ("labels.npy",), top=5)
            return evaluate("ce", x, y, threads=threads, wanted=wanted)

    def test_sequences_count_as_one_sample(self, tmp_path: Path) -> None:
        """Two sequences of 2 and 3 steps, with losses 1, 3 and 2, 2, 8, in two groups."""
        path = tmp_path / "t.jsonl"
        rows = [
            {"kind": "a", "x": [[-1.0, -9.0], [-3.0, -9.0]], "label": [0, 0]},
            {"kind": "b", "x": [[-2.0, -9.0], [-2.0, -9.0], [-8.0, -9.0]], "label": [0, 0, 0]},
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found = evaluate("nll", str(path), wanted=Wanted(by=("kind",)), check=False)
        assert (found.value, found.count, found.samples) == (16 / 5, 5, 2)
        groups = [(one.labels, one.value, one.count, one.samples) for one in found.groups or ()]
        assert groups == [(("b",), 4.0, 3, 1), (("a",), 2.0, 2, 1)]
        # residuals 4 - 2r and 12 - 3r of weights 2 and 3, r = 16/5; t = 12.706 for 1 degree of
        # freedom
        residuals = (4 - 2 * 3.2) ** 2 + (12 - 3 * 3.2) ** 2
        half = 12.706204736 * math.sqrt(2 * residuals) / 5
        assert found.ci == pytest.approx((3.2 - half, 3.2 + half), rel=1e-9)

    def test_no_such_column(self, table: str) -> None:
        with pytest.raises(DataError, match="the columns are .*. Did you mean 'lang"):
            self.groups(table, "lagn")

    def test_no_groups_of_losses_that_are_not_summed_up(self, table: str) -> None:
        with pytest.raises(UsageError, match="--by cannot be combined with --reduction none"):
            self.groups(table, "split", reduction="none")


def test_clusters_called_by_large_numbers(tmp_path: Path) -> None:
    """Such as hashes. A group with clusters of the losses 1 and 3 contains each cluster once."""
    np.save(tmp_path / "c.npy", [1 << 62, -(1 << 62), (1 << 63) - 1, -(1 << 63)])
    np.save(tmp_path / "g.npy", [0, 1, 2, 2])
    wanted = Wanted(by=(str(tmp_path / "g.npy"),), cluster=str(tmp_path / "c.npy"))
    found = evaluate("l1", np.array([5.0, 7.0, 1.0, 3.0]), np.zeros(4), wanted=wanted)
    last = (found.groups or ())[-1]
    reach = t_quantile(1) * math.sqrt(2) / math.sqrt(2)
    assert (last.labels, last.value, last.samples) == ((2,), 2.0, 2)
    assert last.ci == pytest.approx((2 - reach, 2 + reach), rel=1e-14)
