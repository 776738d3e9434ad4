"""The result of an evaluation: plain data, which reports render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from losscli.elements import SAMPLE_WEIGHT, Floats

# What JSON can say of a fact; numbers may be NaN or infinite, and dataclasses are objects.
Value = object

# What people read: text, and numbers that the screen rounds.
Pieces = tuple[str | float, ...]


@dataclass(frozen=True)
class Fact:
    """Something that is reported beside the loss.

    Args:
        name: its key in JSON
        value: its value in JSON
        label: what people read in front of it
        shown: what people read; without it the fact is in JSON alone
        remark: what they read behind it
        in_rows: whether formats of rows have a column of it, as of what was asked for by name
    """

    name: str
    value: Value
    label: str = ""
    shown: Pieces = ()
    remark: Pieces = ()
    in_rows: bool = False


class Kind(Enum):
    """What a column of a table holds, which says how each format writes it."""

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
        name: its key in JSON, and its name in formats of rows
        field: the attribute of a row, if it is called otherwise
        kind: what it holds; LABELS and INDEX are tuples with an entry for each of `parts`, and
            INTERVAL a pair or None
        parts: the columns that such a tuple becomes in formats of rows
        heading: what people read; without it the column is not shown to them
        row_name: its name in formats of rows, if it is another one
        optional: whether it is left out where no row has a value
        in_rows: whether formats of rows have it
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
        """What a row holds in this column."""
        return getattr(row, self.field or self.name)


@dataclass(frozen=True)
class Table:
    """Rows that are reported beside the loss.

    Args:
        name: its key in JSON
        columns: what each row holds
        rows: objects with an attribute for each column
        what: what the rows are, for people
        rough: the rows whose interval is of few samples
        drawn: the column of counts that is drawn as bars for people
        facts: what JSON has beside the table, such as the names of the labels
        is_mapping: whether the two columns are an object in JSON, and not a list of objects
    """

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[object]
    what: str = "rows"
    rough: frozenset[int] = frozenset()
    drawn: str | None = None
    facts: tuple[Fact, ...] = ()
    is_mapping: bool = False

    @property
    def mapping(self) -> dict[str, Any]:
        """The second column by the first one."""
        key, value = self.columns
        return {key.of(row): value.of(row) for row in self.rows}


@dataclass(frozen=True)
class Input:
    """One array that a result was computed from."""

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
    """How many rows some conditions kept, and how many they left out."""

    where: tuple[str, ...]
    kept: int
    dropped: int


@dataclass(frozen=True)
class Result:
    """A loss over everything that was read.

    The statistics are there by name: `result["accuracy"]`, `result["groups"]`, and so are `value`,
    `count`, `ignored`, `skipped`, `samples`, `weight_sum` and `shape`.

    Args:
        loss: its name
        reduction: "none", "mean", "sum" or "batchmean"
        facts: what is known of the number: the value (None with the reduction none), `count`, the
            elements that counted, `ignored`, those that did not, `samples`, in which an element
            counts, `weight_sum`, the mean's denominator, and what statistics report
        tables: groups, the worst elements, quantiles, a histogram
        options: the options of the loss
        changed: those of them that are not the default
        inputs: the arrays that it was computed from
        notes: what was chosen, and why the number may differ from another program's
        columns: those of the notes that name the columns of the inputs, as `inputs` does too
        warnings: what may be wrong with the data or the number
        signature: one line that says what was computed
        version: that of losscli
        values: the losses in the target's shape, with the reduction none, unless they were handed
            over block by block
        pairing: how rows of several files were paired, by "position" or "id COLUMN"
        classes: the names of the classes, if the target gives them
        selected: which rows conditions kept
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

    def __getitem__(self, name: str) -> Any:
        """A fact, or the rows of a table, by name. Raises KeyError for one that is not there."""
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
        """What `result[name]` gives: the loss, the reduction, facts and tables."""
        facts = [fact.name for fact in self._all_facts]
        tables = [table.name for table in self.tables]
        return list(dict.fromkeys([*_WORDS, *facts, *tables]))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.keys()]

    @property
    def _all_facts(self) -> tuple[Fact, ...]:
        return (*self.facts, *(fact for table in self.tables for fact in table.facts))

    def __getattr__(self, name: str) -> Any:
        """What `result[name]` gives, as version 0.1 had it; None for what was not asked for."""
        if name in _ABSENT or name in _ALWAYS:
            try:
                return self[name]
            except KeyError:
                return _ABSENT.get(name)
        raise AttributeError(name)

    @property
    def has_sample_weights(self) -> bool:
        """Whether the sums are weighted by sample weights."""
        return any(one.role == SAMPLE_WEIGHT for one in self.inputs)


@dataclass(frozen=True)
class Comparison:
    """Two results on the same targets, and the difference of the second from the first.

    A `difference` above 0 says that `b` is worse, and `ci` is its 95% confidence interval. `wins`
    are the shares of samples on which each has the smaller loss; the rest are ties. `tables` are
    of the differences: groups, and the largest ones.
    """

    a: Result
    b: Result
    difference: float
    ci: tuple[float, float] | None
    wins: tuple[float, float]
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def by(self) -> Any:
        """The names of the labels of the groups."""
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
        """Whether b is worse than a by more than chance may be, or there is no interval."""
        return not self.difference <= 0.0 if self.ci is None else self.ci[0] > 0.0

    def _rows(self, name: str) -> Sequence[Any] | None:
        return next((table.rows for table in self.tables if table.name == name), None)


# What is there by name as well, beside facts and tables.
_WORDS = ("loss", "reduction")

# The attributes of version 0.1, and their values where a statistic was not asked for.
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


def short(value: object) -> str:
    """A number as people read it."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def index_names(axes: int) -> tuple[str, ...]:
    """The names of the columns of an index; a single number has one as well."""
    return ("index",) if axes <= 1 else tuple(f"index_{axis}" for axis in range(axes))
