"""What files hold, and the command that is probably wanted of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from losscli.binding.stems import stems_of
from losscli.elements import Array
from losscli.errors import DataError, KindError
from losscli.evaluation.blocks import boxes
from losscli.losses.checks import sum_tolerance
from losscli.readers import AS_THEY_ARE, Reading
from losscli.readers.container import Container
from losscli.readers.dtypes import stored_name
from losscli.readers.fields import Offer
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.files.shards import open_files
from losscli.readers.tables.where import Where
from losscli.request.wanted import require_no_empty
from losscli.source import Source

if TYPE_CHECKING:
    from losscli.readers.tables.table import Table

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
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Seen:
    """What is true of all values seen so far."""

    minimum: float = np.inf
    maximum: float = -np.inf
    least_class: float = np.inf
    largest_class: float = -np.inf
    nan: int = 0
    infinite: int = 0
    whole: bool = True
    sum_to_1: bool = True
    exponentials_sum_to_1: bool = True
    marks: frozenset[int] = frozenset()

    def with_block(self, block: Array) -> _Seen:
        with np.errstate(over="ignore", invalid="ignore"):  # sums of what is infinite, or nearly
            values = block.astype(np.float64, copy=False)
            sums = [_near_1(block, one) for one in (values, np.exp(values))]
        finite = values[np.isfinite(values)]
        counted = finite[~np.isin(finite, _MARKS)]
        return _Seen(
            min(self.minimum, float(finite.min(initial=np.inf))),
            max(self.maximum, float(finite.max(initial=-np.inf))),
            min(self.least_class, float(counted.min(initial=np.inf))),
            max(self.largest_class, float(counted.max(initial=-np.inf))),
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
        looks_like = self.looks_like(len(finding.shape), "int" in finding.dtype)
        if looks_like not in (CLASS_INDICES, YES_OR_NO):
            return replace(
                finding, minimum=self.minimum, maximum=self.maximum, looks_like=looks_like
            )
        return replace(
            finding,
            minimum=self.least_class,
            maximum=self.largest_class,
            looks_like=looks_like,
            marks=tuple(sorted(self.marks)),
        )

    def looks_like(self, rank: int, is_integer: bool) -> str:
        least, largest = self.least_class, self.largest_class
        if self.whole and 0 <= least <= largest <= 1 and not self.marks:
            return YES_OR_NO
        if self.whole and least >= 0 and (least <= 1 or (rank > 1 and is_integer)):
            return CLASS_INDICES
        if self.minimum >= 0 and self.maximum <= 1 and (rank < 2 or self.sum_to_1):
            return PROBABILITIES
        if rank > 1 and self.maximum <= 1e-3 and self.exponentials_sum_to_1:
            return LOG_PROBABILITIES
        return LOGITS if rank > 1 else REAL


def _near_1(stored: Array, values: NDArray[np.float64]) -> bool:
    """Whether rows sum to 1, along the last axis or the second."""
    if values.ndim < 2:
        return False
    axes = {1, values.ndim - 1}
    return any(
        bool(np.all(np.abs(values.sum(axis=k) - 1) <= sum_tolerance(stored, values.shape[k])))
        for k in axes
    )


@dataclass(frozen=True)
class Look:
    """How files are looked at: in full or in a sample of their first rows, how they are read, and
    which of their rows."""

    full: bool = False
    reading: Reading = AS_THEY_ARE
    where: tuple[Where, ...] = ()


def inspect(files: Sequence[str], look: Look, warn: Callable[[str], None]) -> list[Finding]:
    """What the arrays of every file contain. `warn` is called for each array that is damaged, of a
    file that has others."""
    require_no_empty(files, "a path", "a file")
    findings = [finding for file in files for finding in _of_file(file, look, warn)]
    for condition in look.where:
        if condition.column not in {column for one in findings for column in one.columns}:
            raise DataError(f"--where {condition}: found no column {condition.column!r}")
    return findings


def _opened(file: str, look: Look) -> Container:
    container = open_files([file], look.reading)
    if container.table is not None:
        for condition in look.where:
            if condition.column in container.offer.names:
                container.table.keep_rows(condition)
    return container


def _of_file(file: str, look: Look, warn: Callable[[str], None]) -> list[Finding]:
    damages: list[DataError] = []
    findings = _findings(file, look, damages)
    if damages and not findings:
        raise damages[0]
    for damage in dict.fromkeys(map(str, damages)):  # a file may be opened several times
        warn(damage)
    return findings


def _findings(file: str, look: Look, damages: list[DataError]) -> list[Finding]:
    full = look.full
    with closing(_opened(file, look)) as container:
        arrays = _arrays(container, damages)
        most = _most_rows(arrays)
        if not full or len(arrays) == 1:
            return [
                one
                for name, array in arrays.items()
                for one in _look_at(file, name, array, full, most, damages)
            ]
    if file == STANDARD_INPUT:
        raise DataError("--full reads a file once for each array, which - (standard input) cannot")
    findings = []
    for name in arrays:  # a table is read from its first row to its last for each
        with closing(_opened(file, look)) as container:
            array = _arrays(container, damages)[name]
            findings += _look_at(file, name, array, full, most, damages)
    return findings


def _most_rows(arrays: Mapping[str, Source]) -> int:
    """How many rows of a table are looked at together: all its arrays are held for so many."""
    widths = [_width(array) for array in arrays.values() if array.of_table and not array.is_text]
    return max(1, _BLOCK_VALUES // max(widths, default=1))


def _width(array: Source) -> int:
    """The values of a row, which are at least 1."""
    return math.prod(size or 1 for size in array.shape[1:])


@contextmanager
def _without(damages: list[DataError]) -> Iterator[None]:
    """Leave out an array that cannot be read, and say so unless it is of no kind for a loss."""
    try:
        yield
    except KindError:
        pass
    except DataError as error:
        damages.append(error)


def _arrays(container: Container, damages: list[DataError]) -> dict[str, Source]:
    """A single array; or each column, and columns that share a stem as one."""
    offer = container.offer
    if not offer.fields:
        return {"": container.array(None, "")}
    table = container.table
    arrays: dict[str, Source] = {}
    for columns in _together(offer):
        with _without(damages):
            arrays[", ".join(columns)] = (
                container.array(columns, "") if table is None else _prepared(table, columns)
            )
    return arrays


def _together(offer: Offer) -> list[tuple[str, ...]]:
    """The columns of a file, those of one stem together, in the order of the file."""
    stems = stems_of(offer.fields) if any(field.is_plain for field in offer.fields) else []
    stem_of = {name: stem.columns for stem in stems for name in stem.columns}
    names = dict.fromkeys(offer.names)
    return list(dict.fromkeys(stem_of.get(name, (name,)) for name in names))


def _prepared(table: Table, columns: Sequence[str]) -> Source:
    """Columns of a table, with names as names, sequences as steps, and gaps."""
    array = table.array(columns, "")
    array.skips_missing = True
    if array.is_text:
        table.allow_text(columns[0])
    if array.is_nested:
        table.explode(columns, shift=False, leaves_out=True)
    return array


def _look_at(
    file: str, name: str, array: Source, full: bool, most: int, damages: list[DataError]
) -> list[Finding]:
    """What an array holds, unless it is damaged; a table is so as a whole."""
    if array.of_table:
        return _look(file, name, array, full, most)
    with _without(damages):
        return _look(file, name, array, full, most)
    return []


def _look(file: str, name: str, array: Source, full: bool, most: int) -> list[Finding]:
    """What an array holds; of columns that cannot be one array, what each holds."""
    stored = stored_name(array.dtype)
    finding = Finding(file, name, array.shape, stored, columns=tuple(array.columns or ()))
    if array.is_text:
        return [replace(finding, dtype=NAMES, looks_like=NAMES)]
    columns = array.columns or ()
    seen, each = _Seen(), [_Seen()] * (len(columns) if len(columns) > 1 else 0)
    rows = missing = 0
    for block, present, begins in _blocks(array, full, most):
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
            one.finding(replace(finding, name=column, shape=shape[:1], columns=(column,)))
            for column, one in zip(columns, each, strict=True)
        ]
    return [seen.finding(finding)]


def _blocks(
    array: Source, full: bool, most: int
) -> Iterator[tuple[Array, NDArray[np.bool_], bool]]:
    """Blocks of rows, of a table at most so many, which of them are there, and whether they begin
    in the block."""
    if not array.shape:
        yield array.read(()), np.ones((), dtype=np.bool_), True
        return
    several = len(array.columns or ()) > 1  # columns, of which each is looked at by itself
    whole = several or _width(array) <= _MOST_ROW_VALUES
    values = min(_BLOCK_VALUES, most * _width(array)) if array.of_table else _BLOCK_VALUES
    for box in boxes(array.shape, values, len(array.shape) - 1 if whole else 0):
        block = array.read(box)
        if not len(block):
            return
        present = array.present(box)
        everywhere = np.ones(len(block), np.bool_)
        yield (
            block,
            everywhere if present is None else present,
            not any(part.start for part in box[1:]),
        )
        if not full:
            return
