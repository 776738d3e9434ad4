"""NaN losses with --on-nan."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from losscli import evaluate
from losscli.errors import DataError, UsageError


class TestNan:
    X, Y = [1.0, math.nan, 4.0, math.nan], [0.0] * 4

    def test_it_counts_and_is_told_of(self) -> None:
        found = evaluate("l1", self.X, self.Y)
        assert math.isnan(found.value or 0.0)
        assert found.warnings == ("the result is NaN: the loss of 2 elements is NaN, first at [1]",)

    def test_it_is_an_error(self) -> None:
        with pytest.raises(DataError, match=r"the loss at \[1\] is NaN \(--on-nan error\)"):
            evaluate("l1", self.X, self.Y, on_nan="error")

    def test_it_is_left_out_and_counted_apart(self) -> None:
        found = evaluate("l1", self.X, self.Y, on_nan="skip")
        assert (found.value, found.count, found.ignored, found.skipped) == (2.5, 2, 2, 2)
        assert found.warnings == ("skipped 2 elements with a NaN loss, first at [1]",)
        weighted = evaluate("l1", self.X, self.Y, weight=[1, 5, 3, 5], on_nan="skip")
        assert weighted.value == (1 + 12) / 4

    def test_of_sequences(self) -> None:
        x = np.log(np.full((2, 2, 3), 1 / 3))
        x[:, 1] = math.nan
        found = evaluate("ctc", x, [[1], [1]], [2, 2], [1, 1], on_nan="skip", check=False)
        assert (found.count, found.skipped) == (1, 1)
        assert found.value == pytest.approx(-math.log(3 / 9))

    def test_no_other_word(self) -> None:
        with pytest.raises(
            UsageError, match="--on-nan: expected one of warn, error, skip, found 'drop'"
        ):
            evaluate("l1", self.X, self.Y, on_nan="drop")

    def test_command(self, run: Any) -> None:
        assert run("l1", "1,nan", "0,0", "--on-nan", "skip")[:2] == (0, "1.0\n")
        assert run("l1", "1,nan", "0,0", "--on-nan", "error") == (
            1,
            "",
            "losscli: error: the loss at [1] is NaN (--on-nan error)\n",
        )
