"""Cross-entropy with class indices, fast: of a row, nothing is computed but the target's cost."""

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

# All numbers of 16 bits in order, and their exponentials: taking them from a table does the cast
# and the exponential at once, 3 GB/s against 1.
_HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@functools.cache
def _exponentials_of_halves() -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # half of the NaN are signalling ones
        return np.exp(_HALVES.astype(np.float32))


def target_cost(x: Array, indices: NDArray[np.intp]) -> Floats:
    """-log softmax(x) of each element's target class, without that of the others.

        log1p(Σ_{c≠y} exp(x_c) / exp(x_y))

    The target's term is left out of the sum, so nothing cancels; the largest need not be taken
    off first where the sum comes out finite and far from underflow, and rows where it does not
    are done again by `negative_log_softmax`. For float32 this reads a block once instead of five
    times, and 12 times as fast; `benchmarks/` has the figures.
    """
    terms = _exponentials(x)
    if x.ndim == 2 and x.flags.forc:  # the terms lie in memory as x does
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
    """Whether numbers are far from where float32 overflows or loses digits."""
    return (x > 1e-30) & (x < 1e30)


def _exponentials(x: Array) -> Array:
    """exp(x), of 32 bits and less in float32, in memory that is used again for the next block."""
    dtype = np.float64 if x.dtype.kind != "f" or x.dtype.itemsize > 4 else np.float32
    in_columns = x.flags.f_contiguous and not x.flags.c_contiguous
    result = _scratch(x.shape[::-1], dtype).T if in_columns else _scratch(x.shape, dtype)
    if x.dtype == np.float16 and x.dtype.isnative:
        np.take(_exponentials_of_halves(), x.view(np.uint16), out=result, mode="clip")
    else:
        np.exp(x, out=result, casting="unsafe", dtype=dtype)
    return result


class _Memory(threading.local):
    """Of one thread."""

    held: NDArray[np.uint8] = np.empty(0, np.uint8)


_memory = _Memory()


def _scratch(shape: tuple[int, ...], dtype: Any) -> Array:
    """Memory of this thread, which holds until it is asked for again."""
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    if _memory.held.size < needed:
        _memory.held = np.empty(needed, np.uint8)
    result: Array = _memory.held[:needed].view(dtype).reshape(shape)
    return result
