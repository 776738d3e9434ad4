"""Corner cases of CTC, with the results of PyTorch 2.13."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import DataError

INF = math.inf
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


class TestCtc:
    # Three steps, one sample and three classes, with values that are exact in float64.
    X = np.log([[[0.5, 0.25, 0.25]], [[0.25, 0.5, 0.25]], [[0.25, 0.25, 0.5]]])

    def ctc(self, targets: Any, steps: int, labels: int, **options: Any) -> Any:
        found = losscli.ctc(self.X, targets, [steps], [labels], reduction="none", **options)
        return found[0]

    def test_all_ways_of_writing_one_label(self) -> None:
        """With 0 as the blank: 100 010 001 110 011 111. The sum is 1 + 4 + 2 + 2 + 4 + 2 of 64."""
        assert self.ctc([[1]], 3, 1) == pytest.approx(math.log(64 / 15), rel=1e-14)

    def test_a_repeated_label_needs_a_blank_between(self) -> None:
        """Only 1 0 1 is possible: 1/4 · 1/4 · 1/4."""
        assert self.ctc([[1, 1]], 3, 2) == pytest.approx(3 * math.log(4), rel=1e-14)
        assert self.ctc([[1, 1]], 2, 2) == INF
        assert self.ctc([[1, 1]], 2, 2, zero_infinity=True) == 0.0

    def test_no_labels_are_blanks_alone(self) -> None:
        assert self.ctc([[1]], 2, 0) == pytest.approx(math.log(8), rel=1e-14)
        assert self.ctc([[1]], 0, 0) == 0.0
        assert self.ctc([[1]], 0, 1) == INF

    def test_the_mean_divides_by_the_labels_first(self) -> None:
        x = np.concatenate([self.X, self.X], axis=1)
        targets, steps, labels = [[1, 2], [1, 0]], [3, 3], [2, 1]
        each = losscli.ctc(x, targets, steps, labels, reduction="none")
        assert losscli.ctc(x, targets, steps, labels) == pytest.approx((each[0] / 2 + each[1]) / 2)
        assert losscli.ctc(x, targets, steps, labels, reduction="sum") == pytest.approx(each.sum())

    def test_targets_end_to_end(self) -> None:
        x = np.concatenate([self.X] * 3, axis=1)
        padded = losscli.ctc(x, [[1, 2], [1, 0], [2, 1]], [3] * 3, [2, 1, 2], reduction="none")
        joined = losscli.ctc(x, [1, 2, 1, 2, 1], [3] * 3, [2, 1, 2], reduction="none")
        np.testing.assert_array_equal(joined, padded)
        with pytest.raises(DataError, match="expected 5 values, the sum of the lengths, found 4"):
            losscli.ctc(x, [1, 2, 1, 2], [3] * 3, [2, 1, 2])
        with pytest.raises(DataError, match="expected 5 values, the sum of the lengths, found 6"):
            losscli.ctc(x, [1, 2, 1, 2, 1, 1], [3] * 3, [2, 1, 2])

    def test_one_sample(self) -> None:
        for targets in ([1], [[1]]):
            found = losscli.ctc(self.X[:, 0], targets, 3, 1, reduction="none")
            assert np.shape(found) == ()
            assert found == self.ctc([[1]], 3, 1)

    def test_no_such_blank(self) -> None:
        for blank in (3, -1):
            with pytest.raises(DataError, match=f"has classes 0 to 2, but --blank is {blank}"):
                self.ctc([[1]], 3, 1, blank=blank)

    def test_one_length_for_all(self) -> None:
        x = np.concatenate([self.X] * 2, axis=1)
        each = losscli.ctc(x, [[1], [2]], [3, 3], [1, 1], reduction="none")
        for length in (3, [3]):
            found = losscli.ctc(x, [[1], [2]], length, [1], reduction="none")
            np.testing.assert_array_equal(found, each)

    def test_nothing_but_the_blank(self) -> None:
        """One class of probability 1/2 gives (1/2)^2 for two steps, whatever pads the target."""
        x = np.log(np.full((2, 1, 1), 0.5))
        assert losscli.ctc(x, [[0, 0]], [2], [0], reduction="sum") == 2 * math.log(2)

    def test_targets_that_do_not_fit(self) -> None:
        x = np.concatenate([self.X] * 2, axis=1)
        for targets in ([[1]], np.ones((2, 1, 1), int)):
            with pytest.raises(DataError, match=r"takes \(2, S\), or all targets concatenated"):
                losscli.ctc(x, targets, [3, 3], [1, 1])
        with pytest.raises(DataError, match=r"takes \(1, S\) or \(S\)$"):
            losscli.ctc(self.X[:, 0], np.ones((2, 1), int), 3, 1)

    @pytest.mark.parametrize(
        ("steps", "labels", "targets", "expected"),
        [
            (4, 1, [[1]], "input_lengths in row 0 is 4; expected a length from 0 to 3"),
            (3, 2, [[1]], "target_lengths in row 0 is 2; expected a length from 0 to 1"),
            (3, -1, [[1]], "target_lengths in row 0 is -1; expected a length"),
            (3, 1, [[3]], r"targets at \[0, 0\] is 3; expected a class from 0 to 2"),
        ],
    )
    def test_what_does_not_fit(self, steps: int, labels: int, targets: Any, expected: str) -> None:
        with pytest.raises(DataError, match=expected):
            self.ctc(targets, steps, labels)
