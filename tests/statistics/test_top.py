"""The worst elements."""

from __future__ import annotations

import math

import numpy as np
import pytest

from losscli import Wanted, evaluate
from losscli.evaluation import blocks


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
        """Also if blocks have the class axis last. Logits of 0 give q = 1/2, so the worst loss is
        3/4 · log(3/4 / (1/2))."""
        x = np.zeros((1, 2, 3))
        p = np.full((1, 2, 3), 0.5)
        p[0, :, 1] = [0.25, 0.75]
        options = {"from_": "logits", "class_axis": 1, "reduction": "sum"}
        [worst] = evaluate("kl-div", x, p, wanted=Wanted(top=1), **options).top or ()
        assert (worst.index, worst.target) == ((0, 1, 1), 0.75)
        assert worst.loss == pytest.approx(0.75 * math.log(1.5), rel=1e-14)

    def test_without_a_target(self) -> None:
        """The distance to the positive is 1 - 1e-6 and to the negative 1e-6, with a margin of 1."""
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
