"""Validate class indices, and pick the entries of the input that they select."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Array, Floats, Mask
from losscli.errors import ArrayError
from losscli.losses.checks import first
from losscli.losses.numerics import CLASS_AXIS, widen

# Common markers of ignored targets, and the numbers that -100 becomes as an unsigned integer.
_MARKS = (255, -1, -100)
_UNSIGNED_MARKS = {2**bits - 100: bits for bits in (8, 16, 32, 64)}

# The advice for an input with one class.
ONE_SCORE = "For one score per sample, use losscli bce-with-logits or losscli bce."


class Unread(NamedTuple):
    """A block (n, C) that was not read yet.

    Args:
        shape: (n, C)
        dtype: the type of the values
        entries: reads one entry of each row, given the class index of each row
        rows: reads the first rows, given their number
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    entries: Callable[[NDArray[np.intp]], Array]
    rows: Callable[[int], Array]


def pick(array: Array | Unread, indices: NDArray[np.intp]) -> Array:
    """The entry of each element's class: array[n, indices[n, k...], k...]."""
    if isinstance(array, Unread):
        return array.entries(indices)
    if array.ndim == 2 and array.flags.forc:  # 4 times as fast
        return array.reshape(-1, order="A").take(in_memory(indices, array))
    chosen = np.take_along_axis(array, np.expand_dims(indices, CLASS_AXIS), CLASS_AXIS)
    return np.squeeze(chosen, CLASS_AXIS)


def in_memory(indices: NDArray[np.intp], block: Array) -> NDArray[np.intp]:
    """The offset in memory of each row's class, in a block that is contiguous in C or F order."""
    rows, classes = block.shape
    if not block.flags.c_contiguous:
        indices, classes = indices * rows, 1
    return indices + np.arange(0, rows * classes, classes or 1)


def along_classes(per_class: Floats, ndim: int) -> Floats:
    """A vector of one number per class, shaped to broadcast against a block of `ndim` axes."""
    return per_class.reshape(-1, *(1,) * (ndim - CLASS_AXIS - 1))


def class_indices(
    target: Array,
    classes: int,
    ignore_index: int | Sequence[int] = (),
    class_base: int = 0,
    *,
    name: str = "target",
    options: Sequence[str] = (),
) -> tuple[NDArray[np.intp], Mask]:
    """The class indices counted from 0, and the mask of ignored elements, whose class index is 0.

    `ignore_index` is compared with the target before `class_base` is subtracted. `options` names
    the options of the loss that an error may suggest. Raises ArrayError at the first target that is
    neither ignored nor a class.
    """
    ignored = ignored_targets(target, ignore_index)
    is_class = (target >= class_base) & (target < classes + class_base)  # false for NaN
    if target.dtype.kind == "f":
        is_class &= target == np.floor(target)
    wrong = ~(is_class | ignored)
    if wrong.any():
        position = first(wrong)
        raise ArrayError(
            name,
            f"is {target[position]}; expected a class from {class_base} to "
            f"{classes - 1 + class_base}"
            f"{_advice(target[position], classes, class_base, options)}",
            position,
        )
    indices = target.astype(np.intp) - class_base
    return np.where(ignored, 0, indices) if ignored.any() else indices, ignored


def ignored_targets(target: Array, ignore_index: int | Sequence[int]) -> Mask:
    """The mask of the targets that are equal to an ignored index."""
    ignored = np.zeros(target.shape, dtype=np.bool_)
    for index in each(ignore_index):
        ignored |= target == index
    return ignored


def class_probabilities(
    target: Array,
    shape: tuple[int, ...],
    ignore_index: int | Sequence[int],
    class_base: int,
    *,
    options: Sequence[str] = (),
) -> tuple[Floats, Mask | None]:
    """The target as probabilities of the classes of an input of this shape, and the mask of ignored
    elements.

    Class indices become rows with 1 for the class and 0 for all others. A target of the input's
    shape already contains probabilities, and its mask is None.
    """
    if target.ndim == len(shape):
        return widen(target), None
    indices, ignored = class_indices(
        target, shape[CLASS_AXIS], ignore_index, class_base, options=options
    )
    result = np.zeros(shape)
    np.put_along_axis(result, np.expand_dims(indices, CLASS_AXIS), 1.0, CLASS_AXIS)
    return result, ignored


def require_no_class_index(ignore_index: int | Sequence[int]) -> None:
    """Raise ArrayError if an ignored index is a class, for a target of class probabilities."""
    largest = max(each(ignore_index), default=-1)
    if largest >= 0:
        raise ArrayError(
            "target",
            f"contains class probabilities, but --ignore-index {largest} needs class indices",
        )


def each(integers: int | Sequence[int]) -> list[int]:
    """One or several integers as a list. No dtype of an array fits both -100 and 2^63."""
    return list(integers) if isinstance(integers, Sequence) else [integers]


def _advice(value: Any, classes: int, class_base: int, options: Sequence[str]) -> str:
    """What to do about a target that is not a class, given the options of the loss."""
    if classes == 1:
        return f". {ONE_SCORE}"
    if "ignore_index" in options and value in _UNSIGNED_MARKS:
        bits = _UNSIGNED_MARKS[int(value)]
        return f". This is -100 as an unsigned {bits}-bit integer. Use --ignore-index {int(value)}."
    if "ignore_index" in options and value in _MARKS:
        return f". Use --ignore-index {int(value)} to ignore it."
    if "class_base" in options and value == classes and class_base == 0:
        return ". If classes are counted from 1, use --class-base 1."
    if "ignore_index" in options:
        return ", or an ignored index (--ignore-index)"
    return ". Use --mask FILE to ignore elements." if value in _MARKS else ""
