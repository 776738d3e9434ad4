"""Exact sums of products, such as the sum of squares for an interval."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscli.elements import Floats, Mask
from losscli.statistics.exact import BITS, ExactSums, Keys, largest_size

# Products of numbers from _SMALL to _LARGE in absolute value do not overflow, and their rounding
# errors are float64 numbers. Larger numbers are first multiplied by 2^-_SCALE, smaller ones by
# 2^_SCALE, and the smallest by 2^(2 · _SCALE).
_SMALL, _LARGE, _SCALE = 2.0**-480, 2.0**480, 18 * BITS


def add_products(sums: ExactSums, a: Floats, b: Floats, keys: Keys | None = None) -> None:
    """Add each product a·b exactly to the sum of its key. Without `keys`, add all products to the
    first sum. All arrays have one axis."""
    with np.errstate(all="ignore"):  # products that overflow or underflow are computed again
        product, error = two_product(a, b)
        is_exact = _is_exact(product, a, b)
    if is_exact:
        sums.add(product, keys)
        sums.add(error, keys)
        return
    for first, x, shift in _scaled(a):
        for second, y, further in _scaled(b[first]):
            with np.errstate(invalid="ignore"):  # the error of an infinite product is replaced by 0
                product, error = two_product(x[second], y)
            error = np.where(np.isfinite(product), error, 0.0)
            chosen = None if keys is None else keys.of(first).of(second)
            sums.add(product, chosen, shift + further)
            sums.add(error, chosen, shift + further)


def _is_exact(product: Floats, a: Floats, b: Floats) -> bool:
    """Whether `two_product` is exact: no factor is large, and only products with 0 are small."""
    size = product if a is b else np.abs(product)
    if not max(largest_size(a), 0.0 if a is b else largest_size(b)) <= _LARGE:
        return False
    small = np.count_nonzero(size < _SMALL * _SMALL)
    if not small:
        return True
    zeros = a == 0.0 if a is b else (a == 0.0) | (b == 0.0)
    return bool(small == np.count_nonzero(zeros))


def _scaled(values: Floats) -> Iterator[tuple[Mask, Floats, int]]:
    """Split values by size and scale them to sizes with exact products.

    Yields a mask, the masked values times 2^-shift, and the shift. Values that are not finite are
    not scaled.
    """
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
    """The rounded products of a and b, and their rounding errors.

    Source: Dekker, A floating-point technique for extending the available precision, 1971
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
    """The first 26 of the 53 bits of each number, and the rest.

    Source: Veltkamp's splitting, whose constant is 2^27 + 1 = 134217729
    """
    high = x * 134217729.0
    high -= high - x
    return high, x - high
