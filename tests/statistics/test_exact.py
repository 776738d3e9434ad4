"""Exact sums: any order, split and grouping give the exact sum, rounded once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.statistics.exact import LOWEST, ExactSums, Keys, root_of_ratio, to_float
from losscli.statistics.products import add_products
from losscli.statistics.samples import row_sums

ANY_FLOAT = st.floats(width=64)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
KEYS = 4
KEYED = st.lists(st.tuples(FINITE, st.integers(0, KEYS - 1)))
UNIT = Fraction(2) ** LOWEST


def sums_of(numbers: Sequence[float], keys: Sequence[int] | None = None, size: int = 1) -> Any:
    """The sums of numbers by key. Without keys, all numbers have the first key."""
    sums = ExactSums(size)
    chosen = None if keys is None else Keys(np.array(keys, np.int64), size)
    sums.add(np.array(numbers, np.float64), chosen)
    return sums


def keyed(pairs: Sequence[tuple[float, int]]) -> Any:
    return sums_of([number for number, _ in pairs], [key for _, key in pairs], KEYS)


def rounded(exact: Fraction) -> float:
    """The nearest float64; infinite beyond the largest float64."""
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def state(sums: ExactSums) -> list[tuple[int, float]]:
    """The exact sums of all keys, and the sums of values that are not finite."""
    return [(sums.units(key), sums.float(key)) for key in range(sums.size)]


class TestSum:
    @given(st.lists(FINITE))
    def test_it_is_the_exact_sum_rounded_once(self, numbers: list[float]) -> None:
        exact = sum(map(Fraction, numbers), Fraction())
        assert sums_of(numbers).units() * UNIT == exact
        assert sums_of(numbers).float() == rounded(exact)

    @given(st.lists(st.floats(-1e300, 1e300)))
    def test_it_is_that_of_fsum(self, numbers: list[float]) -> None:
        assert sums_of(numbers).float() == math.fsum(numbers)

    @given(st.lists(ANY_FLOAT), st.randoms())
    def test_the_order_does_not_matter(self, numbers: list[float], random: Any) -> None:
        shuffled = numbers.copy()
        random.shuffle(shuffled)
        np.testing.assert_equal(state(sums_of(shuffled)), state(sums_of(numbers)))

    @given(st.lists(ANY_FLOAT))
    def test_one_by_one_or_all_at_once(self, numbers: list[float]) -> None:
        one_by_one = ExactSums()
        for number in numbers:
            one_by_one.add(np.array([number]))
        np.testing.assert_equal(state(one_by_one), state(sums_of(numbers)))

    @pytest.mark.parametrize(
        ("numbers", "expected"),
        [
            ([], 0.0),
            ([1e308, 1e308, -1e308], 1e308),  # the sum of the first two exceeds the largest float64
            ([1e308, 1e308], math.inf),
            ([-1e308, -1e308], -math.inf),
            ([math.inf, 1.0], math.inf),
            ([math.inf, -math.inf], math.nan),
            ([math.nan, 1.0], math.nan),
            ([5e-324, 5e-324], 1e-323),
            ([1.0] + [1e-16] * 10, 1.000000000000001),  # adding one by one gives 1.0
        ],
    )
    def test_at_the_edges(self, numbers: list[float], expected: float) -> None:
        np.testing.assert_equal(sums_of(numbers).float(), expected)
        np.testing.assert_equal(sums_of(numbers).floats().tolist(), [expected])

    def test_more_numbers_than_are_added_at_once(self) -> None:
        """100,000 numbers of all magnitudes and both signs, in any memory order."""
        rng = np.random.default_rng(0)
        numbers = rng.normal(size=(250, 400)) * 10.0 ** rng.integers(-300, 300, (250, 400))
        expected = math.fsum(numbers.ravel().tolist())
        for array in (numbers, numbers.T, np.asfortranarray(numbers), numbers[::-1]):
            sums = ExactSums()
            sums.add(array)
            assert sums.float() == expected

    @pytest.mark.parametrize("exponent", [-31, -1, 0, 1, 31])
    @pytest.mark.parametrize("size", [1, 2])
    def test_digits_are_carried_before_they_overflow(self, size: int, exponent: int) -> None:
        """2,000 blocks of the largest digits, for every position relative to the grid. One exponent
        adds up to more than int64 can represent."""
        number = math.ldexp(2.0**53 - 1, exponent)
        block = np.full(1 << 12, number)
        keys = Keys(np.full(len(block), size - 1), size) if size > 1 else None
        sums = ExactSums(size)
        for _ in range(2000):
            sums.add(block, keys)
        assert sums.units(size - 1) * UNIT == 2000 * 2**12 * Fraction(number)

    def test_digits_are_carried_while_sums_are_merged(self) -> None:
        """Doubled 300 times: 3 · 2^300, and the negative of it."""
        sums = sums_of([3.0, -3.0], [0, 1], 2)
        for _ in range(300):
            copy = sums.take(np.arange(2))
            sums.merge(copy)
        assert sums.floats().tolist() == [3 * 2.0**300, -3 * 2.0**300]

    def test_digits_are_carried_before_they_are_gathered(self) -> None:
        """65,536 sums of 2^50 units, whose total exceeds int64."""
        keys = np.arange(1 << 16)
        sums = sums_of([1.0] * len(keys), keys.tolist(), len(keys))
        for _ in range(50):
            sums.merge(sums.take(keys))
        assert sums.gathered(keys % 2, 2).floats().tolist() == [2.0**65, 2.0**65]

    @given(st.lists(st.integers(0, 2**52), min_size=1, max_size=5), st.lists(FINITE))
    def test_counts_are_numbers(self, counts: list[int], numbers: list[float]) -> None:
        sums = ExactSums()
        sums.add(np.array(numbers, np.float64))
        for count in counts:
            sums.add_counts([count])
        assert sums.units() * UNIT == sum(map(Fraction, numbers)) + sum(counts)

    @given(st.lists(st.floats(-1e100, 1e100)), st.integers(-4, 4))
    def test_a_shift_multiplies_by_a_power_of_two(self, numbers: list[float], step: int) -> None:
        sums = ExactSums()
        sums.add(np.array(numbers, np.float64), shift=32 * step)
        assert sums.units() * UNIT == sum(map(Fraction, numbers)) * Fraction(2) ** (32 * step)


class TestKeys:
    @given(KEYED)
    def test_each_key_has_the_exact_sum_of_its_numbers(
        self, pairs: list[tuple[float, int]]
    ) -> None:
        sums = keyed(pairs)
        for key in range(KEYS):
            exact = sum((Fraction(one) for one, of in pairs if of == key), Fraction())
            assert sums.units(key) * UNIT == exact
            assert sums.float(key) == sums.floats()[key] == rounded(exact)

    @given(KEYED)
    def test_the_keys_add_up_to_the_sum_of_all(self, pairs: list[tuple[float, int]]) -> None:
        total = sums_of([number for number, _ in pairs])
        sums = keyed(pairs)
        assert sum(sums.units(key) for key in range(KEYS)) == total.units()

    @given(st.lists(st.tuples(ANY_FLOAT, st.integers(0, KEYS - 1))))
    def test_what_is_not_finite_stays_with_its_key(self, pairs: list[tuple[float, int]]) -> None:
        sums = keyed(pairs)
        for key in range(KEYS):
            own = sums_of([number for number, of in pairs if of == key])
            np.testing.assert_equal(sums.float(key), own.float())
            np.testing.assert_equal(float(sums.floats()[key]), own.float())
            assert sums.is_finite(key) == own.is_finite()

    @given(st.lists(FINITE, max_size=30))
    def test_all_are_rounded_as_one_is(self, numbers: list[float]) -> None:
        """`floats` rounds arrays like `float` rounds whole numbers, including ties and
        cancellation."""
        further = [1.0, 2.0**-53, 2.0**-106, -(2.0**-53), 1.0 + 2.0**-52]
        count = len(numbers) + len(further)
        sums = sums_of([*numbers, *further], list(range(count)), count)
        for other in further:
            sums.add(np.full(count, other), Keys(np.arange(count), count))
        assert sums.floats().tolist() == [sums.float(key) for key in range(count)]


class TestMerge:
    @given(KEYED, KEYED, KEYED)
    def test_it_is_associative_and_commutative_with_an_identity(
        self,
        one: list[tuple[float, int]],
        two: list[tuple[float, int]],
        three: list[tuple[float, int]],
    ) -> None:
        expected = state(keyed([*one, *two, *three]))
        left, inner, right, turned = keyed(one), keyed(two), keyed(one), keyed(three)
        left.merge(keyed(two))
        left.merge(keyed(three))
        inner.merge(keyed(three))
        right.merge(inner)
        turned.merge(keyed(two))
        turned.merge(keyed(one))
        fresh = ExactSums(KEYS)
        fresh.merge(left)
        right.merge(ExactSums(KEYS))
        assert [state(one) for one in (left, right, turned, fresh)] == [expected] * 4

    @given(KEYED, KEYED, st.permutations(range(KEYS)))
    def test_keys_may_have_other_numbers_here(
        self, one: list[tuple[float, int]], two: list[tuple[float, int]], places: list[int]
    ) -> None:
        merged = keyed(one)
        merged.merge(keyed(two), np.array(places))
        moved = [(number, places[key]) for number, key in two]
        assert state(merged) == state(keyed([*one, *moved]))

    @given(KEYED, KEYED)
    def test_keys_may_be_new(
        self, one: list[tuple[float, int]], two: list[tuple[float, int]]
    ) -> None:
        merged = keyed(one)
        merged.resize(2 * KEYS)
        merged.merge(keyed(two), np.arange(KEYS, 2 * KEYS))
        assert state(merged) == [*state(keyed(one)), *state(keyed(two))]

    @given(st.lists(st.tuples(ANY_FLOAT, st.integers(0, KEYS - 1))))
    def test_some_keys_can_be_taken_or_gathered(self, pairs: list[tuple[float, int]]) -> None:
        sums = keyed(pairs)
        np.testing.assert_equal(
            state(sums.take(np.array([2, 0]))), [state(sums)[2], state(sums)[0]]
        )
        halves = sums.gathered(np.arange(KEYS) % 2, 2)
        np.testing.assert_equal(
            state(halves),
            state(sums_of([number for number, _ in pairs], [key % 2 for _, key in pairs], 2)),
        )


class TestProducts:
    @given(st.lists(st.tuples(FINITE, FINITE)))
    def test_their_sum_is_exact(self, pairs: list[tuple[float, float]]) -> None:
        sums = ExactSums()
        a, b = (np.array([pair[side] for pair in pairs], np.float64) for side in (0, 1))
        add_products(sums, a, b)
        assert sums.units() * UNIT == sum(Fraction(x) * Fraction(y) for x, y in pairs)

    @given(st.lists(st.tuples(FINITE, st.integers(0, KEYS - 1))))
    def test_squares_of_each_key(self, pairs: list[tuple[float, int]]) -> None:
        sums = ExactSums(KEYS)
        a, keys = np.array([x for x, _ in pairs]), np.array([key for _, key in pairs], np.int64)
        add_products(sums, a, a, Keys(keys, KEYS))
        for key in range(KEYS):
            squares = (Fraction(x) ** 2 for x, of in pairs if of == key)
            assert sums.units(key) * UNIT == sum(squares)

    @given(st.lists(st.tuples(FINITE, FINITE), max_size=6), st.integers(0, 6))
    def test_any_split_gives_the_same(self, pairs: list[tuple[float, float]], place: int) -> None:
        a, b = (np.array([pair[side] for pair in pairs], np.float64) for side in (0, 1))
        whole, parts, later = ExactSums(), ExactSums(), ExactSums()
        add_products(whole, a, b)
        add_products(parts, a[:place], b[:place])
        add_products(later, a[place:], b[place:])
        parts.merge(later)
        assert state(parts) == state(whole)

    @pytest.mark.parametrize(
        ("a", "b", "expected"),
        [
            ([1e-200, 2e200], [1e-200, 2e200], math.inf),  # rounded, but not lost: see below
            ([5e-324], [5e-324], 0.0),
            ([math.inf], [2.0], math.inf),
            ([math.inf], [-5e-324], -math.inf),
            ([math.inf], [0.0], math.nan),
            ([math.nan, 1.0], [1.0, 1.0], math.nan),
        ],
    )
    def test_at_the_edges(self, a: list[float], b: list[float], expected: float) -> None:
        sums = ExactSums()
        add_products(sums, np.array(a), np.array(b))
        np.testing.assert_equal(sums.float(), expected)

    def test_what_has_no_float64_is_kept(self) -> None:
        """Squares of 2^600 and 2^-600 are exactly 2^1200 and 2^-1200."""
        sums = ExactSums()
        a = np.array([2.0**600, 2.0**-600])
        add_products(sums, a, a)
        assert sums.units() * UNIT == Fraction(2) ** 1200 + Fraction(2) ** -1200


class TestRows:
    @given(st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=1, max_size=5))
    def test_the_sum_of_each_row_is_exact(self, rows: list[list[float]]) -> None:
        expected = [rounded(sum(map(Fraction, row), Fraction())) for row in rows]
        assert row_sums(np.array(rows)).tolist() == expected

    def test_of_long_rows(self) -> None:
        rng = np.random.default_rng(1)
        rows = rng.normal(size=(3, 70_000)) * 10.0 ** rng.integers(-20, 20, (3, 70_000))
        assert row_sums(rows).tolist() == [math.fsum(row) for row in rows.tolist()]

    def test_of_rows_whose_planes_have_no_exact_sum(self) -> None:
        """2^22 - 1 times 1 - 2^-32 adds up to 54 bits of a plane."""
        rows = np.full((1, (1 << 22) - 1), 1.0 - 2.0**-32)
        rows[0, 1::2] += 2.0**-40
        exact = sum(Fraction(one) * count for one, count in Counter(rows[0].tolist()).items())
        assert row_sums(rows).tolist() == [float(exact)]


@given(st.integers(-(2**3000), 2**3000))
def test_whole_numbers_of_the_unit_are_rounded_to_the_nearest(units: int) -> None:
    assert to_float(units) == rounded(units * UNIT)


@given(st.integers(0, 2**4000), st.integers(1, 2**4000))
def test_the_root_of_a_ratio(numerator: int, denominator: int) -> None:
    """The square of the root is the ratio, up to the last few bits of a float64."""
    root = root_of_ratio(numerator, denominator)
    if math.isinf(root):
        assert Fraction(numerator, denominator) >= Fraction(2) ** 2046
    elif root >= 2.0**-1021:
        assert abs(Fraction(root) ** 2 * denominator / numerator - 1) < Fraction(2) ** -50
