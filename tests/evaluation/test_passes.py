"""A statistic that reads the data more than once."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import ClassVar, Self
from unittest import mock

import numpy as np
import pytest

from losscli import Wanted
from losscli.elements import Elements
from losscli.errors import UsageError
from losscli.evaluation import blocks
from losscli.evaluation.evaluate import evaluate_request
from losscli.evaluation.parts import divide
from losscli.losses.registry import find
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.result import Fact
from losscli.statistics import collected, registered
from losscli.statistics.statistic import Option, Setting, Statistic, Whole


class Spread(Statistic):
    """The mean distance of whole numbers from their mean, which the first pass computes."""

    rereads: ClassVar[bool] = True
    options = (Option("spread", bool, "Show the spread."),)

    def __init__(self, mean: float | None = None) -> None:
        self.mean = mean
        self.sum, self.count = 0.0, 0

    @classmethod
    def of(cls, setting: Setting) -> Self:
        return cls()

    def add(self, elements: Elements) -> None:
        values = elements.losses.values
        self.sum += float((values if self.mean is None else abs(values - self.mean)).sum())
        self.count += values.size

    def merge(self, later: Self) -> None:
        self.sum += later.sum
        self.count += later.count

    def next_pass(self) -> Self | None:
        return type(self)(self.sum / self.count) if self.mean is None else None

    def result(self, whole: Whole) -> Iterable[Fact]:
        yield Fact("spread", self.sum / self.count)


@pytest.fixture(autouse=True)
def with_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collected, "registered", lambda: (*registered(), Spread))


def request_of(*inputs: object) -> Request:
    return bind(find("l1"), inputs, None, {}, Wanted(interval=False))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_each_pass_knows_the_one_before(size: int) -> None:
    """The mean of 1, 2, 3, 10 is 4. Their distances from 4 are 3, 2, 1 and 6."""
    with mock.patch.object(blocks, "BLOCK_ELEMENTS", size):
        result = evaluate_request(request_of([1.0, 2.0, 3.0, 10.0], np.zeros(4)))
    assert (result["spread"], result["value"], result["count"]) == (3.0, 4.0, 4)


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.getvalue())))
    with pytest.raises(UsageError, match="--spread reads the data several times"):
        evaluate_request(request_of("-", np.zeros(3)))


def test_parts_are_read_once() -> None:
    with pytest.raises(UsageError, match="--spread reads the data several times, but parts"):
        divide(request_of(np.ones(3), np.zeros(3)))


def test_a_statistic_of_one_pass_has_no_next() -> None:
    total = next(kind for kind in registered() if kind.__name__ == "Total").of(Setting("mean"))
    assert total is not None
    assert total.next_pass() is None
