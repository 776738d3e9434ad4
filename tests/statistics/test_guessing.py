"""A warning reports a loss that is worse than guessing by label frequencies."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import numpy as np
import pytest

import losscli
from losscli import compare, evaluate
from losscli.elements import Elements, PerElement
from losscli.errors import DataError
from losscli.evaluation import blocks
from losscli.statistics.guessing import Guessing

# 30 rows of 3 classes, 10 rows each, for a confident model that is right or wrong.
LABELS = np.tile([0, 1, 2], 10)


SURE = 3.0 * np.eye(3)[LABELS] + np.linspace(0.0, 0.1, 90).reshape(30, 3)


RIGHT, SHIFTED = LABELS, (LABELS + 1) % 3


WORSE = (
    "is worse than guessing by label frequencies (1.09861). Check whether classes are numbered from"
)


def worse(warnings: tuple[str, ...]) -> list[str]:
    return [text for text in warnings if "worse than guessing" in text]


class TestWarning:
    def test_classes_in_another_order(self) -> None:
        assert evaluate("ce", SURE, RIGHT).warnings == ()
        found = evaluate("ce", SURE, SHIFTED)
        assert found.warnings == (
            f"the loss ({found.value:.6g}) {WORSE} 1 or in another order. If they are not, "
            "--calibration shows whether the model is overconfident.",
        )

    def test_it_is_an_error_with_strict(self) -> None:
        with pytest.raises(DataError, match=r"worse than guessing .*\(--strict\)"):
            evaluate("ce", SURE, SHIFTED, strict=True)

    def test_not_where_nothing_is_checked(self) -> None:
        assert evaluate("ce", SURE, SHIFTED, check=False).warnings == ()
        assert losscli.cross_entropy(SURE, SHIFTED) > 2.0  # a warning would be an error here

    def test_the_interval_decides(self) -> None:
        """With 4 rows, one of them wrong, the interval extends far below log 2."""
        x = [[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [6.0, 0.0]]
        found = evaluate("ce", x, [0, 1, 0, 1])
        assert found.reference is not None
        assert found.value is not None
        assert found.value > found.reference.prior
        assert found.ci is not None
        assert found.ci[0] < found.reference.prior
        assert found.warnings == ()
        # 100 copies of the rows make the interval narrow.
        many = evaluate("ce", np.tile(x, (100, 1)), np.tile([0, 1, 0, 1], 100))
        assert many.value == pytest.approx(found.value, rel=1e-14)
        assert worse(many.warnings)

    def test_one_sample_has_no_interval(self) -> None:
        assert evaluate("ce", [[0.0, 9.0]], [0]).warnings == ()

    def test_labels_of_one_class_say_nothing(self) -> None:
        assert evaluate("ce", SURE, np.zeros(30, int)).reference is not None
        assert evaluate("ce", SURE, np.zeros(30, int)).warnings == ()

    def test_few_labels_of_many_classes(self) -> None:
        """20 labels of 50,000 classes have an entropy of at most log 20 = 3.0. No model knows these
        labels in advance: guessing a label from the others costs log(1 + 49,999 / 20) = 7.8
        more."""
        y = np.arange(20)
        x = np.zeros((20, 50_000))
        x[y, y] = 6.0 + np.linspace(0, 1, 20)
        found = evaluate("ce", x, y)
        assert found.ci is not None
        assert 3.0 < found.ci[0] < 10.8
        assert found.warnings == ()
        x[y, y] = -5.0 + np.linspace(0, 1, 20)
        assert worse(evaluate("ce", x, y).warnings)

    @pytest.mark.parametrize(
        ("loss", "options"),
        [
            ("ce", {"label_smoothing": 0.1}),
            ("ce", {"reduction": "sum"}),
            ("multi-margin", {}),
        ],
    )
    def test_where_guessing_has_no_cost(self, loss: str, options: dict[str, Any]) -> None:
        assert evaluate(loss, SURE, SHIFTED, **options).warnings == ()

    def test_probability_targets(self) -> None:
        assert evaluate("ce", SURE, np.eye(3)[SHIFTED]).warnings == ()

    def test_in_compare(self) -> None:
        found = compare("ce", SURE, -SURE, RIGHT)
        assert (worse(found.a.warnings), len(worse(found.b.warnings))) == ([], 1)

    def test_weights(self) -> None:
        """A class weight of 0 excludes the wrong class from the loss and from the frequencies."""
        y = np.where(LABELS == 2, 0, LABELS)
        assert worse(evaluate("ce", SURE[:, [2, 1, 0]], y, weight=[1, 0, 1]).warnings) == []
        s = (LABELS != 2).astype(float)
        assert evaluate("ce", SURE, y, sample_weight=s).warnings == ()
        assert worse(evaluate("ce", SURE, (y + 1) % 3, sample_weight=s).warnings)


@pytest.mark.parametrize("classes", [2, 7, 1000])
@pytest.mark.parametrize("block_values", [20, 1 << 19])
@pytest.mark.parametrize("weights", [None, "class", "sample"])
def test_frequencies_of_any_blocks(classes: int, block_values: int, weights: str | None) -> None:
    """The entropy of the labels that count does not depend on the blocks."""
    rng = np.random.default_rng(classes)
    y = rng.integers(classes, size=300)
    y[rng.random(300) < 0.2] = -100
    kept = y >= 0
    w = rng.uniform(0, 2, size=classes if weights == "class" else 300)
    given: dict[str, Any] = {"class": {"weight": w}, "sample": {"sample_weight": w}}.get(
        weights or "", {}
    )
    with mock.patch.object(blocks, "BLOCK_VALUES", block_values):
        found = evaluate(
            "ce", np.zeros((300, classes)), y + 1, class_base=1, ignore_index=-99, **given
        )
    each = kept.astype(float)
    if weights is not None:
        each *= w if weights == "sample" else w[y * kept]
    sums = np.bincount(y * kept, each, classes)
    shares = sums[sums > 0] / sums.sum()
    assert found.reference is not None
    expected = -float((shares * np.log(shares)).sum())
    assert found.reference.prior == pytest.approx(expected, rel=1e-13)


def test_what_guessing_a_label_from_the_others_costs() -> None:
    """The labels 0, 0, 1 of 3 classes by hand. For each label, the two other labels and 1 for each
    class add up to 5, of which 2, 2 and 1 are of its class."""
    found = Guessing(3, 0, is_shown=True)
    found.add(Elements((0,), PerElement(np.zeros(3)), target=np.array([0, 0, 1])))
    by_hand = -(2 * math.log(2 / 5) + math.log(1 / 5)) / 3
    assert found.prior_left_out(3) == pytest.approx(by_hand, rel=1e-15)
