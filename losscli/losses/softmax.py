"""Negative logarithms of probabilities, from logits, probabilities or log-probabilities."""

from __future__ import annotations

import numpy as np

from losscli.elements import Array, Floats
from losscli.losses.numerics import CLASS_AXIS, widen
from losscli.losses.summing import total


def negative_log_softmax(x: Floats, axis: int = CLASS_AXIS) -> Floats:
    """-log softmax(x) along the class axis, at full precision even if the result is almost 0.

    With m = x_k the largest logit of a row,

        -log softmax(x)_c = (m - x_c) + log1p(Σ_{j≠k} exp(x_j - m))

    where both terms are at least 0, so nothing cancels. In log(Σ_j exp(x_j - m)), the digits of
    Σ_{j≠k} would be lost next to exp(0) = 1 if the model is confident. With a NaN or +inf in a
    row, or only -inf, x_k - m is NaN, and therefore all results of the row are NaN.
    """
    if x.shape[axis] == 0:
        return x
    largest = np.expand_dims(np.argmax(x, axis=axis), axis)
    below = x - np.take_along_axis(x, largest, axis)
    terms = np.exp(below)
    of_largest = np.take_along_axis(terms, largest, axis)
    np.put_along_axis(terms, largest, of_largest - 1.0, axis)
    others = np.expand_dims(total(terms, axis), axis)
    return np.log1p(others) - below


def negative_log(x: Array, kind: str, clip: float | None, axis: int = CLASS_AXIS) -> Floats:
    """-log p, where `x` contains the probabilities p as "logits", "probs" or "log-probs".

    "probs" are not renormalised. They are clipped to clip..1-clip unless `clip` is None.
    """
    if kind == "logits":
        return negative_log_softmax(widen(x), axis)
    if kind == "probs":
        return 0.0 - np.log(clipped(widen(x), clip))
    return 0.0 - widen(x)  # not -x, which shows a loss of 0 as -0.0


def clipped(p: Floats, clip: float | None) -> Floats:
    """Probabilities clipped to clip..1-clip, or unchanged if `clip` is None."""
    return p if clip is None else np.clip(p, clip, 1.0 - clip)
