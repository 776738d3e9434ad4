"""What was asked for, checked as far as it can be before a file is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from losscli.elements import SAMPLE_WEIGHT
from losscli.errors import UsageError
from losscli.losses import kebab
from losscli.losses.registry import Loss
from losscli.readers import AS_THEY_ARE, FORMATS, JOINS, PAIRS, Reading, known_format
from losscli.readers.origin import STANDARD_INPUT
from losscli.readers.where import Where

# The paths, directories and globs that make one array; one that can be hashed.
Files = tuple[str, ...]


# The labels by which elements are grouped that are no columns: their target, the column of the
# input that they are in, and the file that they come from.
CLASS, COLUMN, FILE = "class", "column", "file"
WORDS = (CLASS, COLUMN, FILE)

# The array that tells from which row of the file each comes; no loss has a parameter of that name.
SAMPLE = "row of the file"


def label_array(name: str) -> str:
    """The array of the labels called `name`, which may be called as a parameter of a loss is."""
    return f"label {name}"


def key_array(name: str) -> str:
    """The array of a key or another column that is shown with each element."""
    return f"key {name}"


@dataclass(frozen=True)
class Wanted:
    """What was asked for beside the number.

    Args:
        interval: a confidence interval, and what guessing would cost
        by: the labels that make groups: columns, files of labels, or "class", "column", "file"
        by_column: those of `by` that are columns whatever they are called
        cluster: the column or file that says what belongs together
        accuracy: how often the largest input is the target
        top: how many of the worst elements
        quantiles: shares of the losses, as numbers or as they are to be written
        histogram: how the losses are distributed
        digest: the SHA-256 of every file that was read
    """

    interval: bool = True
    by: tuple[str, ...] = ()
    by_column: tuple[str, ...] = ()
    cluster: str | None = None
    accuracy: bool = False
    top: int = 0
    quantiles: tuple[str, ...] = ()
    histogram: bool = False
    digest: bool = False

    def __post_init__(self) -> None:
        """One label or share may be given by itself, and each counts once."""
        by = (self.by,) if isinstance(self.by, str) else self.by
        columns = (self.by_column,) if isinstance(self.by_column, str) else self.by_column
        shares = self.quantiles
        shares = (shares,) if isinstance(shares, int | float | str) else shares
        object.__setattr__(self, "by_column", tuple(map(str, columns)))
        object.__setattr__(self, "by", tuple(dict.fromkeys(map(str, (*by, *columns)))))
        object.__setattr__(self, "quantiles", tuple(dict.fromkeys(map(str, shares))))

    def is_word(self, label: str) -> bool:
        """Whether a label to group by is one of WORDS, and no column."""
        return label in WORDS and label not in self.by_column

    @property
    def shares(self) -> list[Fraction]:
        """The shares of the quantiles as exact numbers."""
        return list(map(_share, self.quantiles))

    def check(self, reduction: str) -> None:
        """Raise UsageError for what cannot be meant."""
        for name, words in {"by": self.by, "cluster": (self.cluster,)}.items():
            require_no_empty(words, f"--{name}", "a column or a file")
            if STANDARD_INPUT in words:
                raise UsageError(
                    f"--{name} is -, and labels are not read from standard input; expected a "
                    "column or a file"
                )
        if self.cluster == CLASS:
            raise UsageError(
                "--cluster class: the target's class cannot be a cluster. Use a column or a file "
                "of labels; rename a column called class."
            )
        if self.top < 0:
            raise UsageError(f"top is {self.top}; expected at least 1")
        for text in self.quantiles:
            if not _is_share(text):
                raise UsageError(f"quantiles is {text!r}; expected numbers from 0 to 1")
        asked = {
            "by": self.by,
            "cluster": self.cluster,
            "accuracy": self.accuracy,
            "top": self.top,
            "quantiles": self.quantiles,
            "histogram": self.histogram,
        }
        for name, value in asked.items():
            if value and reduction == "none":
                raise UsageError(
                    f"--{name} is told beside one number, and --reduction none gives many"
                )


def _share(text: str) -> Fraction:
    """The exact number that the text denotes. Raises ValueError for no number, NaN and infinity."""
    # A number too small for a float has an exponent that would take long to write out.
    return Fraction(text) if float(text) else Fraction(0)


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1 and 0 <= _share(text) <= 1
    except ValueError:
        return False


@dataclass(frozen=True)
class Request:
    """What was asked for, in order and complete, before any file is opened.

    `typed` are the options of the loss that were given, and `in_order` says that input and target
    were given by their place. `id` is the key that pairs rows, one column or several with commas
    between them, and `join` is "inner" where rows without a partner are left out. `pair` is
    "position" where the order of the rows pairs them, whatever columns say. `where` are conditions
    on rows, and `keep` columns that are shown with each element.
    """

    loss: Loss
    arrays: Mapping[str, Any]
    columns: Mapping[str, Sequence[str]]
    options: Mapping[str, Any]
    reduction: str
    typed: frozenset[str] = frozenset()
    in_order: bool = False
    id: str | None = None
    join: str | None = None
    pair: str | None = None
    where: tuple[Where, ...] = ()
    keep: tuple[str, ...] = ()
    classes: str | Sequence[str] | None = None
    skip_missing: bool = False
    reading: Reading = AS_THEY_ARE
    wanted: Wanted = Wanted()

    @property
    def changed(self) -> dict[str, Any]:
        """The options that are not the default."""
        defaults = {
            option.name: option.check(option.default, self.options) for option in self.loss.options
        }
        return {name: value for name, value in self.options.items() if value != defaults[name]}

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the key, as they may be called: all of the text, or what is between the
        commas."""
        return () if self.id is None else tuple(dict.fromkeys([self.id, *self.id.split(",")]))

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that say something of a row and are no input unless they are named."""
        by = [label for label in self.wanted.by if not self.wanted.is_word(label)]
        cluster = [self.wanted.cluster] if self.wanted.cluster else []
        return (*by, *cluster, *self.keep, *(one.column for one in self.where))

    def reading_of(self, files: Files) -> Reading:
        """How these files are read: a format that was given is that of the first array."""
        is_first = files is next(iter(self.arrays.values()))
        return self.reading if is_first else replace(self.reading, format=None)


# What `evaluate` takes beside the arrays and options of a loss.
FURTHER = ("id", "join", "pair", "where", "keep", "classes", "skip_missing")


def bind(
    loss: Loss,
    inputs: Sequence[Any],
    reduction: str,
    parameters: Mapping[str, Any],
    wanted: Wanted = Wanted(),
) -> Request:
    """Sort what was given into arrays, columns and options; all that is wrong usage ends here."""
    if reduction not in loss.reductions:
        raise UsageError(
            f"reduction is {reduction!r}; expected one of {', '.join(loss.reductions)}"
        )
    wanted.check(reduction)
    _check_sample_weight(reduction, parameters)
    names = [array.name for array in loss.inputs]
    column_names = {f"{name}_column": name for name in names}
    options = {option.name: option.default for option in loss.options}
    how = ("input_format", "header", "delimiter")
    unknown = set(parameters) - {*names, *column_names, *options, *how, *FURTHER}
    if unknown:
        raise UsageError(
            f"{loss.name} takes no {sorted(unknown)[0]!r}; it takes {', '.join([*names, *options])}"
        )
    arrays = _bind_arrays(loss, inputs, parameters)
    columns = {
        column_names[name]: [given] if isinstance(given, str) else list(given)
        for name, given in parameters.items()
        if name in column_names and given
    }
    for name, words in columns.items():
        require_no_empty(words, f"--{kebab(name)}-column", "a column")
    for name in ("id", "classes"):
        require_no_empty([parameters.get(name)], f"--{name}", "a name")
    _borrow(loss, arrays, columns)
    typed = {name for name in options if parameters.get(name) is not None}
    options |= {name: parameters[name] for name in typed}
    checked = {option.name: option.check(options[option.name], options) for option in loss.options}
    request = Request(
        loss,
        {name: arrays[name] for name in names if name in arrays},
        columns,
        checked,
        reduction,
        frozenset(typed),
        in_order=len(inputs) > 1 and not {"input", "target"} & set(parameters),
        **_further(parameters),
        reading=make_reading(*(parameters.get(name) for name in how)),
        wanted=wanted,
    )
    _require_pairing(request)
    _require_one_standard_input(request)
    return request


def _further(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What is given beside arrays and options, conditions and columns to keep as tuples."""
    given = {name: parameters[name] for name in FURTHER if parameters.get(name) is not None}
    several = {name: _several(given.pop(name, ())) for name in ("where", "keep")}
    require_no_empty(several["keep"], "--keep", "a column")
    conditions = (one if isinstance(one, Where) else Where.parsed(one) for one in several["where"])
    return {**given, "where": tuple(conditions), "keep": tuple(dict.fromkeys(several["keep"]))}


def _several(given: Any) -> Sequence[Any]:
    return [given] if isinstance(given, str | Where) else list(given)


def _require_pairing(request: Request) -> None:
    """Raise UsageError for ways to pair rows that exclude each other, and keys that are data."""
    for name, value, allowed in (("join", request.join, JOINS), ("pair", request.pair, PAIRS)):
        if value is not None and value not in allowed:
            raise UsageError(f"--{name} is {value!r}; expected {' or '.join(allowed)}")
    if request.id is not None and request.pair is not None:
        raise UsageError("--id pairs rows by a key and --pair position by their order; give one")
    if request.join is not None and request.id is None:
        raise UsageError("--join inner needs the key to join by; give --id COLUMN")
    for array, columns in request.columns.items():
        for column in columns:
            if column in request.keys:
                raise UsageError(
                    f"{column!r} is both the key (--id) and a column of {array} "
                    f"(--{kebab(array)}-column); a key is never data"
                )


def _check_sample_weight(reduction: str, parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for sample weights with a reduction that has no use for them."""
    for name in (SAMPLE_WEIGHT, f"{SAMPLE_WEIGHT}_column"):
        if reduction == "batchmean" and parameters.get(name) is not None:
            raise UsageError(
                f"--{kebab(name)} does not go with --reduction batchmean, which divides by the "
                "number of samples. Use --reduction mean or --reduction sum."
            )


def _bind_arrays(
    loss: Loss, inputs: Sequence[Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Arrays by name; those without a name fill the required ones that have none, in order."""
    named = {
        array.name: parameters[array.name]
        for array in loss.inputs
        if parameters.get(array.name) is not None
    }
    open_names = [array.name for array in loss.arrays if array.required and array.name not in named]
    if len(open_names) == 1 and len(inputs) > 1 and all(map(_is_path, inputs)):
        inputs = [list(inputs)]
    if len(inputs) > len(open_names):
        raise UsageError(
            f"found {len(inputs)} inputs, expected {len(open_names)} ({', '.join(open_names)}); "
            "several files of one array are a glob in quotes, a directory, or "
            f"--{kebab(open_names[-1] if open_names else 'target')} once for each"
        )
    given = dict(zip(open_names, inputs, strict=False)) | named
    return {name: _files_or_array(value) for name, value in given.items()}


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _files_or_array(value: Any) -> Any:
    """The files of an array as a tuple of names, or the array itself."""
    several = list(value) if isinstance(value, list | tuple) else [value]
    if several and all(map(_is_path, several)):
        paths = tuple(os.fspath(path) for path in several)
        require_no_empty(paths, "a path", "a file")
        return paths
    return np.asarray(value)


def require_no_empty(words: Iterable[Any], what: str, expected: str) -> None:
    """Raise UsageError for a word that is empty."""
    if any(isinstance(word, str) and not word for word in words):
        raise UsageError(f"{what} is empty, as a variable is that was never set; give {expected}")


def require_one_reader(requests: Sequence[Request]) -> None:
    """Standard input is read by one of several requests alone."""
    if sum(map(reads_standard_input, requests)) > 1:
        raise UsageError(
            "- (standard input) is read once, and compare reads it for A and for B; expected one "
            "of A and B from it, and all else from files"
        )


def _borrow(loss: Loss, arrays: dict[str, Any], columns: Mapping[str, Sequence[str]]) -> None:
    """Take the first array's file for arrays that are columns without a file of their own, and
    for required ones of which nothing is said."""
    first = loss.arrays[0].name
    for name in columns:
        arrays.setdefault(name, arrays.get(first))
        if arrays[name] is None:
            raise UsageError(f"{first.upper()} is missing; give a file")
        if not isinstance(arrays[name], tuple):
            raise UsageError(
                f"--{kebab(name)}-column names columns of a file, and {name} is given as numbers"
            )
    missing = [array.name for array in loss.arrays if array.required and array.name not in arrays]
    if first in missing:
        raise UsageError(f"{first.upper()} is missing; give a file")
    for name in missing:
        source = arrays[first]
        if not isinstance(source, tuple) or all(known_format(path) == "npy" for path in source):
            raise UsageError(
                f"{name.upper()} is missing; give a file, or --{kebab(name)}-column for a column "
                f"of {first.upper()}"
            )
        arrays[name] = source


def make_reading(format_name: str | None, header: bool | None, delimiter: str | None) -> Reading:
    """How files are read. Raises UsageError for what cannot be meant."""
    if format_name is not None and format_name not in FORMATS:
        raise UsageError(f"input_format is {format_name!r}; expected one of {', '.join(FORMATS)}")
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    if delimiter is not None and not re.fullmatch(r'[^\0\r\n"\x80-\U0010ffff]', delimiter):
        raise UsageError(f"delimiter is {delimiter!r}; expected one character of ASCII, or tab")
    return Reading(format_name, header, delimiter)


def _require_one_standard_input(request: Request) -> None:
    """Standard input is one file, and read once."""
    from_input = _from_input(request)
    if len(from_input) > 1 or any(one.count(STANDARD_INPUT) > 1 for one in from_input):
        raise UsageError("- (standard input) is given twice; expected once")
    if from_input and request.id is not None and len(set(_all_files(request))) > 1:
        raise UsageError("--id reads files twice, which - (standard input) cannot be")


def _all_files(request: Request) -> list[Files]:
    return [value for value in request.arrays.values() if isinstance(value, tuple)]


def reads_standard_input(request: Request) -> bool:
    """Whether a part of it is read from standard input, which can be read once."""
    return bool(_from_input(request))


def _from_input(request: Request) -> list[Files]:
    """What is read from standard input."""
    # What was borrowed from another array is the same tuple, what was given anew only equals it.
    files = {id(value): value for value in request.arrays.values() if isinstance(value, tuple)}
    names = [(request.classes,)] if isinstance(request.classes, str) else []
    return [one for one in (*files.values(), *names) if STANDARD_INPUT in one]
