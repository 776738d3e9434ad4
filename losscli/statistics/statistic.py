"""The form of a statistic: what is reported about the losses, the loss itself included."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from losscli.elements import Elements, Floats

if TYPE_CHECKING:
    from losscli.result import Fact, Table
    from losscli.statistics.total import Total

# What an option of a statistic may be given.
OptionValue = bool | int | float | str | tuple[str, ...] | None


class Option(NamedTuple):
    """How a statistic is asked for.

    Args:
        name: the parameter in Python, and with dashes the option of the command line
        kind: bool for a switch, int, float or str, or `tuple` for several words
        help: a sentence that begins with a verb
        metavar: what the option takes, for the help
        repeated: whether several words are options of their own, and not only one with commas
        parse: the value as it is kept; raises UsageError if it cannot be meant
        for_losses: "classes" if only losses whose targets are class indices have it
        of_elements: whether it needs the loss of each element
        in_comparison: whether it applies to the difference of two models
    """

    name: str
    kind: type
    help: str
    metavar: str | None = None
    repeated: bool = False
    parse: Callable[[Any], OptionValue] = lambda value: value
    for_losses: str = "all"
    of_elements: bool = True
    in_comparison: bool = False

    @property
    def absent(self) -> OptionValue:
        """The value where it is not asked for."""
        absent: dict[type, OptionValue] = {bool: False, int: 0, tuple: ()}
        return absent.get(self.kind)


# What makes the loss of a whole data set of the sums of its terms, (terms, classes).
Pool = Callable[[Floats], float]


@dataclass(frozen=True)
class Setting:
    """What is known of a run before anything is computed.

    Args:
        reduction: "none", "mean", "sum" or "batchmean"
        asked: the options of statistics by name
        interval: whether the confidence interval and what goes with it are wanted
        by: the labels to group by, each the name of an array of labels or "class"
        cluster: the array of labels whose values are samples; None where rows are
        classes: the number of classes where targets are class indices
        class_base: the number of the first class in the targets
        options: the options of the loss
        input_kind: what the input holds: "logits", "probs" or "log-probs"; None for anything else
        is_log_loss: whether the value is in nats
        is_squared_error: whether the value has a root that people read
        check: whether suspicious results are reported
        pool: what makes the loss of a whole data set, for a loss that is no mean
        batch: what a batchmean divides by; None is the number of rows
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
    """What a statistic may know when it reports: all that was read.

    Args:
        setting: what was asked for
        total: the sums of all elements
        by: what the labels to group by are called
        class_names: what the classes are called, if they have names
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

    def class_called(self, index: Any) -> Any:
        """The name of a class as the targets number it; its number where it has none."""
        names, base = self.class_names, self.setting.class_base
        if names is None or not isinstance(index, int) or not 0 <= index - base < len(names):
            return index
        return names[index - base]


# What the values of an array of labels stand for, by the array's name.
LabelNames = Mapping[str, Sequence[Any]]


class Statistic(ABC):
    """Something that is reported about the losses.

    A new statistic has seen nothing. `merge` is associative: parts of the data may be added in
    threads, processes or runs of their own, and are merged in the order of the data. The state is
    plain data that can be pickled.
    """

    # The options that ask for it; none for one that is always there or follows from the loss.
    options: ClassVar[tuple[Option, ...]] = ()

    # Whether it needs the block of the input, along its classes.
    needs_scores: bool = False

    # How often it reads the data. Standard input and parts can be read once.
    passes: ClassVar[int] = 1

    # Names of facts that are null in JSON where the statistic does not report them.
    null_facts: ClassVar[tuple[str, ...]] = ()

    # Its place among the others: lower numbers are reported first.
    order: ClassVar[int] = 100

    @classmethod
    @abstractmethod
    def of(cls, setting: Setting) -> Self | None:
        """A new one for this run; None if it was not asked for."""

    @abstractmethod
    def add(self, elements: Elements) -> None:
        """Take a block of elements; called in the thread that computed it."""

    @abstractmethod
    def merge(self, later: Self) -> None:
        """Take in what another one has seen, of elements that follow."""

    def name_labels(self, names: LabelNames) -> None:  # noqa: B027 - most have none
        """Replace numbers of labels by the labels, which other processes number otherwise."""

    def next_pass(self) -> Self:
        """A new one for a further pass over the data, which knows what this one has found."""
        raise NotImplementedError(f"{type(self).__name__} reads the data once")

    @abstractmethod
    def result(self, whole: Whole) -> Iterable[Fact | Table]:
        """What it reports."""
