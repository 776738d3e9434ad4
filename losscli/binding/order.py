"""Match the columns of the input with classes, for targets that are class indices or labels."""

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
    """The columns in the order of the classes, and the meaning of the labels of the target.

    `class_base` is the number of the first class, if column names determine it. `numbers` are the
    numbers of the classes, if there are gaps between them.
    """

    chosen: Chosen
    class_base: int | None = None
    numbers: tuple[int, ...] | None = None


def class_order(given: Given, chosen: Chosen) -> Order:
    """Return the columns of the input in the order of the classes.

    If every label is the name of a column, such as `3,4,5` or `-1,1`, columns are matched by name.
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
                f"{file}: {flag('input', columns)} is not the order of the class numbers in these "
                f"names. Use {flag('input', ordered)}, or --class-base 0 to make the first column "
                "listed the first class."
            )
        return Order(chosen.reordered("input", ordered, "the labels"))
    return _by_labels(given, chosen, ordered, sorted(numbers))


def _require_names(given: Given, chosen: Chosen) -> None:
    """Raise DataError if labels and class names are both numbers, but the names are not 0, 1, 2 and
    so on."""
    names = given.classes
    if names is None or _target_is_text(given, chosen):
        return
    if not given.request.loss.has_classes or "class_base" in given.request.typed:
        return
    if _are_numbers(names) and list(map(number_of, names)) != list(range(len(names))):
        raise DataError(
            f"--classes {','.join(names)} gives numbers, and the labels are numbers too. Name the "
            "columns of the input by these numbers, or use --class-base for classes in the order "
            "of their numbers."
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
    """Return the choice with the input's columns in the order of the class names, if the columns
    are named after the classes. Raises DataError if the counts differ or only some names match."""
    if len(names) != len(columns):
        raise DataError(
            f"{given.offer_of('input').file}: --classes has {len(names)} names ({listed(names)}) "
            f"but the input has {len(columns)} columns ({listed(columns)}). Give one name for "
            "each column."
        )
    expected = [name.lower() for name in names]
    for naming in namings(columns):
        column_of = {name.lower(): column for name, column in zip(naming, columns, strict=True)}
        if set(column_of) == set(expected):
            return chosen.reordered("input", [column_of[name] for name in expected], "--classes")
        if not set(column_of).isdisjoint(expected):
            raise DataError(
                f"{given.offer_of('input').file}: --classes {listed(names)} matches only some of "
                f"the columns {listed(columns)}. Give the names of all columns."
            )
    return chosen


def _by_labels(
    given: Given, chosen: Chosen, ordered: Sequence[str], numbers: Sequence[int]
) -> Order:
    """Match classes by name if every label is the number of a column, else by position. Raises
    DataError if the choice is unclear."""
    file = given.offer_of("input").file
    target = given.request.arrays["target"], chosen.columns.get("target")
    labels = given.read_labels(*target)
    if labels is None:
        raise DataError(
            f"{file}: labels from standard input may be the numbers in the column names "
            f"({listed(ordered)}) or positions. Use --class-base {numbers[0]} if labels start at "
            f"{numbers[0]}, or --class-base 0 if labels start at 0."
        )
    if given.request.where and labels.numbers <= set(numbers):
        whole = given.read_labels(*target, all_rows=True)
        if whole is not None and not whole.numbers <= set(numbers):
            raise DataError(
                f"{file}: the labels that --where keeps match the numbers of the columns "
                f"{listed(ordered)}, but other labels in the file do not. Use --class-base "
                f"{numbers[0]} if labels start at {numbers[0]}, or --class-base 0 if labels start "
                "at 0."
            )
    consecutive = list(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))
    is_sure = consecutive or chosen.how["input"] is not How.FOUND or _are_numbers(ordered)
    if (
        labels.numbers
        and labels.numbers <= set(numbers)
        and (is_sure or _all_occur(labels, numbers))
    ):
        by_name = chosen.reordered("input", ordered, "the labels")
        note = f"labels are matched with columns by name: {listed(ordered)}"
        if consecutive:
            return Order(by_name.noting(note), class_base=numbers[0])
        return Order(by_name.noting(note), numbers=tuple(numbers))
    if not consecutive and chosen.how["input"] is How.FOUND:
        raise _gaps(file, ordered, labels, numbers)
    return Order(chosen)


def _are_numbers(columns: Sequence[str]) -> bool:
    """Whether all names are plain numbers. Only columns of classes have such names."""
    return all(numbered(name) == ("", number_of(name)) for name in columns)


def _all_occur(labels: Labels, numbers: Sequence[int]) -> bool:
    return labels.numbers == set(numbers)


def _gaps(file: str, columns: Sequence[str], labels: Labels, numbers: Sequence[int]) -> DataError:
    """Return the error for columns with a common stem whose numbers have gaps."""
    unmatched = [f"{label:g}" for label in sorted(labels.numbers.difference(numbers))]
    noun = "label" if len(unmatched) == 1 else "labels"
    why = (
        f"no column is named after the {noun} {listed(unmatched)}"
        if unmatched
        else "not all are labels"
    )
    return DataError(
        f"{file}: the numbers of the columns {listed(columns)} have gaps, and {why}. Use "
        f"{flag('input', columns)} to use them as the classes, or list some of them."
    )
