"""Exact sums of products, such as the sum of squares behind an interval."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscli.elements import Floats, Mask
from losscli.statistics.exact import BITS, ExactSums, Keys, largest_size

# Products of numbers of these sizes neither overflow nor lose their rounding error; others are
# scaled by a power of two first, those far below 1 twice.
_SMALL, _LARGE, _SCALE = 2.0**-480, 2.0**480, 18 * BITS


def add_products(sums: ExactSums, a: Floats, b: Floats, keys: Keys | None = None) -> None:
    """Add Σ a·b, exactly, to the sum of each key; all are arrays of one axis."""
    with np.errstate(all="ignore"):  # what overflows or underflows is computed again
        product, error = two_product(a, b)
        is_exact = _is_exact(product, a, b)
    if is_exact:
        sums.add(product, keys)
        sums.add(error, keys)
        return
    for first, x, shift in _scaled(a):
        for second, y, further in _scaled(b[first]):
            with np.errstate(invalid="ignore"):  # infinite products have no error
                product, error = two_product(x[second], y)
            error = np.where(np.isfinite(product), error, 0.0)
            chosen = None if keys is None else keys.of(first).of(second)
            sums.add(product, chosen, shift + further)
            sums.add(error, chosen, shift + further)


def _is_exact(product: Floats, a: Floats, b: Floats) -> bool:
    """Whether nothing overflowed in a product, and nothing but products of 0 is small."""
    size = product if a is b else np.abs(product)
    if not max(largest_size(a), 0.0 if a is b else largest_size(b)) <= _LARGE:
        return False
    small = np.count_nonzero(size < _SMALL * _SMALL)
    if not small:
        return True
    zeros = a == 0.0 if a is b else (a == 0.0) | (b == 0.0)
    return bool(small == np.count_nonzero(zeros))


def _scaled(values: Floats) -> Iterator[tuple[Mask, Floats, int]]:
    """The values of each size, of a size at which products are exact: which they are, themselves
    times 2^-shift, and that shift. What is not finite stays as it is."""
    size = np.abs(values)
    tiny = (size < _SMALL) & (size > 0.0)
    least = size < _SMALL * 2.0**-_SCALE
    huge = (size > _LARGE) & np.isfinite(size)
    for chosen, shift in (
        (~(tiny | huge), 0),
        (tiny & ~least, -_SCALE),
        (tiny & least, -2 * _SCALE),
        (huge, _SCALE),
    ):
        if chosen.any():
            yield chosen, np.ldexp(values[chosen], -shift), shift


def two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """a·b as the rounded product and its error.

    Dekker, A floating-point technique for extending the available precision, 1971.
    """
    product = a * b
    a_high, a_low = split(a)
    b_high, b_low = (a_high, a_low) if b is a else split(b)
    error = a_high * b_high
    error -= product
    error += a_high * b_low
    error += a_low * b_high
    error += a_low * b_low
    return product, error


def split(x: Floats) -> tuple[Floats, Floats]:
    """The first 26 of the 53 bits of each number, and the rest. Veltkamp's constant is 2^27 + 1."""
    high = x * 134217729.0
    high -= high - x
    return high, x - high
