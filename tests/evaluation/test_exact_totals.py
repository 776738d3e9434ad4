"""The value is the exact sum of the losses divided by the sum of the weights, rounded once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from oracle import WITH_ELEMENTS
from statistics_cases import Case, case_of

from losscli.elements import Elements
from losscli.statistics.total import Total

VARIANTS = ("plain", "masked", "weighted", "clustered", "sum")


def listed(case: Case, field: str) -> list[float]:
    """The values, weights or scales of all elements that count."""
    return [number for block in case.blocks for number in _of_block(block, field)]


def _of_block(block: Elements, field: str) -> list[float]:
    losses = block.losses
    found = getattr(losses, field)
    each: Any = np.broadcast_to(1.0 if found is None else found, losses.values.shape)
    return each[losses.counted].tolist()  # type: ignore[no-any-return]


def total_of(case: Case) -> Total:
    total = Total.of(case.setting)
    assert total is not None
    for block in case.blocks:
        total.add(block)
    return total


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("loss", WITH_ELEMENTS)
def test_the_value_is_that_of_fsum(loss: str, variant: str, seed: int) -> None:
    """fsum adds exactly and rounds once."""
    case = case_of(loss, variant, seed)
    total = total_of(case)
    factors = listed(case, "sample_weights")
    values = zip(factors, listed(case, "values"), strict=True)
    losses = [s * v if s else 0.0 for s, v in values]  # a weight of 0 cancels an infinite loss
    weights = [s * w for s, w in zip(factors, listed(case, "weights"), strict=True)]
    assert total.weight_sum == math.fsum(weights)
    assert total.count == len(losses)
    if total.reduction == "sum":
        np.testing.assert_equal(total.value(), math.fsum(losses))
        return
    if total.reduction == "batchmean":
        assert total.ledger.losses() == math.fsum(losses)
        return
    scales = listed(case, "scale")
    scaled = [v * scale for v, scale in zip(losses, scales, strict=True)]
    expected = math.fsum(scaled) / math.fsum(weights) if math.fsum(weights) else math.nan
    np.testing.assert_equal(total.value(), expected)
