"""Columns that belong together: one stem with a number, or a word, for each."""

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

# What a column behind a stem may say of the others, and is then no class itself.
_ABOUT_OTHERS = frozenset(
    "max min mean median std var sum total argmax top class label target pred true entropy lower "  # noqa: SIM905
    "upper name id".split()
)


class Stem(NamedTuple):
    """Columns that share a stem, as `logit_0` and `logit_1` do, in the order of their numbers, or
    in that of the file where they have words instead."""

    stem: str
    columns: tuple[str, ...]
    numbers: tuple[int, ...] | None

    @property
    def doubtful(self) -> list[str]:
        """Columns that may be about the others instead of one of them, as `prob_max`."""
        rests = {"".join(self._words(name)) for name in self.columns}
        if self.numbers is not None or rests == {"true", "false"}:
            return []
        return [name for name in self.columns if _is_doubtful(self._words(name))]

    def _words(self, name: str) -> list[str]:
        """The words of a name beside the stem."""
        lower, size = name.lower(), len(self.stem)
        rest = lower[size:] if lower.startswith(self.stem) else lower[:-size]
        return re.split(r"[_.\- ]+", rest)


def _is_doubtful(words: Sequence[str]) -> bool:
    """Whether what follows a stem is about other columns, or has a number within it."""
    return any(word in _ABOUT_OTHERS or any(map(str.isdigit, word)) for word in words)


def number_of(name: str) -> int | None:
    """The number that a name is, or ends in.

    >>> [number_of(name) for name in ("7", "-1", "3.0", "logit_12", "x.1", "cat")]
    [7, -1, 3, 12, 1, None]
    """
    found = numbered(name)
    return None if found is None else found[1]


def numbered(name: str) -> tuple[str, int] | None:
    """The stem of a name and the number behind it; the stem of a number alone is empty."""
    if _BARE_NUMBER.fullmatch(name):
        return "", int(name.partition(".")[0])
    matches = (pattern.fullmatch(name) for pattern in _NUMBERED)
    found = next(filter(None, matches), None)
    if found is None or len(found["number"]) > _MOST_DIGITS:
        return None
    rest = found.groupdict().get("rest", "")
    return found["stem"].rstrip(_SEPARATORS) + rest, int(found["number"])


def stems_of(fields: Iterable[Field]) -> list[Stem]:
    """The stems that two columns of numbers or more share.

    Where some columns of a stem end in numbers, those that do not are left out. Words behind a stem
    count only where predictions are usually called so: `Sepal.Length` has no stem.
    """
    names = [field.name for field in fields if field.is_plain]
    by_number: dict[str, dict[str, int]] = {}
    for name in names:
        found = numbered(name)
        if found is not None:
            by_number.setdefault(found[0].lower(), {})[name] = found[1]
    stems = [
        Stem(stem, tuple(sorted(numbers, key=numbers.__getitem__)), tuple(sorted(numbers.values())))
        for stem, numbers in by_number.items()
        if len(numbers) > 1
    ]
    in_stems = {name for stem in stems for name in stem.columns}
    known = {stem.stem for stem in stems}
    words = [name for name in names if name not in in_stems]
    return stems + [one for one in _word_stems(words) if one.stem not in known]


def _word_stems(names: Sequence[str]) -> list[Stem]:
    """Those with a word for each column, before or behind what predictions are called."""
    found: dict[str, list[str]] = {}
    for name in names:
        for stem in _cuts(name):
            if is_input_stem(stem):
                found.setdefault(stem.lower(), []).append(name)
                break
    return [Stem(stem, tuple(columns), None) for stem, columns in found.items() if len(columns) > 1]


def _cuts(name: str) -> Iterator[str]:
    """What may be the stem of a name: what stands before a separator, or behind one; the shortest
    first, since `prob_hot_dog` is the probability of `hot_dog`."""
    places = [k for k, mark in enumerate(name) if mark in _SEPARATORS and 0 < k < len(name) - 1]
    yield from (name[:k] for k in places)
    yield from (name[k + 1 :] for k in reversed(places))


def in_number_order(columns: Sequence[str]) -> list[str]:
    """Columns, those of one stem in the order of the numbers that they end in."""
    members: dict[str, list[tuple[int, str]]] = {}
    for name in columns:
        stem, number = numbered(name) or (None, 0)
        if stem is not None:
            members.setdefault(stem.lower(), []).append((number, name))
    ordered = {stem: iter(sorted(of_stem)) for stem, of_stem in members.items()}
    found = (numbered(name) for name in columns)
    return [
        name if stem is None else next(ordered[stem[0].lower()])[1]
        for name, stem in zip(columns, found, strict=True)
    ]
