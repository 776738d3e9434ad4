"""Class indices: which are classes, which are ignored, and the entries they choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Array, Floats, Mask
from losscli.errors import ArrayError
from losscli.losses.checks import first
from losscli.losses.numerics import CLASS_AXIS

# Targets that mark what does not count, in files that hold no -100, and what -100 turns into
# where it is saved as an unsigned integer.
_MARKS = (255, -1, -100)
_UNSIGNED_MARKS = {2**bits - 100: bits for bits in (8, 16, 32, 64)}


class Unread(NamedTuple):
    """A block (n, C) of which nothing was read yet: `entries` reads one class of each row, `rows`
    the first rows."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    entries: Callable[[NDArray[np.intp]], Array]
    rows: Callable[[int], Array]


def pick(array: Array | Unread, indices: NDArray[np.intp]) -> Array:
    """The entry of each element's class: array[n, indices[n, ...], ...]."""
    if isinstance(array, Unread):
        return array.entries(indices)
    if array.ndim == 2 and array.flags.forc:  # 4 times as fast
        return array.reshape(-1, order="A").take(in_memory(indices, array))
    chosen = np.take_along_axis(array, np.expand_dims(indices, CLASS_AXIS), CLASS_AXIS)
    return np.squeeze(chosen, CLASS_AXIS)


def in_memory(indices: NDArray[np.intp], block: Array) -> NDArray[np.intp]:
    """Where the entry of each row's class lies in a block of rows, or of columns, end to end."""
    rows, classes = block.shape
    if not block.flags.c_contiguous:
        indices, classes = indices * rows, 1
    return indices + np.arange(0, rows * classes, classes or 1)


def along_classes(per_class: Floats, ndim: int) -> Floats:
    """A vector of one number a class, shaped to broadcast against a block of that many axes."""
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
    """The target counted from 0, which it is where ignored, and which elements are ignored.

    Ignored are targets as they are written. `options` are those of the loss that may help. Raises
    ArrayError at the first target that is neither ignored nor one of the classes.
    """
    ignored = np.zeros(target.shape, dtype=np.bool_)
    for index in each(ignore_index):
        ignored |= target == index
    is_class = (target >= class_base) & (target < classes + class_base)  # NaN is in no range
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


def each(integers: int | Sequence[int]) -> list[int]:
    """One or several as a list of Python's integers: -100 and 2^63 together have no dtype."""
    return list(integers) if isinstance(integers, Sequence) else [integers]


def _advice(found: Any, classes: int, class_base: int, options: Sequence[str]) -> str:
    """What may help a target that is no class, of the options that there are."""
    if classes == 1:
        return "; for one score a sample there are bce-with-logits and bce"
    if "ignore_index" in options and found in _UNSIGNED_MARKS:
        bits = _UNSIGNED_MARKS[int(found)]
        return f"; -100 in {bits} bits without a sign is this: --ignore-index {int(found)}"
    if "ignore_index" in options and found in _MARKS:
        return f"; --ignore-index {int(found)} leaves it out"
    if "class_base" in options and found == classes and class_base == 0:
        return "; --class-base 1 counts from 1"
    if "ignore_index" in options:
        return ", or an ignored one (--ignore-index)"
    return "; --mask FILE leaves elements out" if found in _MARKS else ""
