"""Describe the contents of files."""

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

# The number of values inspected in a block, and in an array without --full.
_BLOCK_VALUES = 1 << 20

# Rows with more values are split. The sum of their probabilities is then not recognised as 1.
_MOST_ROW_VALUES = 1 << 24

# Targets that commonly mark ignored elements.
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
    """The contents of an array.

    Args:
        file: the path of the file
        name: the name of the array, or its columns; empty for a file with a single array
        shape: the shape; None for an unknown number of rows
        dtype: the type as stored, or "names" for text
        rows: the number of inspected rows without missing values
        minimum: the smallest finite value; for class indices, without marks
        maximum: the largest finite value; for class indices, without marks
        nan: the number of NaN
        infinite: the number of infinite values
        missing: the number of inspected rows with missing values
        looks_like: the apparent kind of the values, such as "logits"
        marks: the class indices that commonly mark ignored elements, such as -100
        columns: the columns of the array
    """

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
    """Properties of all values seen so far."""

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
        with np.errstate(over="ignore", invalid="ignore"):  # sums of infinite and very large values
            values = block.astype(np.float64, copy=False)
            sums = [_near_1(block, terms) for terms in (values, np.exp(values))]
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
        """The finding completed with these properties."""
        finding = replace(finding, nan=self.nan, infinite=self.infinite)
        if self.minimum > self.maximum:  # no value is finite
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
    """Whether the values sum to 1 along the last or the second axis, within the rounding of the
    stored array."""
    if values.ndim < 2:
        return False
    axes = {1, values.ndim - 1}
    return any(
        bool(np.all(np.abs(values.sum(axis=k) - 1) <= sum_tolerance(stored, values.shape[k])))
        for k in axes
    )


@dataclass(frozen=True)
class InspectOptions:
    """How to inspect files.

    Args:
        full: whether to read all rows instead of the first ones
        reading: the format options
        where: conditions on the rows to inspect
    """

    full: bool = False
    reading: Reading = AS_THEY_ARE
    where: tuple[Where, ...] = ()


def inspect(
    files: Sequence[str], options: InspectOptions, warn: Callable[[str], None]
) -> list[Finding]:
    """Describe the arrays of every file. `warn` is called for each damaged array of a file that
    also has readable arrays. Raises DataError for a file that cannot be read."""
    require_no_empty(files, "a path", "a file")
    findings = [finding for file in files for finding in _of_file(file, options, warn)]
    for condition in options.where:
        if condition.column not in {column for finding in findings for column in finding.columns}:
            raise DataError(f"--where {condition}: no column {condition.column!r}")
    return findings


def _opened(file: str, options: InspectOptions) -> Container:
    container = open_files([file], options.reading)
    if container.table is not None:
        for condition in options.where:
            if condition.column in container.offer.names:
                container.table.keep_rows(condition)
    return container


def _of_file(file: str, options: InspectOptions, warn: Callable[[str], None]) -> list[Finding]:
    damages: list[DataError] = []
    findings = _findings(file, options, damages)
    if damages and not findings:
        raise damages[0]
    for damage in dict.fromkeys(map(str, damages)):  # once, even if the file was opened repeatedly
        warn(damage)
    return findings


def _findings(file: str, options: InspectOptions, damages: list[DataError]) -> list[Finding]:
    full = options.full
    with closing(_opened(file, options)) as container:
        arrays = _arrays(container, damages)
        most = _most_rows(arrays)
        if not full or len(arrays) == 1:
            return [
                finding
                for name, array in arrays.items()
                for finding in _inspect(file, name, array, full, most, damages)
            ]
    if file == STANDARD_INPUT:
        raise DataError(
            "--full reads a file once per array, but - (standard input) can be read only once. "
            "Use a file."
        )
    findings = []
    for name in arrays:  # a table is read from start to end for each array
        with closing(_opened(file, options)) as container:
            array = _arrays(container, damages)[name]
            findings += _inspect(file, name, array, full, most, damages)
    return findings


def _most_rows(arrays: Mapping[str, Source]) -> int:
    """The number of rows of a table to inspect at once. All its arrays are in memory together."""
    widths = [_width(array) for array in arrays.values() if array.of_table and not array.is_text]
    return max(1, _BLOCK_VALUES // max(widths, default=1))


def _width(array: Source) -> int:
    """The number of values in a row, at least 1."""
    return math.prod(size or 1 for size in array.shape[1:])


@contextmanager
def _skipping_damaged(damages: list[DataError]) -> Iterator[None]:
    """Skip an array that cannot be read. Record the error unless no loss accepts its type."""
    try:
        yield
    except KindError:
        pass
    except DataError as error:
        damages.append(error)


def _arrays(container: Container, damages: list[DataError]) -> dict[str, Source]:
    """The arrays of a file: a single array, or one for each column or stem of columns."""
    offer = container.offer
    if not offer.fields:
        return {"": container.array(None, "")}
    table = container.table
    arrays: dict[str, Source] = {}
    for columns in _together(offer):
        with _skipping_damaged(damages):
            arrays[", ".join(columns)] = (
                container.array(columns, "") if table is None else _prepared(table, columns)
            )
    return arrays


def _together(offer: Offer) -> list[tuple[str, ...]]:
    """The columns of each array of a file. Columns that share a stem are one array."""
    stems = stems_of(offer.fields) if any(field.is_plain for field in offer.fields) else []
    stem_of = {name: stem.columns for stem in stems for name in stem.columns}
    names = dict.fromkeys(offer.names)
    return list(dict.fromkeys(stem_of.get(name, (name,)) for name in names))


def _prepared(table: Table, columns: Sequence[str]) -> Source:
    """Columns of a table as an array that accepts text, sequences and missing values."""
    array = table.array(columns, "")
    array.skips_missing = True
    if array.is_text:
        table.allow_text(columns[0])
    if array.is_nested:
        table.explode(columns, shift=False, leaves_out=True)
    return array


def _inspect(
    file: str, name: str, array: Source, full: bool, most: int, damages: list[DataError]
) -> list[Finding]:
    """The findings of an array; none if it is damaged. A damaged table raises DataError."""
    if array.of_table:
        return _findings_of(file, name, array, full, most)
    with _skipping_damaged(damages):
        return _findings_of(file, name, array, full, most)
    return []


def _findings_of(file: str, name: str, array: Source, full: bool, most: int) -> list[Finding]:
    """The finding of an array, or of each column if the columns cannot be one array."""
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
        each = [column.with_block(block[present, k]) for k, column in enumerate(each)]
    shape = array.shape
    if full:
        shape = tuple(array.count() if size is None else size for size in shape)
    finding = replace(finding, shape=shape, rows=rows, missing=missing)
    are_probabilities = [column.is_probability for column in each]
    if any(are_probabilities) and not all(are_probabilities):
        return [
            column.finding(replace(finding, name=title, shape=shape[:1], columns=(title,)))
            for title, column in zip(columns, each, strict=True)
        ]
    return [seen.finding(finding)]


def _blocks(
    array: Source, full: bool, most: int
) -> Iterator[tuple[Array, NDArray[np.bool_], bool]]:
    """Yield blocks, a mask of the rows without missing values, and whether a block contains the
    start of its rows.

    Blocks of a table have at most `most` rows.
    """
    if not array.shape:
        yield array.read(()), np.ones((), dtype=np.bool_), True
        return
    several = len(array.columns or ()) > 1  # each column is also inspected alone
    whole = several or _width(array) <= _MOST_ROW_VALUES
    values = min(_BLOCK_VALUES, most * _width(array)) if array.of_table else _BLOCK_VALUES
    for box in boxes(array.shape, values, len(array.shape) - 1 if whole else 0):
        block = array.read(box)
        if not len(block):
            return
        present = array.present(box)
        yield (
            block,
            np.ones(len(block), np.bool_) if present is None else present,
            not any(part.start for part in box[1:]),
        )
        if not full:
            return
