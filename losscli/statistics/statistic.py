"""The base class of statistics, which report facts and tables about the losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from losscli.elements import Elements, Floats

if TYPE_CHECKING:
    from losscli.result import Fact, Table
    from losscli.statistics.total import Total

# The value of an option of a statistic.
OptionValue = bool | int | float | str | tuple[str, ...] | None


class Option(NamedTuple):
    """An option that requests a statistic.

    Args:
        name: the parameter in Python and, with dashes, the option of the command line
        kind: bool for a flag, int, float or str, or `tuple` for several values
        help: a sentence that begins with a verb
        metavar: the placeholder of the value in the help
        repeated: whether the option may occur several times, in addition to commas in its value
        parse: converts the value; raises UsageError if it is invalid
        for_losses: "all", "classes" for losses whose targets are class indices, or "probabilities"
            for losses of predicted probabilities or logits
        of_mean: whether it needs the reduction mean
        of_elements: whether it needs per-element losses
        in_comparison: whether it applies to the difference of two models
        on_page: the value with which a page shows the statistic if it was not requested; None for
            statistics that a page shows only if they were
    """

    name: str
    kind: type
    help: str
    metavar: str | None = None
    repeated: bool = False
    parse: Callable[[Any], OptionValue] = lambda value: value
    for_losses: str = "all"
    of_mean: bool = False
    of_elements: bool = True
    in_comparison: bool = False
    on_page: OptionValue = None

    @property
    def absent(self) -> OptionValue:
        """The default of the option: False, 0, an empty tuple or None, depending on its kind."""
        absent: dict[type, OptionValue] = {bool: False, int: 0, tuple: ()}
        return absent.get(self.kind)


# Computes the loss of a whole data set from the sums of the loss's terms, (terms, classes).
Pool = Callable[[Floats], float]


@dataclass(frozen=True)
class Setting:
    """The settings of a run that statistics need before it starts.

    Args:
        reduction: "none", "mean", "sum", "batchmean" or "pooled"
        asked: the values of the options of statistics, by name
        interval: whether to report a confidence interval and the loss of guessing
        by: the labels to group by, each the name of an array of labels or "class"
        cluster: the name of the array of labels that identifies clusters; None if each row, or
            sequence, is a sample
        samples: the name of the array of labels that identifies sequences; None if rows are not
            split into steps
        classes: the number of classes if targets are class indices
        class_base: the number of the first class in the targets
        options: the options of the loss
        input_kind: the values of the input: "logits", "probs" or "log-probs"; None for others
        is_log_loss: whether the value is in nats
        is_squared_error: whether to report the root of the value
        check: whether to report suspicious data and results
        pool: computes the loss of a whole data set, for a loss that is not a mean
        batch: the divisor of a batchmean; None for the number of rows
        is_difference: whether the losses are differences of two models
    """

    reduction: str
    asked: Mapping[str, OptionValue] = field(default_factory=dict)
    interval: bool = True
    by: tuple[str, ...] = ()
    cluster: str | None = None
    samples: str | None = None
    classes: int | None = None
    class_base: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    input_kind: str | None = None
    is_log_loss: bool = False
    is_squared_error: bool = False
    check: bool = True
    is_difference: bool = False
    batch: int | None = None
    pool: Pool | None = None

    @property
    def is_mean(self) -> bool:
        return self.reduction == "mean"


class Whole(NamedTuple):
    """The properties of a run that statistics need for their report, after all data was read.

    Args:
        setting: the setting of the run
        total: the sums of all elements
        by: the labels to group by, as they are named in reports
        class_names: the names of the classes, if they have names
        rank: the number of element axes
    """

    setting: Setting
    total: Total
    by: tuple[str, ...] = ()
    class_names: Sequence[str] | None = None
    rank: int = 1

    @property
    def value(self) -> float | None:
        """The reduced loss."""
        return self.total.value()

    def class_name(self, index: Any) -> Any:
        """The name of a class, given its index in the targets; the index if it has no name."""
        names, base = self.class_names, self.setting.class_base
        if names is None or not isinstance(index, int) or not 0 <= index - base < len(names):
            return index
        return names[index - base]


# For each array of labels, by name: the labels in the order of their codes.
LabelNames = Mapping[str, Sequence[Any]]


class Statistic(ABC):
    """A statistic of the losses.

    A new statistic is empty. `merge` is associative: threads and processes add parts of the data to
    statistics of their own, which are merged in the order of the data. The state can be pickled.
    """

    # The options that request the statistic; empty if `of` decides without an option.
    options: ClassVar[tuple[Option, ...]] = ()

    # Whether `add` needs the class scores of the input.
    needs_scores: bool = False

    # Whether it reads the data several times. Standard input and parts can be read only once.
    rereads: ClassVar[bool] = False

    # The names of facts that are null in JSON if the statistic does not report them.
    null_facts: ClassVar[tuple[str, ...]] = ()

    # The order of the report: lower numbers come first.
    order: ClassVar[int] = 100

    @classmethod
    @abstractmethod
    def of(cls, setting: Setting) -> Self | None:
        """A new statistic for this run; None if it was not requested."""

    @abstractmethod
    def add(self, elements: Elements) -> None:
        """Add a block of elements. Called in the thread that computed the block."""

    @abstractmethod
    def merge(self, later: Self) -> None:
        """Add a statistic of elements that come after the elements of this statistic."""

    def name_labels(self, names: LabelNames) -> None:  # noqa: B027 - most have no labels
        """Replace codes by labels, because other processes use other codes for the same labels."""

    def next_pass(self) -> Self | None:
        """A new statistic for the next pass over the data, which may use the results of this pass.
        None if this pass was the last."""
        return None

    @abstractmethod
    def result(self, whole: Whole) -> Iterable[Fact | Table]:
        """The facts and tables of the statistic."""
