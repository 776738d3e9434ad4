"""Exact sums of float64 numbers, one for each key, rounded once when they are read.

A key is the index of a sum, such as the number of a group. The sums are bit-identical for any
order, block size, number of threads and number of shards. The sums of groups add up to the total.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from losscli.elements import Floats, Mask

Integers = NDArray[np.int64]

# A sum is stored as integer digits, one for each exponent that is a multiple of 32.
BITS = 32
_DIGIT = (1 << BITS) - 1

# Sums are integer multiples of 2^LOWEST, as are all products of two float64 numbers. The float64
# numbers themselves are integer multiples of 2^_LEAST.
LOWEST, _LEAST = -72 * BITS, -1074

# Products of two float64 numbers are below 2^2048. Many of them add up to a few bits more.
_HIGHEST = 68 * BITS

# The maximum number of values that are added at once: the values of a block. More values would need
# more planes (see `planes_of`). With far fewer, two threads take as long as one, because each NumPy
# call releases and reacquires the interpreter lock.
_AT_ONCE = 1 << 18

# Up to this many values of a plane are added in floating point. Their sums are added as integers.
_IN_FLOATS = 1 << 8

# The number of bits that are split off before checking for a remainder. Losses of similar size span
# about this many bits, from the highest bit of the largest to the lowest bit of the smallest.
_USUAL_BITS = 80

# Larger numbers are scaled first, because adding 1.5 · 2^(j + 52) to them would overflow.
_LARGE, _SCALE = 2.0**900, 6 * BITS

# The number of additions after which digits are carried, so that int64 never overflows.
_MANY = 1 << 9


class Keys:
    """The key of each number of an array with one axis. Keys are from 0 to size - 1."""

    def __init__(self, codes: Integers, size: int) -> None:
        self.codes = codes
        self.size = size

    @cached_property
    def counts(self) -> Integers:
        """The count of numbers with each key, (size)."""
        return np.bincount(self.codes, minlength=self.size).astype(np.int64, copy=False)

    def of(self, chosen: Mask | slice) -> Keys:
        """The keys of the chosen numbers."""
        return Keys(self.codes[chosen], self.size)


class ExactSums:
    """Sums for the keys 0 to size - 1, exact for finite numbers.

    The sum of a key is Σ_j digits[j][key] · 2^j over exponents j that are multiples of 32. Infinite
    values and NaN are summed separately; their order does not change the sum.

    >>> sums = ExactSums()
    >>> sums.add(np.array([1e100, 1.0, -1e100]))
    >>> sums.floats().tolist()
    [1.0]
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._digits: dict[int, Integers] = {}
        self._non_finite: Floats | None = None
        self._additions = 0

    def add(self, values: Floats, keys: Keys | None = None, shift: int = 0) -> None:
        """Add values · 2^shift, each to the sum of its key. Without `keys`, add all to the first
        sum.

        Args:
            values: numbers, any shape
            keys: the key of each value, in C order
            shift: a multiple of 32
        """
        flat = values.reshape(-1)
        if flat.size <= _AT_ONCE:
            self._add(flat, keys, shift)
            return
        for start in range(0, flat.size, _AT_ONCE):
            chosen = slice(start, start + _AT_ONCE)
            self._add(flat[chosen], None if keys is None else keys.of(chosen), shift)

    def add_counts(self, counts: Integers | Sequence[int]) -> None:
        """Add an integer below 2^53 to the sum of each key."""
        self._add_digits(0, np.asarray(counts, np.int64))

    def merge(self, later: ExactSums, keys: Integers | None = None) -> None:
        """Add the sums of `later`. `keys[k]` is the key here of key k in `later`; None if keys are
        the same. All entries of `keys` must differ."""
        for exponent, digits in later._digits.items():
            mine = self._of(exponent)
            if keys is None:
                mine[: later.size] += digits
            else:
                mine[keys] += digits
        if later._non_finite is not None:
            where = np.arange(later.size) if keys is None else keys
            self._add_non_finite(where, later._non_finite)
        self._additions += later._additions + 1
        self._carry_in_time()

    def resize(self, size: int) -> None:
        """Append sums of 0 for further keys."""
        more = size - self.size
        for exponent, digits in self._digits.items():
            self._digits[exponent] = np.append(digits, np.zeros(more, np.int64))
        if self._non_finite is not None:
            self._non_finite = np.append(self._non_finite, np.zeros(more))
        self.size = size

    def take(self, keys: Integers) -> ExactSums:
        """The sums of these keys, which get the keys 0, 1, ... in this order."""
        taken = ExactSums(len(keys))
        taken._digits = {exponent: digits[keys] for exponent, digits in self._digits.items()}
        taken._non_finite = None if self._non_finite is None else self._non_finite[keys]
        taken._additions = self._additions
        return taken

    def gathered(self, keys: Integers, size: int) -> ExactSums:
        """Sums for the new keys 0 to size - 1. `keys[k]` is the new key of the sum k. Sums with the
        same new key are added."""
        sums = ExactSums(size)
        self._carry()
        for exponent, digits in self._digits.items():
            # The topmost digits may be so large that the sum of a few overflows int64.
            np.add.at(sums._of(exponent), keys, digits & _DIGIT)
            np.add.at(sums._of(exponent + BITS), keys, digits >> BITS)
        if self._non_finite is not None:
            sums._add_non_finite(keys, self._non_finite)
        sums._additions = _MANY
        return sums

    def require_valid(self) -> None:
        """Raise ValueError for exponents that no sum has."""
        if not all(
            LOWEST <= exponent <= _HIGHEST and exponent % BITS == 0 for exponent in self._digits
        ):
            raise ValueError("invalid exponents of an exact sum")

    def units(self, key: int = 0) -> int:
        """The sum of the finite values of a key, as a multiple of 2^LOWEST."""
        units = 0
        for exponent, digits in self._digits.items():
            units += digits.item(key) << (exponent - LOWEST)
        return units

    def is_finite(self, key: int = 0) -> bool:
        return self._non_finite is None or self._non_finite[key] == 0.0

    def float(self, key: int = 0) -> float:
        """The sum of a key, rounded once; infinite if it exceeds the largest float64."""
        if self._non_finite is not None and self._non_finite[key] != 0.0:
            return float(self._non_finite[key])
        return to_float(self.units(key))

    def floats(self) -> Floats:
        """All sums, each rounded once."""
        self._carry()
        exponents = sorted(self._digits)
        if exponents and (exponents[-1] > 900 or exponents[0] < -900):
            return np.array([self.float(key) for key in range(self.size)], np.float64)
        planes = [
            np.ldexp(self._digits[exponent].astype(np.float64), exponent) for exponent in exponents
        ]
        result = rounded_sum(planes) if planes else np.zeros(self.size)
        if self._non_finite is not None:
            result = np.where(self._non_finite != 0.0, self._non_finite, result)
        return result

    def _add(self, values: Floats, keys: Keys | None, shift: int) -> None:
        top = largest_size(values)
        if not math.isfinite(top):
            finite = np.isfinite(values)
            non_finite = values[~finite]
            self._add_non_finite(
                np.zeros(len(non_finite), np.int64) if keys is None else keys.codes[~finite],
                non_finite,
            )
            values, keys = values[finite], None if keys is None else keys.of(finite)
            top = largest_size(values)
        if top >= _LARGE:
            large = np.abs(values) >= _LARGE
            scaled = np.ldexp(values[large], -_SCALE)
            self._add(scaled, None if keys is None else keys.of(large), shift + _SCALE)
            values, keys = values[~large], None if keys is None else keys.of(~large)
            top = largest_size(values)
        if not top > 0.0:
            return
        for exponent, plane in planes_of(values, top, _most_added(keys)):
            if keys is None:
                self._add_to_first(_columns_of(plane), exponent, shift)
            else:
                sums: Floats = np.bincount(keys.codes, plane, self.size)  # type: ignore[assignment]
                self._add_to_all(sums, exponent, shift)
        self._additions += 1
        self._carry_in_time()

    def _add_to_first(self, sums: Floats, exponent: int, shift: int) -> None:
        units = int(np.ldexp(sums, -exponent).astype(np.int64).sum())
        grid = exponent // BITS * BITS
        units <<= exponent - grid
        for digit in (grid, grid + BITS):
            self._of(digit + shift)[0] += units & _DIGIT
            units >>= BITS
        self._of(grid + 2 * BITS + shift)[0] += units

    def _add_to_all(self, sums: Floats, exponent: int, shift: int) -> None:
        units = np.ldexp(sums, -exponent).astype(np.int64)
        grid = exponent // BITS * BITS
        within = exponent - grid
        self._of(grid + shift)[:] += (units << within) & _DIGIT
        self._of(grid + BITS + shift)[:] += units >> (BITS - within)

    def _add_digits(self, exponent: int, digits: Integers) -> None:
        self._of(exponent)[:] += digits
        self._additions += 2
        self._carry_in_time()

    def _add_non_finite(self, keys: Integers, values: Floats) -> None:
        if self._non_finite is None:
            self._non_finite = np.zeros(self.size)
        with np.errstate(invalid="ignore"):  # inf - inf gives NaN
            np.add.at(self._non_finite, keys, values)

    def _of(self, exponent: int) -> Integers:
        if exponent not in self._digits:
            self._digits[exponent] = np.zeros(self.size, np.int64)
        return self._digits[exponent]

    def _carry_in_time(self) -> None:
        if self._additions >= _MANY:
            self._carry()

    def _carry(self) -> None:
        """Carry until all digits but the topmost are from 0 to 2^32 - 1."""
        exponent = min(self._digits, default=0)
        while self._digits and exponent <= max(self._digits):
            if exponent in self._digits:
                self._carry_from(exponent)
            exponent += BITS
        self._additions = 1

    def _carry_from(self, exponent: int) -> None:
        digits = self._digits[exponent]
        is_top = exponent == max(self._digits)
        carried = digits >> BITS
        if not carried.any() or (is_top and np.abs(digits).max() < 1 << 51):
            return
        self._digits[exponent] = digits - (carried << BITS)
        self._of(exponent + BITS)[:] += carried


def root_of_ratio(numerator: int, denominator: int) -> float:
    """sqrt(numerator / denominator), even if the ratio overflows; inf if the root overflows."""
    half = (numerator.bit_length() - denominator.bit_length()) // 2
    ratio = (numerator << max(0, -2 * half)) / (denominator << max(0, 2 * half))
    try:
        return math.ldexp(math.sqrt(ratio), half)
    except OverflowError:
        return math.inf


def to_float(units: int, lowest: int = LOWEST) -> float:
    """A multiple of 2^lowest as the nearest float64; infinite if it exceeds the largest float64."""
    try:
        return units / (1 << -lowest)
    except OverflowError:
        return math.inf if units > 0 else -math.inf


def planes_of(values: Floats, top: float, most: int) -> Iterator[tuple[int, Floats]]:
    """Split finite numbers, at most `top` in absolute value, into planes that sum to the numbers.

    Yields an exponent j and a plane, whose entries are multiples of 2^j. Adding and subtracting
    1.5 · 2^(j + 52) rounds to these multiples. The exponents are chosen so that `most` numbers of a
    plane, at most a million, add up exactly in floating point. The next plane reuses the memory.
    """
    bits = 52 - max(1, (most - 1).bit_length())
    usual = -(-_USUAL_BITS // bits)
    rest, plane, remainder = values, np.empty_like(values), np.empty_like(values)
    exponent = math.frexp(top)[1]
    for number in itertools.count(1):
        exponent = max(exponent - bits, _LEAST)
        magic = math.ldexp(1.5, exponent + 52)
        np.add(rest, magic, out=plane)
        np.subtract(plane, magic, out=plane)
        is_last = exponent == _LEAST or (number >= usual and bool((rest == plane).all()))
        if not is_last:
            rest = np.subtract(rest, plane, out=remainder)
        yield exponent, plane
        if is_last:
            return
        if number >= usual:
            exponent = min(exponent, math.frexp(largest_size(rest))[1])


def _most_added(keys: Keys | None) -> int:
    """The maximum number of values that are added in floating point. With `keys`, only values of
    the same key are added."""
    return _IN_FLOATS if keys is None else int(keys.counts.max())


def _columns_of(plane: Floats) -> Floats:
    """The sums of disjoint groups of up to _IN_FLOATS numbers."""
    whole = plane.size - plane.size % _IN_FLOATS
    columns = plane[:whole].reshape(_IN_FLOATS, -1).sum(axis=0)
    return np.append(columns, plane[whole:].sum())


def largest_size(values: Floats) -> float:
    """The largest absolute value; NaN if a value is NaN."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def rounded_sum(terms: Sequence[Floats]) -> Floats:
    """The sum of several arrays of finite numbers, element by element, each rounded once.

    Grows an expansion of components that do not overlap. The two topmost components whose sum is
    inexact determine the rounding, and the next component breaks ties.

    Source: Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997
    """
    partials: list[Floats] = []
    for term in terms:
        grown = []
        total = term
        for partial in partials:
            total, error = two_sum(total, partial)
            grown.append(error)
        partials = [*grown, total]
    high = partials.pop()
    low = np.zeros_like(high)
    below = np.zeros_like(high)
    for partial in reversed(partials):
        is_open = low == 0.0
        total, error = two_sum(high, partial)
        below = np.where(is_open | (below != 0.0), below, partial)
        high, low = np.where(is_open, total, high), np.where(is_open, error, low)
    further = high + 2.0 * low
    is_half = (further - high == 2.0 * low) & (np.sign(low) * np.sign(below) > 0.0)
    result: Floats = np.where(is_half, further, high)
    return result


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sums of a and b, and their rounding errors.

    Source: Knuth, The Art of Computer Programming, 4.2.2
    """
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)
