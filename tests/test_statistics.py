"""What a result says beside its number: intervals, groups, the worst elements, quantiles."""

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
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from losscli import Wanted, evaluate
from losscli.elements import Elements, PerElement
from losscli.errors import DataError, UsageError
from losscli.evaluation import blocks
from losscli.readers.arrays.memory import MemoryArray
from losscli.readers.container import SingleArray
from losscli.statistics.ledger import Ledger, Rule
from losscli.statistics.sketch import RELATIVE_ERROR, Sketch
from losscli.statistics.student import t_quantile

# Student's t at 97.5 %, from the table of any book.
T_OF_1, T_OF_2, T_OF_3 = 12.706204736175, 4.302652729749, 3.182446305284


def student(freedom: int) -> float:
    """By the incomplete beta function at 50 digits."""
    with mpmath.workdps(50):

        def beyond(t: Any) -> Any:
            v = mpmath.mpf(freedom)
            return mpmath.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True) - 0.05

        return float(mpmath.findroot(beyond, 2.0 if freedom > 2 else 5.0 * (3 - freedom)))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 29, 63, 64, 65, 100, 1000, 10**6])
def test_student(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(student(freedom), rel=1e-9)


class TestInterval:
    def test_of_a_mean_by_hand(self) -> None:
        """Of 1, 2, 6: mean 3, standard deviation sqrt(7), so 3 ± t · sqrt(7/3)."""
        found = evaluate("l1", [1.0, 2.0, 6.0], [0.0, 0.0, 0.0])
        half = T_OF_2 * math.sqrt(7 / 3)
        assert found.ci == pytest.approx((3 - half, 3 + half), rel=1e-9)

    def test_of_a_sum_it_is_that_of_the_mean_times_their_number(self) -> None:
        mean = evaluate("l1", [1.0, 2.0, 6.0], [0.0, 0.0, 0.0])
        total = evaluate("l1", [1.0, 2.0, 6.0], [0.0, 0.0, 0.0], reduction="sum")
        assert total.ci == pytest.approx([3 * end for end in mean.ci or ()], rel=1e-12)

    def test_of_a_weighted_mean_it_is_the_estimator_of_a_ratio(self) -> None:
        """Losses 1, 2, 4 of weights 1, 2, 1: r = (1 + 4 + 4)/4, residuals w(x - r)."""
        found = evaluate("l1", [1.0, 2.0, 4.0], [0.0, 0.0, 0.0], weight=[1.0, 2.0, 1.0])
        r = 9 / 4
        squares = (1 - r) ** 2 + (4 - 2 * r) ** 2 + (4 - r) ** 2
        half = T_OF_2 * math.sqrt(3 / 2 * squares) / 4
        assert found.ci == pytest.approx((r - half, r + half), rel=1e-9)

    def test_the_pixels_of_one_sample_count_as_one(self) -> None:
        """Rows of mean 1, 2, 3, 6, whatever their elements: 3 ± t · sqrt(14/3/4)."""
        x = np.array([[0.0, 2.0], [2.0, 2.0], [5.0, 1.0], [6.0, 6.0]])
        found = evaluate("l1", x, np.zeros((4, 2)))
        half = T_OF_3 * math.sqrt(14 / 3 / 4)
        assert found.ci == pytest.approx((3 - half, 3 + half), rel=1e-9)

    def test_clusters(self, tmp_path: Path) -> None:
        """The same rows, their elements scattered over a table."""
        table = tmp_path / "t.csv"
        table.write_text("doc,x\na,0\nb,2\nc,5\nd,6\nb,2\na,2\nd,6\nc,1\n")
        wanted = Wanted(cluster="doc")
        found = evaluate("l1", str(table), np.zeros(8), input_column="x", wanted=wanted)
        half = T_OF_3 * math.sqrt(14 / 3 / 4)
        assert found.value == 3.0
        assert found.samples == 4
        assert found.ci == pytest.approx((3 - half, 3 + half), rel=1e-9)

    def test_none_of_one_sample_or_of_infinities(self) -> None:
        assert evaluate("l1", [1.0], [0.0]).ci is None
        assert evaluate("l1", [1.0, math.inf], [0.0, 0.0]).ci is None

    def test_of_losses_whose_squares_have_no_float64(self) -> None:
        """Of 1e200 and 3e200: 2e200 ± t · 1e200."""
        found = evaluate("l1", [1e200, 3e200], [0.0, 0.0])
        assert found.ci == pytest.approx((2e200 - T_OF_1 * 1e200, 2e200 + T_OF_1 * 1e200), rel=1e-9)

    def test_of_equal_losses_it_has_no_width(self) -> None:
        low, high = evaluate("l1", np.full(1000, 0.1), np.zeros(1000)).ci or (0.0, 1.0)
        assert high - low < 1e-16

    def test_digits_where_the_spread_is_far_below_the_mean(self) -> None:
        """1e9 ± 1e-3: squares of the losses alone have no digit of the variance."""
        x = 1e9 + np.array([-1e-3, 0.0, 1e-3])
        exact = [Fraction(value) for value in x.tolist()]
        mean = sum(exact) / 3
        variance = sum((value - mean) ** 2 for value in exact) / 2
        half = T_OF_2 * math.sqrt(variance / 3)
        low, high = evaluate("l1", x, np.zeros(3)).ci or (0.0, 0.0)
        assert (high - low) / 2 == pytest.approx(half, rel=1e-3)  # the ends are rounded to 1e-7

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("size", [20, 100])
    def test_it_covers_the_truth_as_often_as_it_says(self, weighted: bool, size: int) -> None:
        """2,000 data sets of losses whose mean is known: exponential ones around 1, whose weights
        depend on them or not."""
        rng = np.random.default_rng(6)
        shape = (2000, size)
        weight = rng.uniform(0.5, 1.5, shape) if weighted else np.ones(shape)
        x = rng.gamma(4.0, 0.25, shape)  # of mean 1 and not symmetric
        ledger = Ledger(Rule(by_weight=True), 2000)
        losses = PerElement((weight * x).ravel(), weight.ravel())
        ledger.add(Elements((0,), losses), np.repeat(np.arange(2000), size))
        intervals = [ledger.interval(key) or (0.0, 0.0) for key in range(2000)]
        covered = sum(low <= 1.0 <= high for low, high in intervals)
        assert 0.93 <= covered / 2000 <= 0.97


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
        """007 is not 7, and a number of 19 digits is not its neighbour."""
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
        """By class over (N, H): the interval of a class is that of the samples that have it."""
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
            ((3, 3), (1, 3)),  # of columns, as many as there are rows
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
            mock.patch("losscli.opening.labels.is_there", return_value=True),
            mock.patch(
                "losscli.opening.labels.open_files",
                return_value=SingleArray(MemoryArray("labels.npy", labels)),
            ),
        ):
            wanted = Wanted(by=("class",) if by == "class" else ("labels.npy",), top=5)
            return evaluate("ce", x, y, threads=threads, wanted=wanted)

    def test_sequences_count_as_one_sample(self, tmp_path: Path) -> None:
        """Rows that are sequences, of 2 and 3 steps: losses 1, 3 and 2, 2, 8, in two groups."""
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
        # residuals 4 - 2r and 12 - 3r of weights 2 and 3, r = 16/5; t = 12.706 at 1 degree
        residuals = (4 - 2 * 3.2) ** 2 + (12 - 3 * 3.2) ** 2
        half = 12.706204736 * math.sqrt(2 * residuals) / 5
        assert found.ci == pytest.approx((3.2 - half, 3.2 + half), rel=1e-9)

    def test_no_such_column(self, table: str) -> None:
        with pytest.raises(DataError, match="there are the columns .*; did you mean lang"):
            self.groups(table, "lagn")

    def test_no_groups_of_losses_that_are_not_summed_up(self, table: str) -> None:
        with pytest.raises(UsageError, match="--by reports on one number"):
            self.groups(table, "split", reduction="none")


class TestReference:
    def test_what_guessing_costs(self) -> None:
        """Labels 0, 0, 0, 1 of 4 classes: -(3/4 log 3/4 + 1/4 log 1/4), and log 4."""
        x = np.log(np.full((4, 4), 0.25))
        found = evaluate("nll", x, [0, 0, 0, 1])
        assert found.reference is not None
        assert found.reference.uniform == pytest.approx(math.log(4))
        expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
        assert found.reference.prior == pytest.approx(expected)
        assert found.perplexity == pytest.approx(4.0)
        assert found.bits == pytest.approx(2.0)

    def test_with_weights_the_classes_count_by_them(self) -> None:
        """Weights 1 and 3 make three labels 0 as heavy as one label 1."""
        x = np.log(np.full((4, 2), 0.5))
        found = evaluate("nll", x, [0, 0, 0, 1], weight=[1.0, 3.0])
        assert found.reference is not None
        assert found.reference.prior == pytest.approx(math.log(2))

    def test_none_where_it_means_nothing(self) -> None:
        x = np.zeros((2, 2))
        for found in (
            evaluate("ce", x, [0, 1], label_smoothing=0.1),
            evaluate("ce", x, [0, 1], reduction="sum"),
            evaluate("ce", x, [[0.5, 0.5]] * 2),
            evaluate("mse", x, x),
        ):
            assert (found.reference, found.perplexity, found.bits) == (None, None, None)

    def test_accuracy(self) -> None:
        x = [[0.5, 0.25], [0.0, 1.0], [1.0, 0.0], [3.0, 4.0]]
        wanted = Wanted(accuracy=True)
        assert evaluate("ce", x, [0, 0, 1, 1], wanted=wanted).accuracy == 0.5
        assert evaluate("ce", x, [1, 1, 2, 2], class_base=1, wanted=wanted).accuracy == 0.5
        assert evaluate("ce", x, [0, 0, 1, -100], wanted=wanted).accuracy == 1 / 3
        assert evaluate("ce", x, [0, 0, 1, 1], mask=[1, 0, 0, 1], wanted=wanted).accuracy == 1.0
        with pytest.raises(DataError, match="--accuracy needs targets that are class indices"):
            evaluate("ce", x, x, wanted=wanted)


class TestRmse:
    def test_of_the_mean_squared_error(self) -> None:
        """Squares 9 and 16: a mean of 12.5, and its root."""
        found = evaluate("mse", [3.0, 4.0], [0.0, 0.0])
        assert (found.value, found.rmse) == (12.5, math.sqrt(12.5))
        weighted = evaluate("mse", [3.0, 4.0], [0.0, 0.0], weight=[3.0, 1.0])
        assert weighted.rmse == math.sqrt(43 / 4)

    def test_of_nothing_else(self) -> None:
        for reduction in ("sum", "none"):
            assert evaluate("mse", [3.0], [0.0], reduction=reduction).rmse is None
        for loss in ("l1", "smooth-l1", "huber"):
            assert evaluate(loss, [3.0], [0.0]).rmse is None

    def test_where_there_is_no_root(self) -> None:
        assert math.isnan(evaluate("mse", [3.0], [0.0], weight=[0.0]).rmse or 0.0)
        found = evaluate("mse", [3.0, 2.0], [0.0, 0.0], weight=[3.0, -8.0])
        assert found.value == 1.0
        found = evaluate("mse", [3.0, 2.0], [0.0, 0.0], weight=[-1.0, 3.0])
        assert (found.value, found.rmse) == (1.5, math.sqrt(1.5))
        found = evaluate("mse", [3.0, 1.0], [0.0, 0.0], weight=[-1.0, 3.0])
        assert found.value == -3.0
        assert math.isnan(found.rmse or 0.0)
        assert evaluate("mse", [math.inf], [0.0]).rmse == math.inf


@pytest.mark.parametrize("loss", ["mse", "bce", "multi-margin", "poisson-nll"])
def test_what_is_no_likelihood_of_a_class_has_no_perplexity(loss: str) -> None:
    found = evaluate(loss, [[0.5, 0.25]], [0] if loss == "multi-margin" else [[1.0, 0.0]])
    assert (found.perplexity, found.bits, found.reference) == (None, None, None)


class TestTop:
    def test_ties_are_in_the_order_of_their_index(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x = np.array([[1.0, 3.0], [3.0, 0.0], [2.0, 3.0]])
        for block in (1, 2, 100):
            monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", block)
            found = evaluate("l1", x, np.zeros((3, 2)), wanted=Wanted(top=4)).top
            assert [(one.index, one.loss) for one in found or ()] == [
                ((0, 1), 3.0),
                ((1, 0), 3.0),
                ((2, 1), 3.0),
                ((2, 0), 2.0),
            ]

    def test_the_target_is_that_of_the_element(self) -> None:
        """Also where blocks have the axis of classes last: log 1/2, and 3/4 log 3/2 of a half."""
        x = np.zeros((1, 2, 3))
        p = np.full((1, 2, 3), 0.5)
        p[0, :, 1] = [0.25, 0.75]
        options = {"from_": "logits", "class_axis": 1, "reduction": "sum"}
        [worst] = evaluate("kl-div", x, p, wanted=Wanted(top=1), **options).top or ()
        assert (worst.index, worst.target) == ((0, 1, 1), 0.75)
        assert worst.loss == pytest.approx(0.75 * math.log(1.5), rel=1e-14)

    def test_without_a_target(self) -> None:
        """1 - 1e-6 to the positive, 1e-6 to the negative, and the margin of 1."""
        triple = [[0.0]], [[1.0]], [[0.0]]
        [worst] = evaluate("triplet-margin", *triple, wanted=Wanted(top=1)).top or ()
        assert (worst.index, worst.target) == ((0,), None)
        assert worst.loss == pytest.approx(1.999998, rel=1e-14)

    def test_what_does_not_count_is_not_among_them(self) -> None:
        found = evaluate("l1", [9.0, 1.0], [0.0, 0.0], mask=[0, 1], wanted=Wanted(top=5)).top
        assert [one.index for one in found or ()] == [(1,)]

    def test_nan_is_as_bad_as_it_gets(self) -> None:
        found = evaluate("l1", [9.0, math.nan, 1.0], [0.0] * 3, wanted=Wanted(top=2)).top
        assert [one.index for one in found or ()] == [(1,), (0,)]


class TestQuantiles:
    """Against the exact order statistics: the least value that so many do not exceed."""

    SHARES = ("0", "0.001", "0.25", "0.5", "0.9", "0.99", "1")

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize(
        "draw",
        [
            lambda rng: rng.standard_cauchy(20_001),
            lambda rng: np.exp(20 * rng.normal(size=20_000)),
            lambda rng: -rng.exponential(size=5000),
            lambda rng: rng.integers(-3, 4, 1000).astype(float),
            lambda rng: np.full(100, 0.1),
            lambda rng: np.array([math.inf, -math.inf, 0.0, -0.0, 1.0]),
            lambda rng: rng.normal(size=1),
        ],
    )
    def test_within_a_thousandth(self, draw: Any, seed: int) -> None:
        losses = draw(np.random.default_rng(seed))
        sketch = Sketch()
        for part in np.array_split(losses, 7):
            sketch.add(part)
        for share in map(Fraction, self.SHARES):
            rank = max(1, math.ceil(share * len(losses)))
            exact = float(np.sort(losses)[rank - 1])
            [found] = sketch.quantiles([share])
            assert found == pytest.approx(exact, rel=RELATIVE_ERROR, abs=1e-300)
        assert RELATIVE_ERROR <= 0.001

    @settings(deadline=None)
    @given(npst.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e300, 1e300)))
    def test_the_law_of_merge(self, losses: NDArray[np.float64]) -> None:
        whole, left, right = Sketch(), Sketch(), Sketch()
        whole.add(losses)
        left.add(losses[::2])
        right.add(losses[1::2])
        for merged in (left.merge(right), right.merge(left)):
            shares = (0.0, 0.3, 0.5, 1.0)
            assert merged.quantiles(shares) == whole.quantiles(shares)
            assert list(merged.histogram()) == list(whole.histogram())

    def test_by_its_name_in_the_result(self) -> None:
        found = evaluate("l1", [1.0, 2.0, 3.0], [0.0] * 3, wanted=Wanted(quantiles=("0.50",)))
        assert found.quantiles == {"0.50": pytest.approx(2.0, rel=1e-3)}
        with pytest.raises(UsageError, match="quantiles is '2'; expected numbers from 0 to 1"):
            evaluate("l1", [1.0], [0.0], wanted=Wanted(quantiles=("2",)))

    def test_the_rank_of_a_quantile_is_exact(self) -> None:
        """Of the losses 1..100, the share k/100 is reached by the k-th loss; 0.07 · 100 is
        7.000000000000001 in floating point."""
        shares = tuple(f"{k / 100:.2f}" for k in range(1, 101))
        losses = np.arange(1.0, 101.0)
        found = evaluate("l1", losses, np.zeros(100), wanted=Wanted(quantiles=shares)).quantiles
        assert found == {
            share: pytest.approx(k, rel=RELATIVE_ERROR) for k, share in enumerate(shares, start=1)
        }

    @pytest.mark.parametrize("share", ["1e-999999999", "1e-400", "0.0", ".07e-5000000"])
    def test_a_share_of_almost_nothing_is_the_smallest_loss(self, share: str) -> None:
        found = evaluate("l1", [3.0, 1.0, 2.0], [0.0] * 3, wanted=Wanted(quantiles=(share,)))
        assert found.quantiles == {share: 1.0}

    @pytest.mark.parametrize("share", ["1.00000000000000000001", "nan", "inf", "-1e-9", "1/2"])
    def test_no_share_outside_0_to_1(self, share: str) -> None:
        with pytest.raises(UsageError, match="expected numbers from 0 to 1"):
            evaluate("l1", [1.0], [0.0], wanted=Wanted(quantiles=(share,)))

    def test_infinite_losses_have_bars_of_their_own(self) -> None:
        sketch = Sketch()
        sketch.add(np.array([math.inf, 1.0, 2.0, math.inf, -math.inf]))
        first, *bars, last = sketch.histogram()
        assert first == (-math.inf, -math.inf, 1)
        assert last == (math.inf, math.inf, 2)
        assert sum(count for *_, count in bars) == 2
        assert (bars[0][0], bars[-1][1]) == pytest.approx((1.0, 2.0), rel=RELATIVE_ERROR)

    def test_a_histogram_holds_all(self) -> None:
        losses = np.random.default_rng(1).standard_cauchy(1000)
        sketch = Sketch()
        sketch.add(losses)
        bars = list(sketch.histogram())
        assert sum(count for *_, count in bars) == 1000
        assert [high for _, high, _ in bars[:-1]] == [low for low, *_ in bars[1:]]
        assert bars[0][0] == losses.min()
        assert bars[-1][1] == losses.max()
