"""What files hold, and the command that is probably wanted of them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losscli.engine import boxes
from losscli.errors import DataError, KindError
from losscli.losses.checks import sum_tolerance
from losscli.readers import Array, Container, Reading, default_name
from losscli.readers.origin import STANDARD_INPUT
from losscli.readers.shards import open_files
from losscli.request import require_no_empty

# Values looked at in a block, and of an array that is not looked at in full.
_BLOCK_VALUES = 1 << 20

# A longer row is looked at in parts, in which classes no longer sum to 1.
_MOST_ROW_VALUES = 1 << 24

# Targets that mark what does not count.
_MARKS = (-100, -1, 255)

LOGITS = "logits"
LOG_PROBABILITIES = "log-probabilities"
PROBABILITIES = "probabilities"
CLASS_INDICES = "class indices"
YES_OR_NO = "0/1"
REAL = "real values"
NAMES = "names"


@dataclass(frozen=True)
class Finding:
    """What one array holds, of which `rows` were looked at, `missing` ones not counted."""

    file: str
    name: str
    shape: tuple[int | None, ...]
    dtype: str
    rows: int = 0
    minimum: float | None = None
    maximum: float | None = None
    nan: int = 0
    infinite: int = 0
    missing: int = 0
    looks_like: str = REAL
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Seen:
    """What is true of all values seen so far."""

    minimum: float = np.inf
    maximum: float = -np.inf
    nan: int = 0
    infinite: int = 0
    whole: bool = True
    sum_to_1: bool = True
    exponentials_sum_to_1: bool = True
    marks: frozenset[int] = frozenset()

    def with_block(self, block: NDArray[Any]) -> _Seen:
        with np.errstate(over="ignore", invalid="ignore"):  # sums of what is infinite, or nearly
            values = block.astype(np.float64, copy=False)
            sums = [_near_1(block, one) for one in (values, np.exp(values))]
        finite = values[np.isfinite(values)]
        counted = finite[~np.isin(finite, _MARKS)]
        return _Seen(
            min(self.minimum, float(counted.min(initial=np.inf))),
            max(self.maximum, float(counted.max(initial=-np.inf))),
            self.nan + int(np.isnan(values).sum()),
            self.infinite + int(np.isinf(values).sum()),
            self.whole and bool(np.all(finite == np.floor(finite))),
            self.sum_to_1 and sums[0],
            self.exponentials_sum_to_1 and sums[1],
            self.marks | {mark for mark in _MARKS if np.any(finite == mark)},
        )

    @property
    def is_probability(self) -> bool:
        return not self.whole and 0 <= self.minimum <= self.maximum <= 1

    def finding(self, finding: Finding) -> Finding:
        """The finding with what was seen."""
        finding = replace(finding, nan=self.nan, infinite=self.infinite)
        if self.minimum > self.maximum:  # nothing finite
            return finding
        return replace(
            finding,
            minimum=self.minimum,
            maximum=self.maximum,
            looks_like=self.looks_like(len(finding.shape)),
            marks=tuple(sorted(self.marks)) if self.whole else (),
        )

    def looks_like(self, rank: int) -> str:
        if self.whole and self.maximum <= 1 and self.minimum >= 0 and not self.marks:
            return YES_OR_NO
        if self.whole and 0 <= self.minimum <= 1:
            return CLASS_INDICES
        if self.minimum >= 0 and self.maximum <= 1 and (rank < 2 or self.sum_to_1):
            return PROBABILITIES
        if rank > 1 and self.maximum <= 1e-3 and self.exponentials_sum_to_1:
            return LOG_PROBABILITIES
        return LOGITS if rank > 1 else REAL


def _near_1(stored: NDArray[Any], values: NDArray[np.float64]) -> bool:
    """Whether rows sum to 1, along the last axis or the second."""
    if values.ndim < 2:
        return False
    axes = {1, values.ndim - 1}
    return any(
        bool(np.all(np.abs(values.sum(axis=k) - 1) <= sum_tolerance(stored, values.shape[k])))
        for k in axes
    )


def inspect(
    files: Sequence[str], full: bool, reading: Reading, warn: Callable[[str], None]
) -> list[Finding]:
    """Look at the arrays of every file, in a sample of their first rows or in full.

    Of a file that holds others as well, a damaged array is told to `warn`.
    """
    require_no_empty(files, "a path", "a file")
    return [finding for file in files for finding in _of_file(file, full, reading, warn)]


def _of_file(file: str, full: bool, reading: Reading, warn: Callable[[str], None]) -> list[Finding]:
    damages: list[DataError] = []
    findings = _findings(file, full, reading, damages)
    if damages and not findings:
        raise damages[0]
    for damage in dict.fromkeys(map(str, damages)):  # a file may be opened several times
        warn(damage)
    return findings


def _findings(file: str, full: bool, reading: Reading, damages: list[DataError]) -> list[Finding]:
    with closing(open_files([file], reading)) as container:
        arrays = _arrays(container, damages)
        if not full or len(arrays) == 1:
            return [
                one
                for name, array in arrays.items()
                for one in _look_at(file, name, array, full, damages)
            ]
    if file == STANDARD_INPUT:
        raise DataError("--full reads a file once for each array, which - (standard input) cannot")
    findings = []
    for name in arrays:  # a table is read from its first row to its last for each
        with closing(open_files([file], reading)) as container:
            array = _arrays(container, damages)[name]
            findings += _look_at(file, name, array, full, damages)
    return findings


@contextmanager
def _without(damages: list[DataError]) -> Iterator[None]:
    """Leave out an array that cannot be read, and say so unless it is of no kind for a loss."""
    try:
        yield
    except KindError:
        pass
    except DataError as error:
        damages.append(error)


def _arrays(container: Container, damages: list[DataError]) -> dict[str, Array]:
    """A single array; or what would be the input, the target by its name, and all others."""
    if not container.names:
        return {"": container.array(None, "")}
    target = default_name(container.names, "target")
    arrays: dict[str, Array] = {}
    if target is not None:
        with _without(damages):
            arrays[target] = container.array([target], "")
    taken = {target}
    if hasattr(container, "column"):
        with suppress(DataError):  # several could be the input: each for itself
            first = container.array(None, "")
            columns = first.columns or ()
            arrays = {", ".join(columns): first} | arrays
            taken |= set(columns)
    for name in container.names:
        if name not in taken:
            with _without(damages):
                arrays[name] = container.array([name], "")
    _prepare(arrays.values())
    return arrays


def _prepare(arrays: Iterable[Any]) -> None:
    """Let tables be read with their names as names, their sequences as steps, and gaps."""
    for array in arrays:
        if hasattr(array, "skips_missing"):
            array.skips_missing = True
        if getattr(array, "is_text", False):
            array.table.allow_text(array.columns[0])
        if getattr(array, "is_nested", False):
            array.table.explode(array.columns, shift=False, leaves_out=True)


def _look_at(
    file: str, name: str, array: Array, full: bool, damages: list[DataError]
) -> list[Finding]:
    """What an array holds, unless it is damaged; a table is so as a whole."""
    if hasattr(array, "table"):
        return _look(file, name, array, full)
    with _without(damages):
        return _look(file, name, array, full)
    return []


def _look(file: str, name: str, array: Array, full: bool) -> list[Finding]:
    """What an array holds; of columns that cannot be one array, what each holds."""
    finding = Finding(file, name, array.shape, str(array.dtype))
    if getattr(array, "is_text", False):
        return [replace(finding, dtype=NAMES, looks_like=NAMES)]
    columns = array.columns or ()
    seen, each = _Seen(), [_Seen()] * (len(columns) if len(columns) > 1 else 0)
    rows = missing = 0
    for block, present, begins in _blocks(array, full):
        rows += begins * int(np.count_nonzero(present))
        missing += begins * int(np.count_nonzero(~present))
        seen = seen.with_block(block[present] if block.ndim else block)
        each = [one.with_block(block[present, k]) for k, one in enumerate(each)]
    shape = array.shape
    if full:
        shape = tuple(array.count() if size is None else size for size in shape)
    finding = replace(finding, shape=shape, rows=rows, missing=missing)
    if any(one.is_probability for one in each) and not all(one.is_probability for one in each):
        return [
            one.finding(replace(finding, name=column, shape=shape[:1]))
            for column, one in zip(columns, each, strict=True)
        ]
    return [seen.finding(finding)]


def _blocks(array: Any, full: bool) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_], bool]]:
    """Blocks of rows, which of their rows are there, and whether the rows begin in them."""
    if not array.shape:
        yield array.read(()), np.ones((), dtype=np.bool_), True
        return
    several = len(array.columns or ()) > 1  # columns, of which each is looked at by itself
    whole = several or math.prod(size or 1 for size in array.shape[1:]) <= _MOST_ROW_VALUES
    for box in boxes(array.shape, _BLOCK_VALUES, len(array.shape) - 1 if whole else 0):
        block = array.read(box)
        if not len(block):
            return
        present = array.present(box) if hasattr(array, "present") else np.ones(len(block), np.bool_)
        yield block, present, not any(part.start for part in box[1:])
        if not full:
            return


def probable_command(findings: Sequence[Finding]) -> str | None:
    """The command that a person with these arrays probably wants."""
    findings = list(dict.fromkeys(findings))  # a file may be named twice
    first, target = _first_and_target(findings)
    if first is None or target is None:
        return None
    loss, options = _loss(first, target)
    words = ["losscli", loss, shlex.quote(first.file)]
    rivals = [one for one in findings if one.file == first.file and _is_prediction(one, target)]
    if len(rivals) > 1:
        words += ["-i", shlex.quote(first.name)]
    if target.file != first.file:
        words.append(shlex.quote(target.file))
    elif default_name([one.name for one in findings], "target") != target.name:
        words += ["-t", shlex.quote(target.name)]
    for mark in target.marks:
        options += [f"--ignore-index {mark}"] if loss in ("ce", "nll") and mark != -100 else []
    if first.missing or target.missing:
        options.append("--skip-missing")
    return " ".join([*words, *options])


def _first_and_target(
    findings: Sequence[Finding],
) -> tuple[Finding | None, Finding | None]:
    """The array of predictions, and that of what they are judged by."""
    target_name = default_name([one.name for one in findings], "target")
    targets = [one for one in findings if one.name == target_name] or [
        one for one in findings if one.looks_like in (CLASS_INDICES, YES_OR_NO, NAMES)
    ]
    target = targets[0] if targets else (findings[-1] if len(findings) > 1 else None)
    others = [one for one in findings if one is not target and one.looks_like != NAMES]
    predictions = [one for one in others if _is_prediction(one, target)]
    predictions.sort(key=lambda one: one.looks_like != PROBABILITIES)
    return next(iter(predictions or others), None), target


def _is_prediction(one: Finding, target: Finding | None) -> bool:
    return one is not target and one.looks_like not in (CLASS_INDICES, YES_OR_NO, NAMES)


def _loss(first: Finding, target: Finding) -> tuple[str, list[str]]:
    """The loss, by what the predictions and the targets look like, and the flags it needs."""
    rank = len(first.shape)
    if rank > 1 and (target.looks_like in (CLASS_INDICES, NAMES) or len(target.shape) < rank):
        options = ["--class-axis -1"] if _has_classes_last(first, target) else []
        kinds = {PROBABILITIES: ("nll", ["--from probs"]), LOG_PROBABILITIES: ("nll", [])}
        loss, more = kinds.get(first.looks_like, ("ce", []))
        return loss, more + options
    if target.looks_like == YES_OR_NO:
        inside = first.minimum is not None and first.minimum >= 0 and (first.maximum or 0) <= 1
        return ("bce" if inside else "bce-with-logits"), []
    if target.looks_like == PROBABILITIES and rank > 1:
        return "kl-div", ["-r batchmean"] + (
            [] if first.looks_like == LOG_PROBABILITIES else ["--from logits"]
        )
    return "mse", []


def _has_classes_last(first: Finding, target: Finding) -> bool:
    return len(first.shape) > 2 and first.shape[:-1] == target.shape
