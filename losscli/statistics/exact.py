"""Exact sums of float64 numbers, one for each of several keys, rounded once when they are read.

Order, block size, threads and shards never change a bit of such a sum, and sums of groups add up
to the sum of all.
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

# Sums are kept as digits on a fixed grid of exponents, every 32 bits.
BITS = 32
_DIGIT = (1 << BITS) - 1

# Sums are whole numbers of 2^LOWEST, which every product of two float64 numbers is as well; the
# float64 numbers themselves are whole numbers of 2^_LEAST.
LOWEST, _LEAST = -72 * BITS, -1074

# Numbers that are added at once: those of a block. The planes of more would be finer; of far fewer,
# two threads take as long as one, as each of NumPy's calls gives up and takes back the
# interpreter's lock.
_AT_ONCE = 1 << 18

# Numbers whose planes are added in floating point; what these make is added in whole numbers.
_IN_FLOATS = 1 << 8

# Bits of numbers that are split without looking whether anything is left: losses of one size have
# about so many, from the first bit of the largest to the last bit of the smallest.
_USUAL_BITS = 80

# From here on adding 1.5 · 2^(j + 52) would overflow: such numbers are scaled first.
_LARGE, _SCALE = 2.0**900, 6 * BITS

# Additions of planes after which the digits are carried, so that int64 never overflows.
_MANY = 1 << 9


class Keys:
    """The key, 0 to size - 1, of each of some numbers."""

    def __init__(self, codes: Integers, size: int) -> None:
        self.codes = codes
        self.size = size

    @cached_property
    def counts(self) -> Integers:
        """How many numbers each key has."""
        return np.bincount(self.codes, minlength=self.size).astype(np.int64, copy=False)

    def of(self, chosen: Mask | slice) -> Keys:
        """Those of some of the numbers."""
        return Keys(self.codes[chosen], self.size)


class ExactSums:
    """Sums for the keys 0 to size - 1. Finite numbers add up exactly.

    The sum of a key is Σ_j digits[j][key] · 2^j over exponents j that are multiples of 32. What is
    infinite or NaN adds up beside it, in any order to the same.

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
        """Add values · 2^shift, each to the sum of its key, or all to the first.

        Args:
            values: of any shape
            keys: of as many numbers
            shift: a multiple of 32
        """
        flat = values.reshape(-1)
        if flat.size <= _AT_ONCE:
            self._add(flat, keys, shift)
            return
        for start in range(0, flat.size, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            self._add(flat[part], None if keys is None else keys.of(part), shift)

    def add_counts(self, counts: Integers | Sequence[int]) -> None:
        """Add a whole number below 2^53 to the sum of each key."""
        self._add_digits(0, np.asarray(counts, np.int64))

    def merge(self, later: ExactSums, keys: Integers | None = None) -> None:
        """Add other sums. `keys` are the keys here of theirs, each once; else the same."""
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
        """Have sums for further keys, which are 0."""
        more = size - self.size
        for exponent, digits in self._digits.items():
            self._digits[exponent] = np.append(digits, np.zeros(more, np.int64))
        if self._non_finite is not None:
            self._non_finite = np.append(self._non_finite, np.zeros(more))
        self.size = size

    def take(self, keys: Integers) -> ExactSums:
        """The sums of some keys."""
        taken = ExactSums(len(keys))
        taken._digits = {exponent: digits[keys] for exponent, digits in self._digits.items()}
        taken._non_finite = None if self._non_finite is None else self._non_finite[keys]
        taken._additions = self._additions
        return taken

    def gathered(self, keys: Integers, size: int) -> ExactSums:
        """The sums of other keys, each of which takes in those whose new key it is."""
        sums = ExactSums(size)
        self._carry()
        for exponent, digits in self._digits.items():
            # The topmost digits may be so large that not many of them fit into one sum.
            np.add.at(sums._of(exponent), keys, digits & _DIGIT)
            np.add.at(sums._of(exponent + BITS), keys, digits >> BITS)
        if self._non_finite is not None:
            sums._add_non_finite(keys, self._non_finite)
        sums._additions = _MANY
        return sums

    def units(self, key: int = 0) -> int:
        """The finite part of a sum as a whole number of 2^LOWEST."""
        units = 0
        for exponent, digits in self._digits.items():
            units += digits.item(key) << (exponent - LOWEST)
        return units

    def is_finite(self, key: int = 0) -> bool:
        return self._non_finite is None or self._non_finite[key] == 0.0

    def float(self, key: int = 0) -> float:
        """A sum, rounded once; beyond the largest float64 it is infinite."""
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
            odd = values[~finite]
            self._add_non_finite(
                np.zeros(len(odd), np.int64) if keys is None else keys.codes[~finite], odd
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
        for place in (grid, grid + BITS):
            self._of(place + shift)[0] += units & _DIGIT
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
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, which the sum is
            np.add.at(self._non_finite, keys, values)

    def _of(self, exponent: int) -> Integers:
        if exponent not in self._digits:
            self._digits[exponent] = np.zeros(self.size, np.int64)
        return self._digits[exponent]

    def _carry_in_time(self) -> None:
        if self._additions >= _MANY:
            self._carry()

    def _carry(self) -> None:
        """Bring all digits but the topmost into 0 to 2^32 - 1."""
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
    """sqrt(numerator / denominator), also where the ratio is no float64; infinite beyond these."""
    half = (numerator.bit_length() - denominator.bit_length()) // 2
    ratio = (numerator << max(0, -2 * half)) / (denominator << max(0, 2 * half))
    try:
        return math.ldexp(math.sqrt(ratio), half)
    except OverflowError:
        return math.inf


def to_float(units: int, lowest: int = LOWEST) -> float:
    """A whole number of 2^lowest as the nearest float64; beyond the largest it is infinite."""
    try:
        return units / (1 << -lowest)
    except OverflowError:
        return math.inf if units > 0 else -math.inf


def planes_of(values: Floats, top: float, most: int) -> Iterator[tuple[int, Floats]]:
    """Split finite numbers, of which `top` is the largest size, into planes that add up to them.

    Each plane holds multiples of 2^j for an exponent j, such that `most` of them, a million at the
    most, add up in floating point exactly: adding and subtracting 1.5 · 2^(j + 52) rounds to these.
    The memory of a plane is used again for the next one.
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
    """How many numbers are added up in floating point."""
    return _IN_FLOATS if keys is None else int(keys.counts.max())


def _columns_of(plane: Floats) -> Floats:
    """Sums of up to _IN_FLOATS numbers, of each of them once."""
    whole = plane.size - plane.size % _IN_FLOATS
    columns = plane[:whole].reshape(_IN_FLOATS, -1).sum(axis=0)
    return np.append(columns, plane[whole:].sum())


def largest_size(values: Floats) -> float:
    """The largest absolute value; NaN where one is."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def rounded_sum(parts: Sequence[Floats]) -> Floats:
    """The sum of several arrays of finite numbers, element by element, each rounded once.

    Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997: growing an expansion keeps the
    parts apart, so that the topmost that add up inexactly decide, and of halves the next one.
    """
    partials: list[Floats] = []
    for part in parts:
        grown = []
        total = part
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
    """a + b as the rounded sum and its error. Knuth, The Art of Computer Programming, 4.2.2."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)
