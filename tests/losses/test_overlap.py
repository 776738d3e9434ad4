"""Soft Dice of a data set, compared with sums by hand and by `math.fsum`."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from conftest import Run

import losscli
from losscli.errors import UsageError
from losscli.evaluation import blocks


def overlap(p: Any, t: Any, smooth: float) -> float:
    """1 - (2·Σpt + smooth) / (Σp + Σt + smooth) with exact sums."""
    pairs = zip(p.ravel().tolist(), t.ravel().tolist(), strict=True)
    both = sum((Fraction(a * b) for a, b in pairs), Fraction())
    whole = Fraction(math.fsum(p.ravel())) + Fraction(math.fsum(t.ravel()))
    return float(1 - (2 * both + Fraction(smooth)) / (whole + Fraction(smooth)))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.fixture
def images() -> tuple[Any, Any]:
    """Probabilities (40, 3, 5, 7) and labels (40, 5, 7), some of them ignored."""
    rng = np.random.default_rng(4)
    labels = rng.integers(3, size=(40, 5, 7))
    labels[rng.random(labels.shape) < 0.1] = -100
    return softmax(rng.normal(size=(40, 3, 5, 7))), labels


def counted(p: Any, labels: Any) -> tuple[Any, Any]:
    """Rows of probabilities and one-hot labels of the elements that are not ignored."""
    kept = labels >= 0
    return np.moveaxis(p, 1, -1)[kept], np.eye(3)[labels[kept]]


class TestValue:
    def test_by_hand(self) -> None:
        """Σpt = 1.5 and Σp = Σt = 2, so the loss is 1 - (3 + 1) / (4 + 1)."""
        p = [[0.75, 0.25], [0.25, 0.75]]
        assert losscli.dice(p, [0, 1]) == pytest.approx(0.2, rel=1e-15)

    @pytest.mark.parametrize("smooth", [0.0, 1.0, 1e-5])
    def test_over_all_classes(self, images: tuple[Any, Any], smooth: float) -> None:
        expected = overlap(*counted(*images), smooth)
        assert losscli.dice(*images, smooth=smooth) == pytest.approx(expected, rel=1e-12)

    def test_over_each_class(self, images: tuple[Any, Any]) -> None:
        p, t = counted(*images)
        each = [overlap(p[:, c], t[:, c], 1.0) for c in range(3)]
        found = losscli.dice(*images, average="macro")
        assert found == pytest.approx(math.fsum(each) / 3, rel=1e-12)

    def test_logits_are_normalised(self) -> None:
        x, y = np.log([[3.0, 1.0], [1.0, 3.0]]), [0, 1]
        found = losscli.dice(x, y, from_="logits", smooth=0.0)
        assert found == pytest.approx(0.25, rel=1e-14)

    def test_targets_may_be_probabilities(self, images: tuple[Any, Any]) -> None:
        p, _ = images
        t = softmax(np.random.default_rng(5).normal(size=p.shape))
        assert losscli.dice(p, t, class_axis=1) == pytest.approx(overlap(p, t, 1.0), rel=1e-12)

    def test_it_is_no_mean_of_blocks(self, images: tuple[Any, Any]) -> None:
        whole = losscli.dice(*images)
        with mock.patch.object(blocks, "BLOCK_VALUES", 30):
            assert losscli.dice(*images) == whole
        p, labels = images
        halves = [losscli.dice(p[part], labels[part]) for part in (slice(20), slice(20, 40))]
        assert abs(sum(halves) / 2 - whole) > 1e-6

    def test_of_nothing(self) -> None:
        assert math.isnan(losscli.evaluate("dice", np.ones((2, 2)), [-100, -100]).value)

    def test_a_sample_weight_of_2_is_a_copy(self) -> None:
        p, y = np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([0, 1])
        twice = losscli.dice(p[[0, 0, 1]], y[[0, 0, 1]])
        assert losscli.dice(p, y, sample_weight=[2.0, 1.0]) == twice

    def test_a_mask_leaves_out(self) -> None:
        p, y = np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([0, 1])
        assert losscli.dice(p, y, mask=[1, 0]) == losscli.dice(p[:1], y[:1])


class TestCommand:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[str]:
        np.save(tmp_path / "p.npy", [[0.75, 0.25], [0.25, 0.75]])
        np.save(tmp_path / "y.npy", [0, 1])
        return [str(tmp_path / "p.npy"), str(tmp_path / "y.npy")]

    def test_json(self, run: Run, files: list[str]) -> None:
        code, out, err = run("dice", *files, "-f", "json", "--smooth", "0")
        record = json.loads(out)
        assert (code, record["value"], record["reduction"]) == (0, 0.25, "pooled")
        assert (record["count"], record["ci"], err) == (2, None, "")

    @pytest.mark.parametrize(
        "words",
        [("--by", "class"), ("--top", "3"), ("--quantiles", "0.5"), ("-o", "losses.npy")],
    )
    def test_no_loss_of_an_element(
        self, run: Run, files: list[str], words: tuple[str, ...]
    ) -> None:
        code, out, err = run("dice", *files, *words)
        assert (code, out) == (2, "")
        assert "dice" in err
        assert words[0].replace("-o", "--output") in err

    def test_no_other_reduction(self, run: Run, files: list[str]) -> None:
        assert run("dice", *files, "-r", "none")[0] == 2

    def test_no_comparison(self) -> None:
        with pytest.raises(UsageError, match="needs per-element losses, but dice is computed"):
            losscli.compare("dice", np.ones((1, 2)), np.ones((1, 2)), [0])
