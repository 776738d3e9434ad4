"""The result of an evaluation: plain data, which reports render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from losscli.elements import SAMPLE_WEIGHT, Floats


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
class Group:
    """The loss of the elements that have some labels; `share` is their part of the sum."""

    labels: tuple[Any, ...]
    value: float
    ci: tuple[float, float] | None
    count: int
    samples: int
    share: float


@dataclass(frozen=True)
class TopElement:
    """One of the worst elements: its index along all axes, the classes where there are any, and
    what is shown with its row: the key, and columns that were asked for."""

    index: tuple[int, ...]
    target: Any
    predicted: Any
    loss: float
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """What guessing costs: always the frequencies of the targets, or each class alike."""

    prior: float
    uniform: float


@dataclass(frozen=True)
class Selected:
    """How many rows some conditions kept, and how many they left out."""

    where: tuple[str, ...]
    kept: int
    dropped: int


@dataclass(frozen=True)
class Bar:
    """How many losses lie from `low` to `high`."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Result:
    """A loss over everything that was read.

    `value` is the reduced loss, None with reduction `none`; then `values` holds the losses in
    the target's shape, unless they were handed over block by block. `count` is the number of
    elements that counted, `ignored` of those that did not, `samples` of the rows along the first
    axis (of a table, or clusters) of which something counted, `weight_sum` the mean's denominator.
    `skipped` are the ignored elements that were left out since their loss is NaN.
    `changed` are the options that are not the default.
    `ci` is the 95 % confidence interval of the value, `perplexity` and `bits` the same value of a
    negative log-likelihood in other units, `rmse` the root of a mean squared error, `reference`
    what guessing would cost. `signature` tells
    in one line what was computed. `by` names the labels of the `groups`.
    `pairing` is how rows of several files were paired, by "position" or "id COLUMN"; `classes` are
    the names of the classes where the target gives them.
    `selected` tells which rows conditions kept.
    `notes` say what was chosen, `warnings` what the number's reader may trip over; those of them
    that are `suspicious` tell that something may be wrong.
    """

    loss: str
    reduction: str
    value: float | None
    count: int
    ignored: int
    samples: int
    weight_sum: float
    shape: tuple[int, ...]
    options: Mapping[str, Any]
    changed: Mapping[str, Any]
    inputs: tuple[Input, ...]
    version: str
    values: Floats | None = field(default=None, repr=False)
    pairing: str | None = None
    classes: tuple[str, ...] | None = None
    ci: tuple[float, float] | None = None
    perplexity: float | None = None
    rmse: float | None = None
    bits: float | None = None
    reference: Reference | None = None
    accuracy: float | None = None
    by: tuple[str, ...] = ()
    groups: tuple[Group, ...] | None = None
    top: tuple[TopElement, ...] | None = None
    skipped: int = 0
    quantiles: Mapping[str, float] | None = None
    histogram: tuple[Bar, ...] | None = None
    selected: Selected | None = None
    signature: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()

    @property
    def has_sample_weights(self) -> bool:
        """Whether the sums are weighted by sample weights."""
        return any(one.role == SAMPLE_WEIGHT for one in self.inputs)
