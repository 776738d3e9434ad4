"""The pieces that losses share: widening, logarithms that keep their digits, and indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.errors import ArrayError
from losscli.losses.checks import first
from losscli.reduction import Floats, Mask

CLASS_AXIS = 1

# Targets that mark what does not count, in files that hold no -100, and what -100 turns into
# where it is saved as an unsigned integer.
_MARKS = (255, -1, -100)
_UNSIGNED_MARKS = {2**bits - 100: bits for bits in (8, 16, 32, 64)}


def widen(array: NDArray[Any]) -> Floats:
    """As float64, so that nothing is computed or added up in less."""
    return array.astype(np.float64, copy=False)


def negative_log_softmax(x: Floats, axis: int = CLASS_AXIS) -> Floats:
    """-log softmax(x) along the class axis, to the last digits also where it is almost 0.

    With m = x_k the largest of a row,

        -log softmax(x)_c = (m - x_c) + log1p(Σ_{j≠k} exp(x_j - m))

    where both terms are at least 0, so nothing cancels; log(Σ_j exp(x_j - m)) would lose the
    digits of Σ_{j≠k} next to exp(0) = 1 when the model is confident. A NaN or +inf in a row, or
    a row of only -inf, makes x_k - m NaN and with it the row.
    """
    if x.shape[axis] == 0:
        return x
    largest = np.expand_dims(np.argmax(x, axis=axis), axis)
    below = x - np.take_along_axis(x, largest, axis)
    terms = np.exp(below)
    of_largest = np.take_along_axis(terms, largest, axis)
    np.put_along_axis(terms, largest, of_largest - 1.0, axis)
    others: Floats = terms.sum(axis=axis, keepdims=True)
    return np.log1p(others) - below


def negative_log(x: NDArray[Any], kind: str, clip: float | None, axis: int = CLASS_AXIS) -> Floats:
    """-log p of the probabilities p that `x` tells as "logits", "probs" or "log-probs".

    Probabilities are taken as they are, never renormalised, and held within clip..1-clip.
    """
    if kind == "logits":
        return negative_log_softmax(widen(x), axis)
    if kind == "probs":
        return 0.0 - np.log(clipped(widen(x), clip))
    return 0.0 - widen(x)  # not -x, which shows a loss of 0 as -0.0


def clipped(p: Floats, clip: float | None) -> Floats:
    """Probabilities held within clip..1-clip."""
    return p if clip is None else np.clip(p, clip, 1.0 - clip)


def softplus(x: Floats) -> Floats:
    """log(1 + exp(x)), which neither overflows nor loses digits on either side.

    softplus(x) = max(x, 0) + log1p(exp(-|x|)): both terms are at least 0.
    """
    result: Floats = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
    return result


def hinge(z: Floats) -> Floats:
    """max(z, 0), and 0 where z is NaN, as PyTorch's margins over classes have it."""
    return np.where(z > 0.0, z, 0.0)


def pick(array: NDArray[Any], indices: NDArray[np.intp]) -> NDArray[Any]:
    """The entry of each element's class: array[n, indices[n, ...], ...]."""
    chosen = np.take_along_axis(array, np.expand_dims(indices, CLASS_AXIS), CLASS_AXIS)
    return np.squeeze(chosen, CLASS_AXIS)


def along_classes(per_class: Floats, ndim: int) -> Floats:
    """A vector of one number a class, shaped to broadcast against a block of that many axes."""
    return per_class.reshape(-1, *(1,) * (ndim - CLASS_AXIS - 1))


def class_indices(
    target: NDArray[Any],
    classes: int,
    ignore_index: int | Sequence[int] = (),
    class_base: int = 0,
    name: str = "target",
) -> tuple[NDArray[np.intp], Mask]:
    """The target counted from 0, which it is where ignored, and which elements are ignored.

    Ignored are targets as they are written. Raises ArrayError at the first target that is
    neither ignored nor one of the classes.
    """
    ignored = np.zeros(target.shape, dtype=np.bool_)
    for index in np.atleast_1d(ignore_index):
        ignored |= target == index
    indices = np.where(ignored, target.dtype.type(class_base), target)
    wrong = ~((indices >= class_base) & (indices < classes + class_base))  # NaN is in no range
    if target.dtype.kind == "f":
        wrong |= indices != np.floor(indices)
    if wrong.any():
        position = first(wrong)
        raise ArrayError(
            name,
            f"is {target[position]}; expected a class from {class_base} to "
            f"{classes - 1 + class_base}{_advice(target[position], classes, class_base)}",
            position,
        )
    return indices.astype(np.intp) - class_base, ignored


def _advice(found: Any, classes: int, class_base: int) -> str:
    """What may help a target that is no class."""
    if found in _UNSIGNED_MARKS and found.dtype.kind == "u":
        return f"; it is -100 in {_UNSIGNED_MARKS[int(found)]} bits: --ignore-index {found:g}"
    if found in _MARKS:
        return f"; --ignore-index {found:g} leaves it out"
    if found == classes and class_base == 0:
        return "; --class-base 1 counts from 1"
    return ", or an ignored one (--ignore-index)"


def refuse(wrong: Mask, name: str, array: NDArray[Any], expected: str) -> None:
    """Raise ArrayError at the first element, in C order, that is marked as wrong."""
    if wrong.any():
        position = first(wrong)
        raise ArrayError(name, f"is {array[position]}; expected {expected}", position)
