"""Which column of the input is which class, where targets are class indices or labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from losscli.binding.ambiguity import flag
from losscli.binding.classes import Labels, class_numbers, namings
from losscli.binding.given import Chosen, Given
from losscli.binding.pairs import How
from losscli.binding.stems import number_of, numbered
from losscli.errors import DataError, listed
from losscli.readers.fields import Content


class Order(NamedTuple):
    """The columns, now in the order of the classes, and what the labels of the target mean.

    `class_base` is the number of the first class where the names of the columns say it. `numbers`
    are those of the classes where they have gaps.
    """

    chosen: Chosen
    class_base: int | None = None
    numbers: tuple[int, ...] | None = None


def class_order(given: Given, chosen: Chosen) -> Order:
    """The columns of the input in the order of the classes.

    Where every label is called as a column is, columns are matched by name: `3,4,5` or `-1,1`.
    Otherwise the first column is the first class.
    """
    columns = chosen.columns.get("input", ())
    _require_names(given, chosen)
    if not _has_index_target(given, chosen) or len(columns) < 2:
        return Order(chosen)
    if given.classes is not None:
        return Order(_as_named(given, chosen, columns, given.classes))
    numbers = class_numbers(columns)
    if numbers is None or _target_is_text(given, chosen) or "class_base" in given.request.typed:
        return Order(chosen)
    ordered = [name for _, name in sorted(zip(numbers, columns, strict=True))]
    if sorted(numbers) == list(range(len(columns))):
        if chosen.how["input"] is How.LISTED and list(columns) != ordered:
            file = given.offer_of("input").file
            raise DataError(
                f"{file}: {flag('input', columns)} is not the order of the classes that these "
                f"columns are called by. Use {flag('input', ordered)}, or --class-base 0 to take "
                "the first one listed as the first class."
            )
        return Order(chosen.reordered("input", ordered, "the labels"))
    return _by_labels(given, chosen, ordered, sorted(numbers))


def _require_names(given: Given, chosen: Chosen) -> None:
    """Raise DataError for names of classes that are numbers, as labels are, but no positions."""
    names = given.classes
    if names is None or _target_is_text(given, chosen):
        return
    if not given.request.loss.has_classes or "class_base" in given.request.typed:
        return
    if _are_numbers(names) and list(map(number_of, names)) != list(range(len(names))):
        raise DataError(
            f"--classes {','.join(names)} are numbers, and so are the labels. Call the columns of "
            "the input by these numbers, or use --class-base for classes in the order of their "
            "numbers."
        )


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
    wanted = [name.lower() for name in names]
    for called in namings(columns):
        place = {name.lower(): column for name, column in zip(called, columns, strict=True)}
        if set(place) == set(wanted):
            return chosen.reordered("input", [place[name] for name in wanted], "--classes")
        if not set(place).isdisjoint(wanted):
            raise DataError(
                f"{given.offer_of('input').file}: --classes {listed(names)} has some of the names "
                f"of the columns {listed(columns)}, and not all. Give the names of all columns."
            )
    return chosen


def _by_labels(
    given: Given, chosen: Chosen, ordered: Sequence[str], numbers: Sequence[int]
) -> Order:
    """By name where every label is a column, else by position."""
    file = given.offer_of("input").file
    target = given.request.arrays["target"], chosen.columns.get("target")
    labels = given.read_labels(*target)
    if labels is None:
        raise DataError(
            f"{file}: the columns are called {listed(ordered)}, and labels that cannot be read "
            f"twice may mean these numbers or positions. Use --class-base {numbers[0]} or "
            "--class-base 0."
        )
    if given.request.where and labels.numbers <= set(numbers):
        whole = given.read_labels(*target, all_rows=True)
        if whole is not None and not whole.numbers <= set(numbers):
            raise DataError(
                f"{file}: the labels that --where keeps are among the numbers of the columns "
                f"{listed(ordered)}, and other labels of the file are not. Use --class-base "
                f"{numbers[0]} or --class-base 0."
            )
    consecutive = list(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))
    is_sure = consecutive or chosen.how["input"] is not How.FOUND or _are_numbers(ordered)
    if labels.numbers and labels.numbers <= set(numbers) and (is_sure or _all_met(labels, numbers)):
        by_name = chosen.reordered("input", ordered, "the labels")
        note = f"labels are matched with the names of the columns, {listed(ordered)}"
        if consecutive:
            return Order(by_name.noting(note), class_base=numbers[0])
        return Order(by_name.noting(note), numbers=tuple(numbers))
    if not consecutive and chosen.how["input"] is How.FOUND:
        raise _gaps(file, ordered, labels, numbers)
    return Order(chosen)


def _are_numbers(columns: Sequence[str]) -> bool:
    """Whether the names are numbers and nothing else, as columns of classes are called alone."""
    return all(numbered(name) == ("", number_of(name)) for name in columns)


def _all_met(labels: Labels, numbers: Sequence[int]) -> bool:
    return labels.numbers == set(numbers)


def _gaps(file: str, columns: Sequence[str], labels: Labels, numbers: Sequence[int]) -> DataError:
    """The error for columns with a common stem whose numbers have gaps."""
    odd = [f"{label:g}" for label in sorted(labels.numbers.difference(numbers))]
    why = f"no column is called as the labels {listed(odd)}" if odd else "not all are labels"
    return DataError(
        f"{file}: the numbers of the columns {listed(columns)} have gaps, and {why}. Use "
        f"{flag('input', columns)} to take them as the classes, or list some of them."
    )
