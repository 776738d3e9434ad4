"""The result of an evaluation: plain data that reports render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from losscli.elements import SAMPLE_WEIGHT, Floats
from losscli.json_text import lines_of

# A value for JSON. Numbers may be NaN or infinite, and dataclasses become objects.
Value = object


class Between(NamedTuple):
    """An interval in a text for people, rounded to the decimals of a value."""

    interval: tuple[float, float]
    value: float


# Parts of a text for people: strings, and numbers to be rounded.
Pieces = tuple[str | float | Between, ...]


@dataclass(frozen=True)
class Fact:
    """A value that is reported in addition to the loss.

    Args:
        name: the key in JSON
        value: the value in JSON
        label: the text in front of the value, for people
        shown: the value, for people; if empty, people do not see the fact
        remark: the text after the value, for people
        in_rows: whether row formats have a column for the fact
    """

    name: str
    value: Value
    label: str = ""
    shown: Pieces = ()
    remark: Pieces = ()
    in_rows: bool = False


class Kind(Enum):
    """The kind of values in a column, which determines how each format writes them."""

    LOSS = "loss"
    SHARE = "share"
    COUNT = "count"
    INTERVAL = "interval"
    LABELS = "labels"
    INDEX = "index"
    PLAIN = "plain"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: the key in JSON, and the name in row formats
        field: the attribute of a row that contains the value, if it is not called `name`
        kind: the kind of the values; LABELS and INDEX are tuples with an entry for each of `parts`,
            and INTERVAL is a pair or None
        parts: the names of the columns that a tuple of LABELS or INDEX becomes in row formats
        heading: the heading in tables for people; None hides the column there
        row_name: the name in row formats, if it is not `name`
        optional: whether the column is left out if no row has a value
        in_rows: whether row formats include the column
    """

    name: str
    kind: Kind
    parts: tuple[str, ...] = ()
    heading: str | None = None
    row_name: str | None = None
    optional: bool = False
    field: str | None = None
    in_rows: bool = True

    def of(self, row: object) -> Any:
        """The value of a row in this column."""
        return getattr(row, self.field or self.name)


class Bars(NamedTuple):
    """A chart with a bar for each row, from `low` to `high`."""

    low: str
    high: str
    height: str


class Dots(NamedTuple):
    """A chart with a dot and an interval for each row, and a line at a value of all rows."""

    value: str
    interval: str
    reference: float | None = None


class Pairs(NamedTuple):
    """A chart with two dots for each row, one for each of two models."""

    a: str
    b: str


class Diagonal(NamedTuple):
    """A chart of the dots (x, y), from 0 to 1, with the diagonal, where both are equal."""

    x: str
    y: str
    size: str


# How rows are drawn. The fields are names of columns.
Chart = Bars | Dots | Pairs | Diagonal


@dataclass(frozen=True)
class Table:
    """Rows that are reported in addition to the loss.

    Args:
        name: the key in JSON
        columns: the columns
        rows: objects with an attribute for each column
        title: what the table shows, for people
        what: the plural noun for the rows, for people
        rough: the rows whose interval is based on few samples
        chart: how the rows are drawn for people
        is_overview: whether it describes all elements together, so that a page shows it first
        facts: facts that JSON includes with the table, such as the names of the labels
        is_mapping: whether JSON has the two columns as one object instead of a list of objects
    """

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[object]
    title: str = ""
    what: str = "rows"
    rough: frozenset[int] = frozenset()
    chart: Chart | None = None
    is_overview: bool = False
    facts: tuple[Fact, ...] = ()
    is_mapping: bool = False

    @property
    def objects(self) -> Any:
        """The table for JSON: a list with an object for each row, or one object for a mapping."""
        return self.mapping if self.is_mapping else [self._object(row) for row in self.rows]

    def _object(self, row: object) -> dict[str, Any]:
        result = {}
        for column in self.columns:
            value = column.of(row)
            if column.kind is Kind.LABELS and isinstance(value, Mapping):
                if value:
                    result[column.name] = dict(value)
            elif column.kind is Kind.LABELS:
                result[column.name] = value[0] if len(value) == 1 else value
            else:
                result[column.name] = value
        return result

    @property
    def mapping(self) -> dict[str, Any]:
        """A dictionary from the first column to the second."""
        key, value = self.columns
        return {key.of(row): value.of(row) for row in self.rows}


@dataclass(frozen=True)
class Input:
    """One array that a result was computed from.

    Args:
        role: the name of the array, such as "input"
        path: the file, directory or glob; None for an array that was given as numbers
        bytes: the size of the files
        shape: the shape
        dtype: the type as stored
        columns: the columns that make the array, if the file has columns
        files: the names of the shards, if there are several files
        sha256: the digest of each file, with --digest
    """

    role: str
    path: str | None
    bytes: int
    shape: tuple[int, ...]
    dtype: str
    columns: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()
    sha256: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Selected:
    """How many rows the conditions kept, and how many they dropped."""

    where: tuple[str, ...]
    kept: int
    dropped: int


@dataclass(frozen=True)
class Result:
    """The loss of all elements, with statistics.

    `result[name]` returns a statistic, such as `result["accuracy"]` or `result["groups"]`, or one
    of `value`, `count`, `ignored`, `skipped`, `samples`, `weight_sum` and `shape`.

    Args:
        loss: the name of the loss
        reduction: "none", "mean", "sum", "batchmean" or "pooled"
        facts: the value (None with the reduction none), `count` (elements that are not ignored),
            `ignored`, `samples` (samples with at least one element that is not ignored),
            `weight_sum` (the mean's denominator), and the facts that statistics report
        tables: groups, the worst elements, quantiles, a histogram
        options: the options of the loss
        changed: the options whose value is not the default
        inputs: the arrays that the result was computed from
        notes: choices that losscli made, and why the number may differ from another program's
        columns: the notes on the columns of the inputs, which `inputs` contains too
        warnings: what may be wrong with the data or the number
        signature: one line that identifies the computation
        version: the version of losscli
        values: the losses as an array of `shape`, with the reduction none; None for other
            reductions, and if the losses were passed to `on_elements`
        pairing: how rows of several files were paired: "position" or "id COLUMN"
        classes: the names of the classes, if they are known
        selected: how many rows the conditions kept
        absent: the facts that are null in JSON unless `facts` contains them
    """

    loss: str
    reduction: str
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]
    options: Mapping[str, Value]
    changed: Mapping[str, Value]
    inputs: tuple[Input, ...]
    version: str
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    signature: str = ""
    values: Floats | None = field(default=None, repr=False)
    pairing: str | None = None
    classes: tuple[str, ...] | None = None
    selected: Selected | None = None
    absent: tuple[str, ...] = field(default=(), repr=False)

    @property
    def data(self) -> dict[str, Value]:
        """Everything but the values and the tables, for JSON."""
        selected = {} if self.selected is None else {"selected": self.selected}
        return {
            "loss": self.loss,
            "reduction": self.reduction,
            **dict.fromkeys(("value", *self.absent)),
            **{fact.name: fact.value for fact in self.facts},
            "options": {name.rstrip("_"): value for name, value in self.options.items()},
            "inputs": self.inputs,
            "pairing": self.pairing,
            "classes": self.classes,
            **selected,
            "notes": self.notes,
            "warnings": self.warnings,
            "signature": self.signature,
            "version": self.version,
            **_facts_of(self.tables),
        }

    def to_json(self) -> str:
        """The result as the JSON that `--format json` prints."""
        values = {} if self.values is None else {"values": self.values.ravel().tolist()}
        return lines_of({**values, **self.data, **_objects_of(self.tables)})

    def __getitem__(self, name: str) -> Any:
        """A fact, or the rows of a table, by name. Raises KeyError for unknown names."""
        for fact in self._all_facts:
            if fact.name == name:
                return fact.value
        for table in self.tables:
            if table.name == name:
                return table.mapping if table.is_mapping else table.rows
        if name in _WORDS:
            return getattr(self, name)
        raise KeyError(name)

    def keys(self) -> list[str]:
        """The names for `result[name]`: the loss, the reduction, facts and tables."""
        facts = [fact.name for fact in self._all_facts]
        tables = [table.name for table in self.tables]
        return list(dict.fromkeys([*_WORDS, *facts, *tables]))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.keys()]

    @property
    def _all_facts(self) -> tuple[Fact, ...]:
        return (*self.facts, *(fact for table in self.tables for fact in table.facts))

    def __getattr__(self, name: str) -> Any:
        """The attributes of version 0.1. For statistics that were not requested, the value is None
        or an empty tuple. Raises AttributeError for other names."""
        if name in _ABSENT or name in _ALWAYS:
            try:
                return self[name]
            except KeyError:
                return _ABSENT.get(name)
        raise AttributeError(name)

    @property
    def has_sample_weights(self) -> bool:
        """Whether the sums are weighted by sample weights."""
        return any(array.role == SAMPLE_WEIGHT for array in self.inputs)


@dataclass(frozen=True)
class Comparison:
    """Two results on the same targets, and their difference.

    `difference` is the loss of `b` minus the loss of `a`; if positive, `b` is worse. `ci` is the
    95% confidence interval of the difference. `wins` are the shares of samples on which each model
    has the smaller loss; the rest are ties. `tables` show the differences by group, and the largest
    differences."""

    a: Result
    b: Result
    difference: float
    ci: tuple[float, float] | None
    wins: tuple[float, float]
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def data(self) -> dict[str, Value]:
        """Everything but the tables, for JSON."""
        facts = {fact.name: fact.value for fact in self.facts}
        return {"a": self.a.data, "b": self.b.data, **facts, **_facts_of(self.tables)}

    def to_json(self) -> str:
        """The comparison as the JSON that `--format json` prints."""
        return lines_of({**self.data, **_objects_of(self.tables)})

    @property
    def by(self) -> Any:
        """The names of the group labels."""
        facts = [fact for table in self.tables for fact in table.facts if fact.name == "by"]
        return facts[0].value if facts else ()

    @property
    def groups(self) -> Sequence[Any] | None:
        return self._rows("groups")

    @property
    def top(self) -> Sequence[Any] | None:
        return self._rows("top")

    @property
    def is_worse(self) -> bool:
        """Whether b is significantly worse than a. Without an interval, any larger loss counts."""
        return not self.difference <= 0.0 if self.ci is None else self.ci[0] > 0.0

    def _rows(self, name: str) -> Sequence[Any] | None:
        return next((table.rows for table in self.tables if table.name == name), None)


# Attributes that `result[name]` also returns, in addition to facts and tables.
_WORDS = ("loss", "reduction")

# The attributes of version 0.1, and their values if a statistic was not requested.
_ALWAYS = frozenset({"value", "count", "ignored", "skipped", "samples", "weight_sum", "shape"})
_ABSENT: dict[str, Value] = {
    "ci": None,
    "perplexity": None,
    "rmse": None,
    "bits": None,
    "reference": None,
    "accuracy": None,
    "by": (),
    "groups": None,
    "top": None,
    "quantiles": None,
    "histogram": None,
}


def _facts_of(tables: Iterable[Table]) -> dict[str, Value]:
    return {fact.name: fact.value for table in tables for fact in table.facts}


def _objects_of(tables: Iterable[Table]) -> dict[str, Value]:
    return {table.name: table.objects for table in tables}


def short(value: object) -> str:
    """A number with six significant digits, for people."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def index_names(axes: int) -> tuple[str, ...]:
    """The names of the index columns of losses with this many axes. A single loss has an index
    too."""
    return ("index",) if axes <= 1 else tuple(f"index_{axis}" for axis in range(axes))
