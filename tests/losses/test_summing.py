"""Sums in a fixed order: accurate, and with the same bits for every memory layout."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from losscli.losses import summing
from losscli.losses.summing import mean, total

LOSSES = Path(summing.__file__).parent

CLASSES = [*range(1, 20), 31, 32, 33, 511, 512, 513, 1024, 1300, 9000, 50_257]


def drawn(shape: tuple[int, ...], dtype: str) -> Any:
    """Positive numbers of many magnitudes."""
    return np.exp(np.random.default_rng(3).normal(0.0, 4.0, shape)).astype(dtype)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_sum_is_as_exact_as_the_terms(classes: int, dtype: str) -> None:
    rows = drawn((12, classes), dtype)
    exact = [math.fsum(row) for row in rows.tolist()]
    rtol = 1e-6 if dtype == "f4" else 4e-15
    np.testing.assert_allclose(total(rows, 1), exact, rtol=rtol)
    np.testing.assert_allclose(mean(rows, 1), np.array(exact) / classes, rtol=rtol)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_cancelling_terms(classes: int, dtype: str) -> None:
    rng = np.random.default_rng(4)
    rows = (drawn((12, classes), dtype) * rng.choice([-1.0, 1.0], (12, classes))).astype(dtype)
    exact = [math.fsum(row) for row in rows.tolist()]
    scale = np.abs(rows).sum(axis=1, dtype=np.float64)
    eps = np.finfo(dtype).eps
    assert np.all(np.abs(total(rows, 1) - exact) <= 20 * eps * scale)


@pytest.mark.parametrize("rows", [1, 3, 70, 700])
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_order_follows_from_the_number_of_classes(rows: int, classes: int, dtype: str) -> None:
    if rows * classes > 1_000_000:
        return
    terms = drawn((rows, classes), dtype)
    expected = total(terms, 1)
    several = np.stack([terms, terms], axis=2)  # the class axis in the middle
    wide = np.zeros((rows, classes + 3), dtype)
    wide[:, :classes] = terms
    for found in (
        total(np.asfortranarray(terms), 1),
        total(terms.T.copy(), 0),
        total(terms.T, 0),
        total(wide[:, :classes], 1),
        total(several, 1)[:, 1],
        total(np.moveaxis(several, 1, 2).copy(), 2)[:, 0],
        total(np.repeat(terms, 2, axis=1)[:, ::2], 1),
        np.concatenate([total(terms[k : k + 1], 1) for k in range(rows)]),
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_where_einsum_adds_in_another_order(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor with wider registers. The bits are the same, but computed more slowly."""
    terms = drawn((50, 1300), dtype)
    expected = total(terms, 1)
    monkeypatch.setattr(summing, "_einsum_agrees", lambda dtype: False)
    np.testing.assert_array_equal(total(terms, 1), expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_einsum_adds_in_this_order(dtype: str) -> None:
    """If this fails, sums are as accurate but take up to ten times as long. Adapt `_in_lanes`."""
    assert summing._einsum_agrees(np.dtype(dtype))


def test_no_loss_adds_in_another_order() -> None:
    others = {"sum", "nansum", "mean", "average", "einsum", "norm", "dot", "vdot", "inner"}
    others |= {"matmul", "tensordot", "vecdot", "cumsum", "trapezoid", "var", "std"}
    for path in set(LOSSES.rglob("*.py")) - {LOSSES / "summing.py"}:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Attribute) and node.attr in others), path
            assert not isinstance(node, ast.MatMult), path


def test_no_class_and_one() -> None:
    np.testing.assert_array_equal(total(np.zeros((3, 0)), 1), [0.0, 0.0, 0.0])
    terms = np.ones((3, 1))
    sums = total(terms, 1)
    sums += 1.0
    np.testing.assert_array_equal(terms, 1.0)  # the sum is not a view of the terms
    assert total(np.zeros((0, 5)), 1).shape == (0,)
