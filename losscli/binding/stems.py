"""Columns that share a stem, each with a number or a word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from losscli.binding.names import is_input_stem
from losscli.readers.fields import Field

_SEPARATORS = "_.- "
_NUMBERED = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"(?P<stem>.*[_.\s])(?P<number>-\d+)",  # p_-1
        r"(?P<stem>.*?)(?P<number>(?<!\d)\d+)",  # p_1
        r"(?P<stem>.+)[(\[](?P<number>\d+)[)\]]",  # p(1)
        r"(?P<number>\d+)[_.\- ](?P<stem>\D+)",  # 1_p
        r"(?P<stem>\D+)(?P<number>\d+)(?P<rest>\D+)",  # class0_p
    )
]
_BARE_NUMBER = re.compile(r"(?a)[+-]?\d{1,18}(\.0+)?")
_MOST_DIGITS = 18

# Words after a stem that mark a summary of the other columns, not a class.
_SUMMARIES = frozenset(
    "max min mean median std var sum total argmax top class label target pred true entropy lower "  # noqa: SIM905
    "upper name id".split()
)


class Stem(NamedTuple):
    """Columns that share a stem. Numbered columns such as `logit_0`, `logit_1` are sorted by
    number. Others such as `prob_cat`, `prob_dog` are in the order of the file, and `numbers` is
    None."""

    stem: str
    columns: tuple[str, ...]
    numbers: tuple[int, ...] | None

    @property
    def doubtful(self) -> list[str]:
        """The columns that may summarise the others, such as `prob_max`."""
        rests = {"".join(self._words(name)) for name in self.columns}
        if self.numbers is not None or rests == {"true", "false"}:
            return []
        return [name for name in self.columns if _is_doubtful(self._words(name))]

    def _words(self, name: str) -> list[str]:
        """Return the words of a name without the stem."""
        lower, size = name.lower(), len(self.stem)
        rest = lower[size:] if lower.startswith(self.stem) else lower[:-size]
        return re.split(r"[_.\- ]+", rest)


def _is_doubtful(words: Sequence[str]) -> bool:
    """Whether the words after a stem mark a summary of other columns, or contain a digit."""
    return any(word in _SUMMARIES or any(map(str.isdigit, word)) for word in words)


def number_of(name: str) -> int | None:
    """Return the number in a name, or None.

    >>> [number_of(name) for name in ("7", "-1", "3.0", "logit_12", "x.1", "cat")]
    [7, -1, 3, 12, 1, None]
    """
    parts = numbered(name)
    return None if parts is None else parts[1]


def numbered(name: str) -> tuple[str, int] | None:
    """Return the stem and the number of a name, or None. The stem of a plain number is empty."""
    if _BARE_NUMBER.fullmatch(name):
        return "", int(name.partition(".")[0])
    matches = (pattern.fullmatch(name) for pattern in _NUMBERED)
    match = next(filter(None, matches), None)
    if match is None or len(match["number"]) > _MOST_DIGITS:
        return None
    rest = match.groupdict().get("rest", "")
    return match["stem"].rstrip(_SEPARATORS) + rest, int(match["number"])


def stems_of(fields: Iterable[Field]) -> list[Stem]:
    """Return the stems that two or more columns of numbers share.

    If some columns of a stem end in numbers, the others are left out. Words after a stem count only
    if the stem is a usual name of predictions: `Sepal.Length` has no stem.
    """
    names = [field.name for field in fields if field.is_plain]
    by_number: dict[str, dict[str, int]] = {}
    for name in names:
        parts = numbered(name)
        if parts is not None:
            by_number.setdefault(parts[0].lower(), {})[name] = parts[1]
    stems = [
        Stem(stem, tuple(sorted(numbers, key=numbers.__getitem__)), tuple(sorted(numbers.values())))
        for stem, numbers in by_number.items()
        if len(numbers) > 1
    ]
    in_stems = {name for stem in stems for name in stem.columns}
    known = {stem.stem for stem in stems}
    words = [name for name in names if name not in in_stems]
    return stems + [stem for stem in _word_stems(words) if stem.stem not in known]


def _word_stems(names: Sequence[str]) -> list[Stem]:
    """Return the stems that are usual names of predictions, with a word for each column."""
    by_stem: dict[str, list[str]] = {}
    for name in names:
        for stem in _cuts(name):
            if is_input_stem(stem):
                by_stem.setdefault(stem.lower(), []).append(name)
                break
    return [
        Stem(stem, tuple(columns), None) for stem, columns in by_stem.items() if len(columns) > 1
    ]


def _cuts(name: str) -> Iterator[str]:
    """Yield the possible stems of a name: the text before each separator, then the text after each.
    Short stems come first, since `prob_hot_dog` is the probability of `hot_dog`."""
    ends = [k for k, mark in enumerate(name) if mark in _SEPARATORS and 0 < k < len(name) - 1]
    yield from (name[:k] for k in ends)
    yield from (name[k + 1 :] for k in reversed(ends))


def in_number_order(columns: Sequence[str]) -> list[str]:
    """Sort the columns of each stem by number. The positions of each stem stay the same."""
    members: dict[str, list[tuple[int, str]]] = {}
    for name in columns:
        stem, number = numbered(name) or (None, 0)
        if stem is not None:
            members.setdefault(stem.lower(), []).append((number, name))
    ordered = {stem: iter(sorted(of_stem)) for stem, of_stem in members.items()}
    parts = (numbered(name) for name in columns)
    return [
        name if part is None else next(ordered[part[0].lower()])[1]
        for name, part in zip(columns, parts, strict=True)
    ]
