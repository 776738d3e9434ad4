"""The Brier score, compared with scikit-learn and with arithmetic by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run

import losscli
from losscli.errors import DataError

INF, NAN = math.inf, math.nan


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class TestLikeScikitLearn:
    def test_the_examples_of_its_documentation(self) -> None:
        p, y = [0.1, 0.9, 0.8, 0.3], [0, 1, 1, 0]
        assert losscli.brier(p, y) == pytest.approx(0.0375, rel=1e-15)
        assert losscli.brier(p, y, scale_by_half=False) == pytest.approx(0.075, rel=1e-15)
        rows = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.2, 0.6]]
        assert losscli.brier(rows, [0, 1, 2]) == pytest.approx(0.44 / 3, rel=1e-15)

    @pytest.mark.parametrize("half", [None, False, True])
    @pytest.mark.parametrize("shape", [(), (1,), (2,), (3,), (10,)])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_any_number_of_columns(
        self, shape: tuple[int, ...], half: bool | None, weighted: bool
    ) -> None:
        metrics = pytest.importorskip("sklearn.metrics", reason="pip install 'scikit-learn>=1.7'")
        rng = np.random.default_rng(6)
        classes = max(2, *shape, 0)
        y = rng.integers(classes, size=500)
        p = softmax(rng.normal(size=(500, classes)))
        if shape in ((), (1,)):
            p = p[:, 1].reshape(500, *shape)
        weights = rng.uniform(0.0, 3.0, 500) if weighted else None
        expected = metrics.brier_score_loss(
            y,
            p,
            sample_weight=weights,
            labels=range(classes),
            scale_by_half="auto" if half is None else half,
        )
        found = losscli.brier(p, y, scale_by_half=half, sample_weight=weights)
        assert found == pytest.approx(expected, rel=1e-13, abs=0)

    @pytest.mark.parametrize("classes", [2, 4])
    def test_one_hot_targets(self, classes: int) -> None:
        metrics = pytest.importorskip("sklearn.metrics", reason="pip install 'scikit-learn>=1.7'")
        rng = np.random.default_rng(7)
        y, p = rng.integers(classes, size=99), softmax(rng.normal(size=(99, classes)))
        expected = metrics.brier_score_loss(y, p, labels=range(classes))
        assert losscli.brier(p, np.eye(classes)[y]) == pytest.approx(expected, rel=1e-13, abs=0)


class TestValues:
    def test_class_probabilities(self) -> None:
        found = losscli.brier([[0.5, 0.25, 0.25]], [[0.25, 0.25, 0.5]])
        assert found == pytest.approx(0.125, rel=1e-15)

    def test_probability_of_class_1(self) -> None:
        found = losscli.brier([0.5, 0.75], [0.25, 1.0], reduction="none")
        np.testing.assert_array_equal(found, [0.0625, 0.0625])

    def test_further_axes(self) -> None:
        rng = np.random.default_rng(8)
        p, y = softmax(rng.normal(size=(4, 3, 5, 6))), rng.integers(3, size=(4, 5, 6))
        found = losscli.brier(p, y, reduction="none", class_axis=1)
        expected = np.square(np.moveaxis(p, 1, -1) - np.eye(3)[y]).sum(axis=-1)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        last = losscli.brier(np.moveaxis(p, 1, -1), y, reduction="none", class_axis=-1)
        np.testing.assert_array_equal(last, found)

    @pytest.mark.parametrize("from_", ["logits", "log-probs"])
    def test_other_inputs(self, from_: str) -> None:
        x = np.random.default_rng(9).normal(size=(50, 3))
        y = np.arange(50) % 3
        p = softmax(x)
        found = losscli.brier(x if from_ == "logits" else np.log(p), y, from_=from_)
        assert found == pytest.approx(losscli.brier(p, y), rel=1e-13)

    def test_one_logit_is_two_logits_and_one_of_them_is_0(self) -> None:
        x, y = np.linspace(-9, 9, 7), [0, 1, 1, 0, 0, 1, 0]
        found = losscli.brier(x, y, from_="logits", reduction="none")
        both = np.stack([np.zeros(7), x], axis=1)
        expected = losscli.brier(both, y, from_="logits", reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        logs = np.log(1 / (1 + np.exp(-x)))
        np.testing.assert_allclose(
            losscli.brier(logs, y, from_="log-probs", reduction="none"), expected, rtol=1e-10
        )

    def test_infinite_logits_are_certain(self) -> None:
        found = losscli.brier([INF, -INF, INF], [1, 0, 0], from_="logits", reduction="none")
        np.testing.assert_array_equal(found, [0.0, 0.0, 1.0])
        assert losscli.brier([[0.0, -INF, -INF]], [0], from_="logits") == 0.0

    def test_ignored_rows_count_for_nothing(self) -> None:
        p, y = [[0.5, 0.5], [NAN, INF], [0.25, 0.75]], [0, -100, 0]
        assert losscli.brier(p, y) == (0.25 + 0.5625) / 2
        assert losscli.brier([0.5, NAN, 0.25], [1, -1, 1], ignore_index=-1) == (0.25 + 0.5625) / 2

    def test_classes_counted_from_1(self) -> None:
        assert losscli.brier([[0.5, 0.5], [0.25, 0.75]], [1, 2], class_base=1) == 0.3125 / 2
        assert losscli.brier([0.5, 0.75], [1, 2], class_base=1) == 0.3125 / 2

    @pytest.mark.filterwarnings("ignore:the result is NaN")
    def test_of_nothing(self) -> None:
        for p in (np.zeros(0), np.zeros((0, 3))):
            assert math.isnan(losscli.brier(p, np.zeros(0)))


class TestShapes:
    """An input with one number per sample is the probability of class 1."""

    @pytest.mark.parametrize("source", [(3,), (3, 1)])
    @pytest.mark.parametrize("target", [(3,), (3, 1)])
    def test_one_number_per_sample(self, source: Any, target: Any) -> None:
        p, y = np.array([0.5, 0.25, 1.0]), np.array([0, 1, 1])
        found = losscli.brier(p.reshape(source), y.reshape(target), reduction="none")
        np.testing.assert_array_equal(found, [0.25, 0.5625, 0.0])

    def test_as_many_samples_as_classes_are_not_one_sample(self) -> None:
        """As one sample of three classes, the score would be 0.06."""
        assert losscli.brier([0.7, 0.2, 0.1], [0.5, 0.3, 0.2]) == pytest.approx(0.02, rel=1e-14)

    def test_one_sample_of_several_classes(self) -> None:
        found = losscli.brier([[0.7, 0.2, 0.1]], [[0.5, 0.3, 0.2]])
        assert found == pytest.approx(0.06, rel=1e-14)

    def test_single_numbers(self) -> None:
        assert losscli.brier(0.75, 1) == 0.0625

    @pytest.mark.parametrize(
        ("source", "target", "line"),
        [
            ((3,), (2,), r"target has shape \(2,\); an input of shape \(3,\) is the probability"),
            ((3,), (), r"For several classes, the input has shape \(N, C\)\.$"),
            ((4,), (4, 3), r"Are input and target swapped\?$"),
            ((4, 1, 2), (4, 2), r"input has shape \(4, 1, 2\) with one class; expected several"),
            ((4, 3), (3,), r"takes class indices of shape \(4,\), or class probabilities of the"),
        ],
    )
    def test_other_shapes(self, source: Any, target: Any, line: str) -> None:
        with pytest.raises(DataError, match=line):
            losscli.brier(np.zeros(source), np.zeros(target))

    @pytest.mark.parametrize("option", [{"class_axis": 0}, {"class_axis": -1}, {"shift": True}])
    def test_options_of_classes(self, option: dict[str, Any]) -> None:
        [name] = option
        line = f"input has one number per sample; --{name.replace('_', '-')} needs several classes"
        with pytest.raises(DataError, match=line):
            losscli.brier([0.5, 0.5], [0, 1], **option)


class TestChecks:
    @pytest.mark.parametrize("bad", [-0.1, 1.1, NAN, INF])
    def test_probabilities_of_class_1(self, bad: float) -> None:
        with pytest.raises(DataError, match="input in row 1 is .* 0 to 1. For logits, use --from"):
            losscli.brier([0.5, bad], [0, 1])
        with pytest.raises(DataError, match="target in row 1 is .*; expected 0, 1 or a number bet"):
            losscli.brier([0.5, 0.5], [0.0, bad])

    def test_log_probabilities_of_class_1(self) -> None:
        with pytest.raises(DataError, match="input in row 1 is 0.5; expected a log-probability"):
            losscli.brier([-0.5, 0.5], [0, 1], from_="log-probs")

    def test_other_labels(self) -> None:
        with pytest.raises(DataError, match="target in row 0 is 2.*Use --class-base for other"):
            losscli.brier([0.5, 0.5], [2, 1])

    @pytest.mark.parametrize("bad", [-0.25, 1.25])
    def test_rows_of_probabilities(self, bad: float) -> None:
        with pytest.raises(DataError, match=r"input at \[0, 0\] is .*; expected a probability"):
            losscli.evaluate("brier", [[bad, 0.5, 0.5]], [1])
        with pytest.raises(DataError, match=r"target at \[0, 0\] is .*; expected a probability"):
            losscli.evaluate("brier", [[0.5, 0.25, 0.25]], [[bad, 0.0, 0.0]])

    def test_rows_that_do_not_sum_to_1(self) -> None:
        [warning] = losscli.evaluate("brier", [[0.5, 0.5, 0.5]], [1]).warnings
        assert "starts a row that sums to 1.5, not 1" in warning
        [warning] = losscli.evaluate("brier", [[0.5, 0.5]], [[0.5, 0.25]]).warnings
        assert "target at [0, 0] starts a row that sums to 0.75, not 1" in warning

    def test_two_columns_that_may_be_two_models(self) -> None:
        p = [[0.9, 0.8], [0.2, 0.3]]
        with pytest.raises(DataError, match="sums to 1.7, not 1. Use -i with one column if each"):
            losscli.evaluate("brier", p, [1, 0])
        assert losscli.evaluate("brier", p, [1, 0], check=False).value == pytest.approx(0.395)

    def test_columns_that_may_be_labels_of_their_own(self) -> None:
        p, y = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]], [[0, 1, 0], [1, 1, 0]]
        with pytest.raises(DataError, match=r"\[1, 0\] starts a row that sums to 2.*losscli mse"):
            losscli.evaluate("brier", p, y)

    def test_an_ignored_class_needs_class_indices(self) -> None:
        with pytest.raises(DataError, match="--ignore-index 0 needs class indices"):
            losscli.brier([[0.5, 0.5]], [[0.5, 0.5]], ignore_index=0)


class TestCommand:
    @pytest.mark.parametrize(
        ("words", "value"), [((), 0.0375), (("--no-scale-by-half",), 0.075), (("-r", "sum"), 0.15)]
    )
    def test_the_number(self, run: Run, words: tuple[str, ...], value: float) -> None:
        code, out, err = run("brier", "0.1,0.9,0.8,0.3", "0,1,1,0", *words)
        assert (code, err) == (0, "")
        assert float(out) == pytest.approx(value, rel=1e-15)

    def test_names_are_0_and_1(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("prob,label\n0.9,yes\n0.2,no\n0.7,yes\n")
        code, out, err = run("brier", path)
        assert (code, out) == (1, "")
        assert "expected 0 or 1, found text. Use --classes no,yes if 'no' is 0" in err
        code, out, _ = run("brier", path, "--classes", "no,yes")
        assert (code, float(out)) == (0, pytest.approx(0.14 / 3))
        assert (
            "expected 2 names, for 0 and 1, found 3" in run("brier", path, "--classes", "a,b,c")[2]
        )

    def test_names_in_another_file(self, run: Run, tmp_path: Path) -> None:
        np.save(tmp_path / "p.npy", [[0.9], [0.2]])
        (tmp_path / "y.csv").write_text("label\nyes\nno\n")
        words = ("brier", tmp_path / "p.npy", tmp_path / "y.csv", "--classes", "no,yes", "-q")
        assert float(run(*words)[1]) == pytest.approx(0.025)
