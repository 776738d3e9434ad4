"""The pieces that losses share: widening, logarithms that keep their digits, and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.errors import ArrayError
from losscli.reduction import Floats, Mask

CLASS_AXIS = 1


def widen(array: NDArray[Any]) -> Floats:
    """As float64, so that nothing is computed or added up in less."""
    return array.astype(np.float64, copy=False)


def negative_log_softmax(x: Floats) -> Floats:
    """-log softmax(x) along the class axis, to the last digits also where it is almost 0.

    With m = x_k the largest of a row,

        -log softmax(x)_c = (m - x_c) + log1p(Σ_{j≠k} exp(x_j - m))

    where both terms are at least 0, so nothing cancels; log(Σ_j exp(x_j - m)) would lose the
    digits of Σ_{j≠k} next to exp(0) = 1 when the model is confident. A NaN or +inf in a row, or
    a row of only -inf, makes x_k - m NaN and with it the row.
    """
    largest = np.expand_dims(np.argmax(x, axis=CLASS_AXIS), CLASS_AXIS)
    below = x - np.take_along_axis(x, largest, CLASS_AXIS)
    terms = np.exp(below)
    of_largest = np.take_along_axis(terms, largest, CLASS_AXIS)
    np.put_along_axis(terms, largest, of_largest - 1.0, CLASS_AXIS)
    others: Floats = terms.sum(axis=CLASS_AXIS, keepdims=True)
    return np.log1p(others) - below


def softplus(x: Floats) -> Floats:
    """log(1 + exp(x)), which neither overflows nor loses digits on either side.

    softplus(x) = max(x, 0) + log1p(exp(-|x|)): both terms are at least 0.
    """
    result: Floats = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
    return result


def pick(array: NDArray[Any], indices: NDArray[np.intp]) -> NDArray[Any]:
    """The entry of each element's class: array[n, indices[n, ...], ...]."""
    chosen = np.take_along_axis(array, np.expand_dims(indices, CLASS_AXIS), CLASS_AXIS)
    return np.squeeze(chosen, CLASS_AXIS)


def along_classes(per_class: Floats, ndim: int) -> Floats:
    """A vector of one number a class, shaped to broadcast against a block of that many axes."""
    return per_class.reshape(-1, *(1,) * (ndim - CLASS_AXIS - 1))


def class_indices(
    target: NDArray[Any], classes: int, ignore_index: int | Sequence[int]
) -> tuple[NDArray[np.intp], Mask]:
    """The target as indices, 0 where ignored, and which elements are ignored.

    Raises ArrayError at the first target that is neither ignored nor one of 0..classes-1.
    """
    ignored = np.zeros(target.shape, dtype=np.bool_)
    for index in np.atleast_1d(ignore_index):
        ignored |= target == index
    indices = np.where(ignored, target.dtype.type(0), target)
    wrong = ~((indices >= 0) & (indices < classes))  # NaN is in no range
    if target.dtype.kind == "f":
        wrong |= indices != np.floor(indices)
    refuse(
        wrong,
        "target",
        target,
        f"expected a class from 0 to {classes - 1}, or an ignored one (--ignore-index)",
    )
    return indices.astype(np.intp), ignored


def refuse(wrong: Mask, name: str, array: NDArray[Any], expected: str) -> None:
    """Raise ArrayError at the first element, in C order, that is marked as wrong."""
    if wrong.any():
        position = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
        raise ArrayError(name, f"is {array[position]}; {expected}", position)
