"""Which column of the input is which class, where targets are class indices or labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from losscli.binding.ambiguity import flag
from losscli.binding.choose import Chosen, Given
from losscli.binding.classes import class_numbers, namings
from losscli.binding.pairs import How
from losscli.errors import DataError, listed
from losscli.readers.fields import Content


@dataclass(frozen=True)
class Order:
    """The columns, now in the order of the classes, and what the labels of the target mean.

    `class_base` is the number of the first class where the names of the columns tell it. `numbers`
    are those of the classes where they have gaps.
    """

    chosen: Chosen
    class_base: int | None = None
    numbers: tuple[int, ...] | None = None


def class_order(given: Given, chosen: Chosen, names: Sequence[str] | None) -> Order:
    """The columns of the input in the order of the classes. `names` are those of `--classes`.

    Where every label is called as a column is, columns are matched by name: `3,4,5` or `-1,1`.
    Otherwise the first column is the first class.
    """
    columns = chosen.columns.get("input", ())
    if not _has_index_target(given, chosen) or len(columns) < 2:
        return Order(chosen)
    if names is not None:
        return Order(_as_named(given, chosen, columns, names))
    numbers = class_numbers(columns)
    if numbers is None or _target_is_text(given, chosen) or "class_base" in given.request.typed:
        return Order(chosen)
    ordered = [name for _, name in sorted(zip(numbers, columns, strict=True))]
    if sorted(numbers) == list(range(len(columns))):
        return Order(chosen.reordered("input", ordered, "the labels"))
    return _by_labels(given, chosen, ordered, sorted(numbers))


def _has_index_target(given: Given, chosen: Chosen) -> bool:
    request = given.request
    if not (request.loss.has_classes and "class_base" in request.options):
        return False
    columns = chosen.columns.get("target")
    if columns is None:
        return given.ranks.get("target", 1) <= 1
    return len(columns) == 1 and not given.offer_of("target").field(columns[0]).is_row


def _target_is_text(given: Given, chosen: Chosen) -> bool:
    columns = chosen.columns.get("target")
    if columns is None:
        return False
    return given.offer_of("target").field(columns[0]).content is Content.TEXT


def _as_named(given: Given, chosen: Chosen, columns: Sequence[str], names: Sequence[str]) -> Chosen:
    """The columns in the order of the names of the classes, where they are called by these."""
    if len(names) != len(columns):
        raise DataError(
            f"{given.offer_of('input').file}: --classes has {len(names)} names ({listed(names)}) "
            f"and the input has {len(columns)} columns ({listed(columns)}). Give one name for "
            "each column."
        )
    for called in namings(columns):
        if set(called) == set(names):
            place = dict(zip(called, columns, strict=True))
            return chosen.reordered("input", [place[name] for name in names], "--classes")
    return chosen


def _by_labels(
    given: Given, chosen: Chosen, ordered: Sequence[str], numbers: Sequence[int]
) -> Order:
    """By name where every label is a column, else by position."""
    file = given.offer_of("input").file
    labels = given.read_labels(given.request.arrays["target"], chosen.columns.get("target"))
    if labels is None:
        raise DataError(
            f"{file}: the columns are called {listed(ordered)}, and labels that cannot be read "
            f"twice may mean these numbers or positions. Use --class-base {numbers[0]} or "
            "--class-base 0."
        )
    consecutive = list(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))
    if labels.numbers and labels.numbers <= set(numbers):
        by_name = chosen.reordered("input", ordered, "the labels")
        note = f"labels are matched with the names of the columns, {listed(ordered)}"
        if consecutive:
            return Order(by_name.noting(note), class_base=numbers[0])
        return Order(by_name.noting(note), numbers=tuple(numbers))
    if not consecutive and chosen.how["input"] is How.FOUND:
        raise DataError(
            f"{file}: the numbers of the columns {listed(ordered)} have gaps, and not every label "
            f"is one of them. Use {flag('input', ordered)} to take them in this order."
        )
    return Order(chosen)
