"""Statistics become JSON and back, bit for bit, and no other JSON becomes a statistic."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.evaluation.state import StateError, decoded, encoded
from losscli.statistics.exact import ExactSums
from losscli.statistics.ledger import Ledger, Rule
from losscli.statistics.sketch import Buckets


def there_and_back(value: Any) -> Any:
    return decoded(json.loads(json.dumps(encoded(value), allow_nan=False)))


@given(st.floats())
def test_a_float_keeps_its_bits(value: float) -> None:
    if math.isnan(value):
        assert math.isnan(there_and_back(value))
    else:
        assert struct.pack("<d", there_and_back(value)) == struct.pack("<d", value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**70),
        "text with \0 and \u2028",
        (1, (2.5, None)),
        [1, [], ()],
        {"a": 1, 2: "b", (): [3]},
        {1, 2},
        frozenset({"a"}),
        Rule(True, samples="x"),
    ],
)
def test_plain_values_keep_their_types(value: object) -> None:
    copy = there_and_back(value)
    assert (type(copy), copy) == (type(value), value)


@pytest.mark.parametrize("size", [0, 3, 1000])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<i8", "<i4", "?", "<f2"])
def test_an_array_keeps_its_bits(size: int, dtype: str) -> None:
    array = np.random.default_rng(0).integers(-5, 5, size).astype(dtype)
    copy = there_and_back(array)
    assert copy.dtype == array.dtype.newbyteorder("=")
    assert copy.astype(dtype).tobytes() == array.tobytes()
    assert there_and_back(array.reshape(1, size, 1)).shape == (1, size, 1)


def test_numbers_that_are_not_finite_stay_in_arrays() -> None:
    array = np.array([np.inf, -np.inf, np.nan, -0.0])
    assert there_and_back(array).tobytes() == array.tobytes()


def test_a_sum_of_a_million_numbers_is_a_few_hundred_bytes() -> None:
    sums = ExactSums()
    sums.add(np.random.default_rng(0).normal(size=1_000_000))
    assert len(json.dumps(encoded(sums))) < 1000
    copy = there_and_back(sums)
    assert copy.units() == sums.units()
    copy.add(np.ones(1))  # it is a working sum
    assert copy.units() == sums.units() + (1 << 72 * 32)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"a": 1, "b": 2},
        {"Unknown": {}},
        {"Path": {}},
        {"float": "1.5"},
        {"float": "x"},
        {"dict": [[[], 1]]},
        {"dict": 5},
        {"set": [[1]]},
        {"array": {"dtype": "O", "shape": [1], "items": [1]}},
        {"array": {"dtype": "<f8", "shape": [2], "items": [1]}},
        {"array": {"dtype": "<f8", "shape": [-1], "items": [1, 2]}},
        {"array": {"dtype": "<i8", "shape": [1 << 70], "zlib": ""}},
        {"array": {"dtype": "<i8", "shape": [1], "zlib": "eJwDAAAAAAE="}},
        {"array": {"dtype": "<i8", "shape": [1], "zlib": "not base64"}},
        {"array": {"shape": [1], "items": [1]}},
        {"Ledger": []},
        {"Rule": {"no": 1}},
        {"ExactSums": {"size": 1, "_digits": {"dict": [[10**18, [0]]]}}},
        {"ExactSums": {"size": 1}},
        {
            "Buckets": {
                "first": 10**15,
                "counts": {"array": {"dtype": "<i8", "shape": [0], "items": []}},
            }
        },
    ],
    ids=repr,
)
def test_other_json_is_refused(state: object) -> None:
    with pytest.raises(StateError):
        decoded(state)


def test_a_small_text_does_not_become_a_large_array() -> None:
    state = encoded(np.zeros(1 << 20))
    state["array"]["shape"] = [8]
    with pytest.raises(StateError, match="expected 64"):
        decoded(state)


def test_functions_are_left_out() -> None:
    assert encoded(Buckets())["Buckets"].keys() == {"first", "counts"}
    ledger = Ledger(Rule(True))
    ledger.function = print  # type: ignore[attr-defined]
    assert "function" not in encoded(ledger)["Ledger"]


def test_types_without_a_form_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot save a value of type complex"):
        encoded([1j])
    with pytest.raises(TypeError, match="cannot save an array of type object"):
        encoded(np.array([None]))
