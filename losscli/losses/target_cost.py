"""Fast cross-entropy with class indices. Computes only the loss of each row's target class."""

from __future__ import annotations

import functools
import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Array, Floats, Mask
from losscli.losses.indices import in_memory, pick
from losscli.losses.numerics import CLASS_AXIS, widen
from losscli.losses.softmax import negative_log_softmax
from losscli.losses.summing import total

# All float16 numbers in the order of their bits. Reading the exponentials from a table processes
# 3 GB/s, casting and computing them 1 GB/s.
_HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@functools.cache
def _exponentials_of_halves() -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # half of the NaNs are signalling
        return np.exp(_HALVES.astype(np.float32))


def target_cost(x: Array, indices: NDArray[np.intp]) -> Floats:
    """-log softmax(x) of each element's target class.

        log1p(Σ_{c≠y} exp(x_c) / exp(x_y))

    The target's term is left out of the sum, so nothing cancels. The largest logit is not
    subtracted first. Rows whose sum overflows or comes close to underflow are computed again by
    `negative_log_softmax`. For float32, this function reads a block once instead of five times and
    is 12 times as fast as `negative_log_softmax`, as measured in `benchmarks/`.
    """
    terms = _exponentials(x)
    if x.ndim == 2 and x.flags.forc:  # the terms have the memory layout of x
        where = in_memory(indices, x)
        terms.reshape(-1, order="A")[where] = 0.0
        chosen = x.reshape(-1, order="A").take(where)
    else:
        np.put_along_axis(terms, np.expand_dims(indices, CLASS_AXIS), 0.0, CLASS_AXIS)
        chosen = pick(x, indices)
    others = total(terms, CLASS_AXIS)
    of_target = np.exp(widen(chosen))
    costs: Floats = np.log1p(others / of_target)
    unsure = ~(_is_safe(others / max(1, x.shape[CLASS_AXIS])) & _is_safe(of_target))
    if unsure.any():
        rows = np.moveaxis(x, CLASS_AXIS, -1)[unsure]
        costs[unsure] = pick(negative_log_softmax(widen(rows)), indices[unsure])
    return costs


def _is_safe(x: Floats) -> Mask:
    """A mask of the numbers that are far from overflow and underflow of float32."""
    return (x > 1e-30) & (x < 1e30)


def _exponentials(x: Array) -> Array:
    """exp(x), in memory that the next block reuses; float32 for floats of up to 32 bits, otherwise
    float64."""
    dtype = np.float64 if x.dtype.kind != "f" or x.dtype.itemsize > 4 else np.float32
    in_columns = x.flags.f_contiguous and not x.flags.c_contiguous
    result = _scratch(x.shape[::-1], dtype).T if in_columns else _scratch(x.shape, dtype)
    if x.dtype == np.float16 and x.dtype.isnative:
        np.take(_exponentials_of_halves(), x.view(np.uint16), out=result, mode="clip")
    else:
        np.exp(x, out=result, casting="unsafe", dtype=dtype)
    return result


class _Memory(threading.local):
    """Scratch memory of one thread."""

    array: NDArray[np.uint8] = np.empty(0, np.uint8)


_memory = _Memory()


def _scratch(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array in this thread's scratch memory, valid until the next call."""
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    if _memory.array.size < needed:
        _memory.array = np.empty(needed, np.uint8)
    result: Array = _memory.array[:needed].view(dtype).reshape(shape)
    return result
