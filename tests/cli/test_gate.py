"""Gates: exit code 3 if the loss is too large."""

from __future__ import annotations

import math
from typing import Any

X, Y = "1,2,6", "0,0,0"


# 3 ± t · sqrt(7/3), with t = 4.302652729749 for 2 degrees of freedom.
HALF = 4.302652729749 * math.sqrt(7 / 3)


class TestGates:
    def test_above(self, run: Any) -> None:
        assert run("l1", X, Y, "--fail-above", "3") == (0, "3.0\n", "")
        assert run("l1", X, Y, "--fail-above", "2.75") == (
            3,
            "3.0\n",
            "losscli: error: the loss (3) exceeds --fail-above 2.75\n",
        )

    def test_nan_fails(self, run: Any) -> None:
        code, out, err = run("l1", "nan,1", "0,0", "--fail-above", "100")
        assert (code, out) == (3, "nan\n")
        assert err.splitlines()[-1] == "losscli: error: the loss is NaN (--fail-above)"

    def test_the_upper_end(self, run: Any) -> None:
        assert run("l1", X, Y, "--fail-above", 3 + HALF + 1e-6, "--fail-on", "upper")[0] == 0
        code, _, err = run("l1", X, Y, "--fail-above", "9", "--fail-on", "upper")
        assert code == 3
        expected = "the upper end of the interval (9.57241) exceeds --fail-above 9"
        assert err == f"losscli: error: {expected}\n"
        assert run("l1", "1", "0", "--fail-above", "9", "--fail-on", "upper")[0] == 3

    def test_no_limit(self, run: Any) -> None:
        assert run("l1", X, Y, "--fail-above", "nan")[0] == 2
        assert run("l1", X, Y, "--fail-on", "upper")[0] == 2

    def test_there_is_nothing_to_judge_in_many_numbers(self, run: Any) -> None:
        code, out, err = run("l1", X, Y, "--fail-above", "3", "-r", "none")
        assert (code, out) == (2, "")
        assert "--fail-above needs one number. Use it without --reduction none." in err
