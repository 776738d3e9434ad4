"""Losses of vectors. Blocks are (n, D), or have more leading axes if the arrays have more."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from losscli.elements import Floats, PerElement
from losscli.losses.arrays import Signs, Vectors
from losscli.losses.checks import Check, signs
from losscli.losses.layout.vectors import vector_pairs, vector_triples
from losscli.losses.numerics import power, widen
from losscli.losses.options import Interval
from losscli.losses.registry import loss
from losscli.losses.summing import total

# PyTorch adds this number to each squared length, so that vectors of length 0 have a cosine. In
# PyTorch it is a float32 constant, whose relative difference from 1e-12 is 4e-9.
_EPSILON = float(np.float32(1e-12))


@loss(group="ranking", layout=vector_pairs, checks=(Check(signs),))
def cosine_embedding(
    input1: Vectors, input2: Vectors, target: Signs, *, margin: float = 0.0
) -> PerElement:
    """Cosine distance for similar pairs; for dissimilar pairs, similarity above a margin.

        1 - cos(x1, x2) if y = 1, max(0, cos(x1, x2) - margin) if y = -1

    where x1 and x2 are rows of the inputs and y the target. The loss is 0 for any other target.

    Args:
        input1: vectors, (D) or (N, D)
        input2: vectors, of a shape that broadcasts with input1's
        target: 1 for similar and -1 for dissimilar pairs, () or (N)
        margin: return 0 for dissimilar pairs whose cosine is at most this

    Raises:
        DataError: for shapes that do not fit

    Example:
        >>> import losscli
        >>> losscli.cosine_embedding([[1.0, 0.0]], [[0.0, 1.0]], [1])
        np.float64(1.0)

    Source: torch.nn.functional.cosine_embedding_loss
    """
    a, b, y = widen(input1), widen(input2), widen(target)
    dot, a2, b2 = _dot(a, b), _dot(a, a), _dot(b, b)
    lengths = np.sqrt((a2 + _EPSILON) * (b2 + _EPSILON))
    cosine = dot / lengths
    unlike = np.maximum(cosine - margin, 0.0)
    return PerElement(
        np.where(
            y == 1.0, _distance(a, b, (dot, a2, b2), lengths), np.where(y == -1.0, unlike, 0.0)
        )
    )


def _distance(a: Floats, b: Floats, dots: tuple[Floats, Floats, Floats], lengths: Floats) -> Floats:
    """1 - cos, at full precision even if the vectors are almost parallel.

    With s = sqrt((|a|² + ε)(|b|² + ε)) and t = a·b,

        1 - t/s = (s² - t²) / (s (s + t)) where s² - t² = |a|²|b|² - t² + ε(|a|² + |b|²) + ε²

    and |a|²|b|² - t² = |a|² · |b - (t/|a|²) a|², a sum of squares in which nothing cancels. Because
    t/|a|² is rounded, the remainder b - (t/|a|²) a is not quite orthogonal to a. The square of the
    remainder's component along a is therefore subtracted.
    """
    dot, a2, b2 = dots
    along = (dot / np.where(a2 > 0.0, a2, 1.0))[..., np.newaxis]
    rest = b - along * a
    apart = _dot(rest, rest)
    close = apart < 1e-8 * b2
    if close.any():
        a, b, along = (np.broadcast_to(array, rest.shape)[close] for array in (a, b, along))
        rest = _minus_product(b, along, a)
        apart[close] = _dot(rest, rest) - np.square(_dot(rest, a)) / _dot(a, a)
    apart *= a2
    squares = apart + _EPSILON * (a2 + b2) + _EPSILON**2
    cosine = dot / lengths
    return np.where(cosine > 0.5, squares / (lengths * (lengths + dot)), 1.0 - cosine)


def _minus_product(b: Floats, k: Floats, a: Floats) -> Floats:
    """b - k · a for almost equal terms, with the product k · a as an exact sum of two numbers.

    Source: Dekker, A floating-point technique for extending the available precision, 1971
    """
    product = k * a
    k_high, a_high = _high_half(k), _high_half(a)
    k_low, a_low = k - k_high, a - a_high
    rest = ((k_high * a_high - product) + k_high * a_low + k_low * a_high) + k_low * a_low
    return (b - product) - rest


def _high_half(x: Floats) -> Floats:
    """The first 26 of the 53 bits of each number."""
    shifted = x * (2.0**27 + 1.0)
    return shifted - (shifted - x)


def _dot(a: Floats, b: Floats) -> Floats:
    return total(a * b, -1)


@loss(group="ranking", layout=vector_triples)
def triplet_margin(
    anchor: Vectors,
    positive: Vectors,
    negative: Vectors,
    *,
    margin: Annotated[float, Interval(0.0, low_included=False)] = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
) -> PerElement:
    """Hinge loss on the distances from an anchor to a positive and a negative.

        max(0, margin + d(a, x) - d(a, z)) with d(u, v) = (Σ_i |u[i] - v[i] + eps|^p)^(1/p)

    where a, x and z are rows of anchor, positive and negative. With swap, d(x, z) is used instead
    of d(a, z) where d(x, z) is smaller.

    Args:
        anchor: vectors, (..., D)
        positive: vectors, of a shape that broadcasts with the anchor's
        negative: vectors, of a shape that broadcasts with the anchor's
        margin: return 0 where the negative is farther by at least this
        p: measure distances with the norm of this degree
        eps: add this to each difference
        swap: use the distance from positive to negative where that distance is smaller

    Raises:
        DataError: for shapes that do not fit
        UsageError: for a margin that is not above 0

    Example:
        >>> import losscli
        >>> losscli.triplet_margin([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.0]], eps=0.0)
        np.float64(1.0)

    Source: torch.nn.functional.triplet_margin_loss
    """
    a, x, z = widen(anchor), widen(positive), widen(negative)
    to_negative = _norm(_difference(a, z, eps), p)
    if swap:
        to_negative = np.minimum(to_negative, _norm(_difference(x, z, eps), p))
    return PerElement(np.maximum(margin + _norm(_difference(a, x, eps), p) - to_negative, 0.0))


def _difference(u: Floats, v: Floats, eps: float) -> Floats:
    difference = u - v
    difference += eps
    return difference


def _norm(difference: Floats, p: float) -> Floats:
    """(Σ_i |d[i]|^p)^(1/p) along the last axis.

    The largest |d[i]| if p is inf, the smallest if p is -inf, and the number of nonzero d[i] if p
    is 0. Overwrites `difference`, because allocating memory for each step would double the time.
    """
    if difference.shape[-1] == 0:
        return np.zeros(difference.shape[:-1])
    if p == 2.0:
        return np.sqrt(total(np.square(difference, out=difference), -1))
    sizes = np.abs(difference, out=difference)
    if p == 0.0:
        return total((sizes != 0.0).astype(np.float64), -1)
    if p == 1.0:
        return total(sizes, -1)
    if math.isinf(p):
        extreme: Floats = sizes.max(axis=-1) if p > 0 else sizes.min(axis=-1)
        return extreme
    return power(total(power(sizes, p), -1), 1.0 / p)
