"""The pieces that losses share: widening, logarithms that keep their digits, and indices."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Floats, Mask
from losscli.errors import ArrayError
from losscli.losses.checks import first

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


# Classes of a row that are summed in float32 at once; the sums of such runs are summed in float64.
_RUN = 512

# Terms that are added up in float32 one after the other.
_FEW = 16

# All numbers of 16 bits in order, and their exponentials: taking them from a table does the cast
# and the exponential at once, 3 GB/s against 1.
_HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@functools.cache
def _exponentials_of_halves() -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # half of the NaN are signalling ones
        return np.exp(_HALVES.astype(np.float32))


def target_cost(x: NDArray[Any], indices: NDArray[np.intp]) -> Floats:
    """-log softmax(x) of each element's target class, without that of the others.

        log1p(Σ_{c≠y} exp(x_c) / exp(x_y))

    The target's term is left out of the sum, so nothing cancels; the largest need not be taken
    off first where the sum comes out finite and far from underflow, and rows where it does not
    are done again by `negative_log_softmax`. For float32 this reads a block once instead of five
    times, and 12 times as fast; `benchmarks/` has the figures.
    """
    terms = _exponentials(x)
    if x.ndim == 2:
        terms.reshape(-1, order="A")[_in_memory(indices, terms)] = 0.0
    else:
        np.put_along_axis(terms, np.expand_dims(indices, CLASS_AXIS), 0.0, CLASS_AXIS)
    others = _sum_of_classes(terms)
    of_target = np.exp(widen(pick(x, indices)))
    costs: Floats = np.log1p(others / of_target)
    unsure = ~(_is_safe(others / max(1, x.shape[CLASS_AXIS])) & _is_safe(of_target))
    if unsure.any():
        rows = np.moveaxis(x, CLASS_AXIS, -1)[unsure]
        costs[unsure] = pick(negative_log_softmax(widen(rows)), indices[unsure])
    return costs


def _is_safe(x: Floats) -> Mask:
    """Whether numbers are far from where float32 overflows or loses digits."""
    return (x > 1e-30) & (x < 1e30)


def _exponentials(x: NDArray[Any]) -> NDArray[Any]:
    """exp(x), of 32 bits and less in float32, in memory that is used again for the next block."""
    dtype = np.float64 if x.dtype.kind != "f" or x.dtype.itemsize > 4 else np.float32
    in_columns = x.flags.f_contiguous and not x.flags.c_contiguous
    result = _scratch(x.shape[::-1], dtype).T if in_columns else _scratch(x.shape, dtype)
    if x.dtype == np.float16 and x.dtype.isnative:
        np.take(_exponentials_of_halves(), x.view(np.uint16), out=result, mode="clip")
    else:
        np.exp(x, out=result, casting="unsafe", dtype=dtype)
    return result


def _sum_of_classes(terms: NDArray[Any]) -> Floats:
    """Σ_c along the class axis, to the digits of float32. Changes the terms.

    `einsum` adds up float32 in float32. Where classes are next to each other in memory it does so
    with several sums side by side, and runs of classes are added up in float64. Elsewhere it adds
    one term after the other, which is wrong by 3e-6 after 512 almost equal ones. There the second
    half of the classes is added to the first until few are left: every term then goes through few
    additions, which are as fast as those of `einsum` or faster.

    `sum` takes five times as long as `einsum` on short rows. A product with ones would take half
    as long, but it starts threads of its own, which get in the way of ours.
    """
    n, classes, *others = terms.shape
    if math.prod(others) == 1 and terms.flags.c_contiguous:
        return _sum_of_rows(terms.reshape(n, classes)).reshape(n, *others)
    while classes > _FEW:
        half = (classes + 1) // 2
        first = terms[:, : classes - half]
        np.add(first, terms[:, half:classes], out=first)
        classes = half
    return widen(np.einsum("nc...->n...", terms[:, :classes]))


def _sum_of_rows(terms: NDArray[Any]) -> Floats:
    n, classes = terms.shape
    total = np.zeros(n)
    whole = classes // _RUN * _RUN
    if whole:
        runs = terms[:, :whole].reshape(n, whole // _RUN, _RUN)
        total += np.einsum("nrc->nr", runs).sum(axis=1, dtype=np.float64)
    if whole < classes:
        total += np.einsum("nc->n", terms[:, whole:])
    return total


class _Memory(threading.local):
    """Of one thread."""

    held: NDArray[np.uint8] = np.empty(0, np.uint8)


_memory = _Memory()


def _scratch(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Memory of this thread, which holds until it is asked for again."""
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    if _memory.held.size < needed:
        _memory.held = np.empty(needed, np.uint8)
    result: NDArray[Any] = _memory.held[:needed].view(dtype).reshape(shape)
    return result


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


def softplus_of_both(x: Floats) -> tuple[Floats, Floats]:
    """softplus(x) and softplus(-x), which share the logarithm."""
    logarithm = np.log1p(np.exp(-np.abs(x)))
    return np.maximum(x, 0.0) + logarithm, np.maximum(-x, 0.0) + logarithm


def hinge(z: Floats) -> Floats:
    """max(z, 0), and 0 where z is NaN, as PyTorch's margins over classes have it."""
    result: Floats = np.fmax(z, 0.0)
    return result


def where(mask: Mask, x: Floats) -> Floats:
    """x, and 0 where not marked: np.where(mask, x, 0.0) without a branch for every element.

    Masks that follow no pattern are mispredicted half of the time, which takes 3.6 ns an element;
    a mask of bits takes 0.6.
    """
    bits = np.negative(mask, dtype=np.int64, casting="unsafe")
    return (x.view(np.int64) & bits).view(np.float64)


@dataclass(frozen=True)
class Unread:
    """A block (n, C) of which nothing was read yet: `entries` reads one class of each row, `rows`
    the first rows."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    entries: Callable[[NDArray[np.intp]], NDArray[Any]]
    rows: Callable[[int], NDArray[Any]]


def pick(array: NDArray[Any] | Unread, indices: NDArray[np.intp]) -> NDArray[Any]:
    """The entry of each element's class: array[n, indices[n, ...], ...]."""
    if isinstance(array, Unread):
        return array.entries(indices)
    if array.ndim == 2 and array.flags.forc:  # 4 times as fast
        return array.reshape(-1, order="A").take(_in_memory(indices, array))
    chosen = np.take_along_axis(array, np.expand_dims(indices, CLASS_AXIS), CLASS_AXIS)
    return np.squeeze(chosen, CLASS_AXIS)


def _in_memory(indices: NDArray[np.intp], block: NDArray[Any]) -> NDArray[np.intp]:
    """Where the entry of each row's class lies in a block of rows, or of columns, end to end."""
    rows, classes = block.shape
    if not block.flags.c_contiguous:
        indices, classes = indices * rows, 1
    return indices + np.arange(0, rows * classes, classes or 1)


def along_classes(per_class: Floats, ndim: int) -> Floats:
    """A vector of one number a class, shaped to broadcast against a block of that many axes."""
    return per_class.reshape(-1, *(1,) * (ndim - CLASS_AXIS - 1))


def class_indices(
    target: NDArray[Any],
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


def refuse(wrong: Mask, name: str, array: NDArray[Any], expected: str) -> None:
    """Raise ArrayError at the first element, in C order, that is marked as wrong."""
    if wrong.any():
        position = first(wrong)
        raise ArrayError(name, f"is {array[position]}; expected {expected}", position)
