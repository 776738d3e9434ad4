"""Corner cases of losses of vectors, with the results of PyTorch 2.13."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import DataError, UsageError

INF = math.inf
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")


def none_of(loss: Any, *arrays: Any, **options: Any) -> Any:
    return loss(*arrays, **options, reduction="none")


class TestVectors:
    def test_cosine_embedding(self) -> None:
        a, b = [[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], np.ones((4, 2))
        found = none_of(losscli.cosine_embedding, a, b, [1, 1, -1, 0])
        half = math.sqrt(0.5)
        np.testing.assert_allclose(found, [1.0, 1 - half, half, 0.0], rtol=1e-11)

    def test_cosine_embedding_of_one_pair(self) -> None:
        for target in (1, [1]):
            found = none_of(losscli.cosine_embedding, [1.0, 0.0], [1.0, 1.0], target)
            assert np.shape(found) == ()

    def test_one_target_for_all_pairs(self) -> None:
        a, b = [[1.0, 0.0], [0.0, 2.0]], np.ones((2, 2))
        for target in (-1, [-1]):
            found = none_of(losscli.cosine_embedding, a, b, target)
            np.testing.assert_allclose(found, [math.sqrt(0.5)] * 2, rtol=1e-11)

    def test_vectors_of_nothing(self) -> None:
        """Empty vectors have the distance 0, so the loss is the margin."""
        for shape, p in itertools.product([(2, 0), (2, 3, 0)], [1.0, 2.0, INF]):
            found = none_of(losscli.triplet_margin, *[np.zeros(shape)] * 3, p=p)
            np.testing.assert_array_equal(found, np.ones(shape[:-1]))

    def test_targets_of_vectors_that_do_not_fit(self) -> None:
        for shape, expected in [((3, 2), r"\(3,\)"), ((2,), r"\(\)")]:
            with pytest.raises(DataError, match=rf"target has shape \(2,\); expected {expected}"):
                losscli.cosine_embedding(np.ones(shape), np.ones(shape), [1, 1])

    def test_vectors_that_do_not_fit(self) -> None:
        with pytest.raises(DataError, match=r"input2 has .*\(1, 3\); expected the shape of input1"):
            losscli.cosine_embedding([[1.0, 0.0]], [[1.0, 1.0, 1.0]], [1])
        with pytest.raises(DataError, match=r"negative has .*\(2,\); expected the shape of anchor"):
            losscli.triplet_margin([[1.0, 0.0]], [[1.0, 0.0]], [1.0, 1.0])

    def test_triplet_margin_swaps_to_the_smaller_distance(self) -> None:
        triple = [[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.0]]
        assert losscli.triplet_margin(*triple, eps=0.0) == 1.0
        # The distance of the negative from the positive is sqrt(10).
        found = losscli.triplet_margin(*triple, eps=0.0, swap=True)
        assert found == pytest.approx(6 - math.sqrt(10), rel=1e-15)

    @pytest.mark.parametrize(("p", "distance"), [(1.0, 7.0), (2.0, 5.0), (INF, 4.0)])
    def test_norms(self, p: float, distance: float) -> None:
        a, x, z = [[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 0.0]]
        assert losscli.triplet_margin(a, x, z, p=p, eps=0.0) == 1 + distance

    def test_a_triplet_margin_is_above_0(self) -> None:
        with pytest.raises(UsageError, match=r"--margin: expected a number above 0, found 0.0"):
            losscli.triplet_margin([[0.0]], [[0.0]], [[0.0]], margin=0.0)
