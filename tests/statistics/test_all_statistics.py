"""Properties of every statistic: any split, any order of merging and any process give the same
result."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from functools import cache, reduce
from typing import Any

import numpy as np
import pytest
from oracle import WITH_ELEMENTS
from statistics_cases import VARIANTS, Case, case_of

from losscli.elements import Elements, joined
from losscli.evaluation.state import decoded, encoded
from losscli.losses.registry import LOSSES
from losscli.statistics import registered
from losscli.statistics.groups import Groups
from losscli.statistics.guessing import Guessing
from losscli.statistics.nonfinite import NonFinite
from losscli.statistics.statistic import Statistic, Whole
from losscli.statistics.suspicions import Suspicions
from losscli.statistics.total import Total

STATISTICS = pytest.mark.parametrize("kind", registered(), ids=lambda kind: kind.__name__)
# The first of these variants run by default.
CASES = pytest.mark.parametrize(
    "variant",
    [
        pytest.param(variant, marks=() if number < 3 else pytest.mark.slow)
        for number, variant in enumerate(VARIANTS)
    ],
)


def runs_of(kind: type[Statistic], variant: str) -> list[Case]:
    """The cases in which the statistic is used."""
    has_nan = variant in ("not finite", "NaN skipped")
    # bce and brier reject NaN.
    names = [name for name in LOSSES if not (has_nan and name in ("bce", "brier"))]
    cases = [case_of(loss, variant) for loss in names]
    return [case for case in cases if kind.of(case.setting) is not None]


def new(kind: type[Statistic], case: Case) -> Any:
    """A new statistic, without blocks."""
    made = kind.of(case.setting)
    assert made is not None
    return made


def seen(kind: type[Statistic], case: Case, blocks: Sequence[Elements]) -> Any:
    """A statistic with some blocks added."""
    made = new(kind, case)
    with np.errstate(all="ignore"):
        for block in blocks:
            made.add(block)
    return made


def each_block(kind: type[Statistic], case: Case) -> list[Any]:
    return [seen(kind, case, [block]) for block in case.blocks]


def both(one: Any, later: Any) -> Any:
    one.merge(later)
    return one


@cache
def total_of(case: Case) -> Total:
    totals = (kind for kind in registered() if issubclass(kind, Total))
    kind = next(kind for kind in totals if kind.of(case.setting) is not None)
    total: Total = seen(kind, case, case.blocks)
    total.ledger.finish()
    return total


def said(statistic: Any, case: Case) -> str:
    """Everything that a statistic reports, to the last bit. Unlike ==, repr distinguishes -0.0 from
    0.0, and treats NaN as equal to NaN."""
    statistic.name_labels(case.names)
    return reported(statistic, case)


def reported(statistic: Any, case: Case) -> str:
    if isinstance(statistic, Total):
        statistic.ledger.finish()
    whole = Whole(case.setting, total_of(case), case.by, rank=case.rank)
    return repr(([*statistic.result(whole)], beside(statistic)))


def beside(statistic: Any) -> object:
    """The values of a statistic that other statistics use, in addition to its report."""
    match statistic:
        case Total():
            ledger = statistic.ledger
            numbers = (ledger.ignored, ledger.rows, ledger.signs, ledger.loss_units())
            return (statistic.value(), statistic.count, statistic.weight_sum, *numbers)
        case NonFinite():
            return statistic.nan, statistic.infinite
        case Suspicions():
            return statistic.texts()
        case Guessing():
            return statistic.prior(), statistic.prior_left_out(7)
    return None


@STATISTICS
@CASES
def test_any_association_gives_what_one_part_gives(kind: type[Statistic], variant: str) -> None:
    for case in runs_of(kind, variant):
        expected = said(seen(kind, case, case.blocks), case)
        from_the_left = reduce(both, each_block(kind, case))
        assert said(from_the_left, case) == expected
        *first, last = each_block(kind, case)
        from_the_right = reduce(lambda later, one: both(one, later), reversed(first), last)
        assert said(from_the_right, case) == expected


@pytest.mark.slow
@STATISTICS
@CASES
def test_any_uneven_split_gives_what_one_part_gives(kind: type[Statistic], variant: str) -> None:
    rng = np.random.default_rng(0)
    for case in runs_of(kind, variant):
        expected = said(seen(kind, case, case.blocks), case)
        for _ in range(3):
            cuts = sorted(rng.integers(0, len(case.blocks) + 1, 2).tolist())
            starts, stops = [0, *cuts], [*cuts, len(case.blocks)]
            parts = [
                seen(kind, case, case.blocks[start:stop])
                for start, stop in zip(starts, stops, strict=True)
            ]
            while len(parts) > 1:  # any two consecutive parts
                place = int(rng.integers(len(parts) - 1))
                parts[place : place + 2] = [both(*parts[place : place + 2])]
            assert said(parts[0], case) == expected


@pytest.mark.slow
@STATISTICS
@CASES
def test_a_new_one_is_an_identity(kind: type[Statistic], variant: str) -> None:
    for case in runs_of(kind, variant):
        expected = said(seen(kind, case, case.blocks), case)
        assert said(both(new(kind, case), seen(kind, case, case.blocks)), case) == expected
        assert said(both(seen(kind, case, case.blocks), new(kind, case)), case) == expected


@pytest.mark.slow
@STATISTICS
@CASES
def test_a_part_can_be_sent_to_another_process(kind: type[Statistic], variant: str) -> None:
    """Labels are replaced by their names first, because other processes number labels
    differently."""
    for case in runs_of(kind, variant):
        expected = said(seen(kind, case, case.blocks), case)
        parts = each_block(kind, case)
        for part in parts:
            part.name_labels(case.names)
        copies = [pickle.loads(pickle.dumps(part)) for part in parts]
        assert reported(reduce(both, copies), case) == expected
        assert reported(pickle.loads(pickle.dumps(copies[0])), case) == expected


@pytest.mark.slow
@STATISTICS
@CASES
def test_a_part_can_be_saved(kind: type[Statistic], variant: str) -> None:
    """As JSON, without the functions of the loss."""
    if kind.rereads:
        pytest.skip("parts are read only once")
    for case in runs_of(kind, variant):
        expected = said(seen(kind, case, case.blocks), case)
        copies = []
        for part in each_block(kind, case):
            part.name_labels(case.names)
            saved = json.dumps(encoded(part), allow_nan=False)
            copies.append(new(kind, case))
            vars(copies[-1]).update(vars(decoded(json.loads(saved))))
        assert reported(reduce(both, copies), case) == expected


@pytest.mark.slow
@STATISTICS
@CASES
def test_rows_that_were_joined_give_what_they_give_alone(
    kind: type[Statistic], variant: str
) -> None:
    """Small blocks are joined before they are added, unless a statistic needs class scores."""
    for case in runs_of(kind, variant):
        follow = zip(case.blocks, case.blocks[1:], strict=False)
        if new(kind, case).needs_scores or not all(
            one.continues_with(later) for one, later in follow
        ):
            continue
        expected = said(seen(kind, case, case.blocks), case)
        assert said(seen(kind, case, [joined(case.blocks)]), case) == expected


@STATISTICS
def test_each_is_asked_for_in_some_case(kind: type[Statistic]) -> None:
    assert any(runs_of(kind, variant) for variant in VARIANTS)


@pytest.mark.parametrize("loss", WITH_ELEMENTS)
@pytest.mark.parametrize("variant", ["plain", "masked", "weighted", "clustered", "sum"])
def test_the_groups_add_up_to_the_whole_exactly(loss: str, variant: str) -> None:
    case = case_of(loss, variant)
    groups, total = seen(Groups, case, case.blocks), total_of(case).ledger
    ledger = groups._ledger
    keys = range(ledger.size)
    assert sum(ledger.loss_units(key) for key in keys) == total.loss_units()
    assert sum(ledger._weights.units(key) for key in keys) == total._weights.units()
    assert ledger.elements.sum() == total.elements.sum()
