"""What is reported in addition to the number, and how a request is run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from losscli.errors import UsageError, option_error
from losscli.losses import kebab
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.statistics import options
from losscli.statistics.statistic import OptionValue

# Group labels that are not columns of a file: the target's class, the column of the input, and
# the file.
CLASS, COLUMN, FILE = "class", "column", "file"
WORDS = (CLASS, COLUMN, FILE)

# What to do when an element's loss is NaN.
ON_NAN = ("warn", "error", "skip")


@dataclass(frozen=True)
class Execution:
    """How a request is run.

    Args:
        broadcast: whether input and target may broadcast to more elements than either has
        check: whether to check the data for mistakes
        strict: whether suspicious data is an error
        on_nan: what to do when an element's loss is NaN: "warn", "error" or "skip"
        threads: the number of threads; None is one per core
    """

    broadcast: bool = False
    check: bool = True
    strict: bool = False
    on_nan: str = "warn"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.on_nan not in ON_NAN:
            raise option_error("on_nan", self.on_nan, f"one of {', '.join(ON_NAN)}")
        if self.threads is not None and self.threads < 1:
            raise option_error("threads", self.threads, "at least 1")

    @property
    def workers(self) -> int:
        """The number of threads. The default is the number of cores available to this process."""
        if self.threads is None and sys.platform == "linux":
            return len(os.sched_getaffinity(0))
        return self.threads or os.cpu_count() or 1


@dataclass(frozen=True, init=False)
class Wanted:
    """What is reported in addition to the number.

    Args:
        interval: whether to report a confidence interval and the loss of guessing
        by: the labels to group by: columns, files of labels, or "class", "column", "file"
        by_column: labels to group by that are always columns, whatever their name
        cluster: the column or file whose values define the samples
        digest: whether to report the SHA-256 of every file that was read
        statistics: the options of statistics: `accuracy`, `top`, `quantiles`, `histogram`
    """

    interval: bool
    by: tuple[str, ...]
    by_column: tuple[str, ...]
    cluster: str | None
    digest: bool
    statistics: Mapping[str, OptionValue]

    def __init__(
        self,
        interval: bool = True,
        by: str | Sequence[str] = (),
        by_column: str | Sequence[str] = (),
        cluster: str | None = None,
        digest: bool = False,
        **statistics: object,
    ) -> None:
        """`by` and `by_column` accept one label or several. Duplicates are dropped."""
        labels = (by,) if isinstance(by, str) else tuple(by)
        columns = (by_column,) if isinstance(by_column, str) else tuple(by_column)
        values = {
            "interval": interval,
            "by": tuple(dict.fromkeys(map(str, (*labels, *columns)))),
            "by_column": tuple(map(str, columns)),
            "cluster": cluster,
            "digest": digest,
            "statistics": _asked(statistics),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def shows_elements(self) -> bool:
        """Whether individual elements are shown, with the key of their row."""
        return bool(self.statistics.get("top"))

    def is_word(self, label: str) -> bool:
        """Whether a label to group by is one of WORDS and not a column."""
        return label in WORDS and label not in self.by_column

    def check(self, reduction: str) -> None:
        """Raise UsageError for labels that never work, or do not work with this reduction."""
        for name, words in {"by": self.by, "cluster": (self.cluster,)}.items():
            require_no_empty(words, f"--{name}", "a column or a file")
            if STANDARD_INPUT in words:
                raise UsageError(
                    f"--{name}: labels cannot be read from standard input (-). Use a column or a "
                    "file."
                )
        if self.cluster == CLASS:
            raise UsageError(
                "--cluster class: the target's class cannot be a cluster. Use a column or a file "
                "of labels. If a column is called 'class', rename it."
            )
        if reduction == "batchmean" and self.by and self.cluster is not None:
            raise UsageError(
                "--by with --cluster cannot be combined with --reduction batchmean, which divides "
                "by the number of rows. Use --reduction mean or --reduction sum."
            )
        for option in options():
            if option.of_mean and option.name in self.statistics and reduction != "mean":
                raise UsageError(
                    f"--{kebab(option.name)} is about the mean of the losses. Use --reduction mean."
                )
        labels = {"by": self.by, "cluster": self.cluster}
        asked = (*(name for name, value in labels.items() if value), *self.statistics)
        for name in asked:
            if reduction == "none":
                raise UsageError(
                    f"--{kebab(name)} cannot be combined with --reduction none. Use --reduction "
                    "mean or --reduction sum."
                )


def _asked(given: Mapping[str, object]) -> dict[str, OptionValue]:
    """The given options of statistics, checked, without those that have no effect. Raises TypeError
    for an unknown option."""
    if not given:
        return {}
    known = {option.name: option for option in options()}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise TypeError(f"unknown statistic {unknown[0]!r}; expected one of {', '.join(known)}")
    parsed = {name: known[name].parse(value) for name, value in given.items()}
    return {name: value for name, value in parsed.items() if value != known[name].absent}


def require_no_empty(words: Iterable[Any], what: str, expected: str) -> None:
    """Raise UsageError if a word is empty."""
    if any(isinstance(word, str) and not word for word in words):
        raise UsageError(f"{what} is empty (is a shell variable unset?). Give {expected}.")


# The defaults: the number and its interval.
THE_NUMBER = Wanted()
AS_USUAL = Execution()
