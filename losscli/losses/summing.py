"""Sums along the class axis in a fixed order, which gives the same bits for every memory layout.

The order in which NumPy's `sum` adds numbers depends on their layout in memory and on other rows.
For rows of 9,000 numbers, NumPy 2.3 changed the order. Here the order depends on the number of
classes alone. `_in_lanes`, which adds whole arrays, defines this order:

1. Runs of 512 classes are summed separately, in the type of the terms.
2. A run is summed in lanes, like 16-byte SIMD registers: class c goes to lane c mod 4 in float32
   and c mod 2 in float64. A lane adds four of its classes at a time: acc + ((a + b) + (c + d)). It
   adds the last classes, fewer than 16 or 8, one at a time.
3. Neighbouring lanes are added in pairs.
4. The sums of the runs are added in float64 in the same way.

Every term goes through fewer than 40 additions in float32. `einsum` sums a contiguous row in the
same order, ten times as fast as whole arrays can be added. `einsum` is used for such rows if it
gives the same bits on test numbers. Compared with `einsum` in any order, cross-entropy of float32
takes as long on rows of 10 classes. It takes 1 to 5 % longer on rows of 1,000, and up to 7 % longer
on rows of 50,257 (medians of 15 pairs of runs on one core).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from losscli.elements import Array, Floats

# The number of classes that are summed in the type of the terms.
_RUN = 512

# The size of all lanes together, in bytes.
_LANES = 16

# Up to this many classes are added one by one, for all rows at once, which is faster. In blocks of
# 2^19 float32, it takes 0.25 ms for rows of 2 and 0.19 ms for rows of 5. `einsum` takes 1.15 ms and
# 0.45 ms.
_FEW = 7

# NumPy adds arrays fast if at least this many values are contiguous.
_ENOUGH = 64


def total(terms: Array, axis: int) -> Floats:
    """The sum along an axis, in float64. Runs of float32 are first summed in float32."""
    others = list(range(terms.ndim))
    of_classes = others.pop(axis)
    classes = terms.transpose(of_classes, *others)  # np.moveaxis takes ten times as long
    rows, shape = terms.transpose(*others, of_classes), classes.shape[1:]
    if rows.flags.c_contiguous:  # contiguous rows need only two axes
        classes = rows.reshape(math.prod(shape), len(classes)).T
    while len(classes) > _RUN:
        classes = _sums_of_runs(classes)
    return _widen(_sum_of_run(classes)).reshape(shape)


def mean(terms: Array, axis: int) -> Floats:
    """The mean along an axis."""
    result: Floats = total(terms, axis) / terms.shape[axis]
    return result


def _sums_of_runs(classes: Array) -> Floats:
    """The sum of each run of `_RUN` classes along the first axis, (runs, ...)."""
    whole = len(classes) // _RUN * _RUN
    runs = classes[:whole].reshape(-1, _RUN, *classes.shape[1:]).swapaxes(0, 1)
    sums = _widen(_sum_of_run(runs))
    if whole == len(classes):
        return sums
    last = _widen(_sum_of_run(classes[whole:]))
    return np.concatenate([sums, last[np.newaxis]])


def _sum_of_run(classes: Array) -> Array:
    """The sum of at most `_RUN` classes along the first axis."""
    few = len(classes) <= _FEW
    rows = classes.transpose(*range(1, classes.ndim), 0)
    if not (few or _are_rows(classes) or _are_columns(classes)):
        copy = np.ascontiguousarray(rows).reshape(-1, len(classes))
        return _sum_of_run(copy.T).reshape(rows.shape[:-1])
    if _are_rows(classes) and not few and _einsum_agrees(classes.dtype):
        sums: Array = np.einsum("...c->...", rows)
        return sums
    return _in_lanes(classes)


def _are_rows(classes: Array) -> bool:
    """Whether `einsum` can sum the classes fast, which it does for up to three axes."""
    return classes.strides[0] == classes.itemsize and classes.ndim <= 3


def _are_columns(classes: Array) -> bool:
    """Whether NumPy adds the arrays of two classes fast."""
    axes = zip(classes.strides[1:], classes.shape[1:], strict=True)
    return any(stride == classes.itemsize and size >= _ENOUGH for stride, size in axes)


def _in_lanes(classes: Array) -> Array:
    """The sum along the first axis, in the order that this function defines."""
    lanes = _LANES // classes.itemsize
    whole = len(classes) // (4 * lanes) * (4 * lanes)
    sums = [] if not whole else list(_in_fours(classes[:whole], lanes))
    for c in range(whole, len(classes)):
        if len(sums) < lanes:
            sums.append(classes[c])
        else:
            sums[c % lanes] = sums[c % lanes] + classes[c]
    while len(sums) > 1:
        unpaired = sums[len(sums) // 2 * 2 :]
        sums = [a + b for a, b in zip(sums[0::2], sums[1::2], strict=False)] + unpaired
    zero = np.zeros(classes.shape[1:], classes.dtype)
    return sums[0] + zero if sums else zero  # -0.0 becomes 0.0, as in `einsum`


def _in_fours(classes: Array, lanes: int) -> Array:
    """The sum of each lane: Σ (a + b) + (c + d), in order."""
    fours = classes.reshape(-1, 2, 2, lanes, *classes.shape[1:])
    pairs = fours[:, :, 0] + fours[:, :, 1]
    first, *others = pairs[:, 0] + pairs[:, 1]
    for four in others:
        first += four
    result: Array = first
    return result


@functools.cache
def _einsum_agrees(dtype: np.dtype[Any]) -> bool:
    """Whether `einsum` sums contiguous rows in the order of `_in_lanes`.

    This is so in NumPy 2.0 to 2.4 if `einsum` adds 16 bytes at once, as in all published builds.
    """
    rows = np.sqrt(np.arange(1.0, 3 * _RUN + 1.0)).astype(dtype).reshape(3, _RUN)
    tests = [rows[:number, :classes] for number in (1, 3) for classes in (8, 9, 31, 100, _RUN)]
    return all(np.array_equal(np.einsum("...c->...", test), _in_lanes(test.T)) for test in tests)


def _widen(sums: Array) -> Floats:
    return sums.astype(np.float64, copy=False)
