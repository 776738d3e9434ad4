"""compare(loss, a, b, target): two models on the same targets, paired element by element."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np

from losscli.engine import Elements
from losscli.errors import DataError, UsageError
from losscli.evaluation import evaluate_request, gather, running
from losscli.losses.checks import first
from losscli.losses.layout import Layout, show
from losscli.losses.registry import find
from losscli.readers.spool import kept_in
from losscli.reduction import Floats, Group, PerElement, Result, TopElement
from losscli.request import Request, Wanted, bind, require_one_reader
from losscli.results import with_statistics
from losscli.sources import Sources
from losscli.statistics.collected import Collected

# Losses of the first model that are kept in memory until those of the second are there; more are
# in a nameless file on disk.
_HELD_BYTES = 1 << 26

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Comparison:
    """Two results on the same targets, and the difference of the second from the first.

    A `difference` above 0 says that `b` is worse, and `ci` is its 95 % confidence interval. `wins`
    are the shares of samples on which each has the smaller loss; the rest are ties. The losses of
    `groups` and `top` are differences as well.
    """

    a: Result
    b: Result
    difference: float
    ci: tuple[float, float] | None
    wins: tuple[float, float]
    by: tuple[str, ...]
    groups: tuple[Group, ...] | None
    top: tuple[TopElement, ...] | None


def compare(
    loss: str,
    a: Any,
    b: Any,
    *inputs: Any,
    reduction: str = "mean",
    broadcast: bool = False,
    check: bool = True,
    strict: bool = False,
    on_nan: str = "warn",
    threads: int | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - it is frozen
    on_progress: OnProgress | None = None,
    **parameters: Any,
) -> Comparison:
    """Compute a loss of two models on the same targets, and how they differ.

    Args:
        loss: its name
        a: what the loss takes first, of the first model
        b: the same of the second model
        inputs: the further arrays of the loss
        reduction: "mean", "sum", or another that the loss has and that gives one number
        wanted: what else to tell of the difference: groups, the largest ones
        parameters: as `evaluate` takes them, as all others

    Raises:
        UsageError: for parameters that the loss does not take, or out of their range
        DataError: for files that cannot be read, and data that the loss cannot take

    Example:
        >>> from losscli import compare
        >>> found = compare("mse", [1.0, 2.0], [1.0, 3.0], [1.0, 1.0])
        >>> found.difference, found.wins
        (1.5, (0.5, 0.0))
    """
    if reduction == "none":
        raise UsageError("compare gives one number, and --reduction none many")
    if wanted.accuracy or wanted.quantiles or wanted.histogram:
        raise UsageError("compare tells groups and the largest differences, and nothing else")
    wanted.check(reduction)
    how = running(broadcast, check, strict, on_nan, threads)
    alone = Wanted(cluster=wanted.cluster, digest=wanted.digest)
    request_a, request_b = (
        bind(find(loss), (one, *inputs), reduction, parameters, alone) for one in (a, b)
    )
    require_one_reader((request_a, request_b))
    with ExitStack() as stack:
        kept = _Kept(
            *(stack.enter_context(tempfile.SpooledTemporaryFile(_HELD_BYTES)) for _ in range(4))
        )
        result_a = evaluate_request(request_a, how, on_progress=on_progress, beside=kept.begin)
        kept.rewind()
        differences = _Differences(kept, replace(request_b, wanted=wanted), on_nan)
        result_b = evaluate_request(
            replace(request_b, wanted=replace(alone, by=wanted.by)),
            how,
            on_progress=on_progress,
            beside=differences.begin,
            keys=kept.keys,
        )
    if result_a.shape != result_b.shape:
        raise DataError(
            f"A has losses of shape {show(result_a.shape)} and B {show(result_b.shape)}"
        )
    return differences.comparison(result_a, result_b)


class _Kept:
    """Keeps the losses of the first model, which of them are ignored, the targets where they are
    one number each, and the sample weights if there are any."""

    def __init__(
        self, losses: IO[bytes], ignored: IO[bytes], targets: IO[bytes], weights: IO[bytes]
    ) -> None:
        self._losses, self._ignored, self._targets = losses, ignored, targets
        self._weights = weights
        self.keys: Any = None

    def begin(self, layout: Layout, sources: Sources) -> Callable[[Elements], None]:
        self.keys = sources.keys
        return self.add

    def add(self, elements: Elements) -> None:
        losses = elements.losses
        with kept_in(self._losses):
            self._losses.write(np.ascontiguousarray(losses.values).tobytes())
        with kept_in(self._ignored):
            self._ignored.write((~losses.counted).tobytes())
        target = _targets(elements)
        if target is not None:
            with kept_in(self._targets):
                self._targets.write(target.tobytes())
        weights = _sample_weights(losses)
        if weights is not None:
            with kept_in(self._weights):
                self._weights.write(weights.tobytes())

    def rewind(self) -> None:
        for file in (self._losses, self._ignored, self._targets, self._weights):
            with kept_in(file):
                file.seek(0)

    def next_losses(self, like: Elements) -> PerElement:
        """As many losses. Raises DataError for other targets."""
        shape, size = like.losses.values.shape, like.losses.values.nbytes
        data = self._losses.read(size)
        if len(data) < size:
            raise DataError("B has more elements than A; expected the same targets")
        target = _targets(like)
        if target is not None:
            kept = np.frombuffer(self._targets.read(size)).reshape(shape)
            differ = (kept != target) & ~(np.isnan(kept) & np.isnan(target))
            if differ.any():
                at = first(differ)
                index = [start + offset for start, offset in zip(like.start, at, strict=True)]
                raise DataError(
                    f"the target of A at {index} is {kept[at]:g} and that of B {target[at]:g}; "
                    "expected the same targets (--id pairs rows by a column)"
                )
        read = np.frombuffer(self._ignored.read(like.losses.values.size), np.bool_)
        ignored = read.reshape(shape)
        weights = _sample_weights(like.losses)
        if weights is not None:
            before = np.frombuffer(self._weights.read(size)).reshape(shape)
            # The weights of elements that either model ignores are 0, and do not matter.
            differ = (before != weights) & ~ignored & like.losses.counted
            if differ.any():
                at = first(differ)
                index = [start + offset for start, offset in zip(like.start, at, strict=True)]
                raise DataError(
                    f"the sample weight of A at {index} is {before[at]:g} and that of B "
                    f"{weights[at]:g}. Both models take the same sample weights: give one file "
                    "with --sample-weight."
                )
        return PerElement(np.frombuffer(data).reshape(shape), ignored=ignored)


def _targets(elements: Elements) -> Floats | None:
    targets = elements.targets
    return None if targets is None else np.ascontiguousarray(targets, dtype=np.float64)


def _sample_weights(losses: PerElement) -> Floats | None:
    """The sample weight of each element, if there are any."""
    weights = losses.sample_weights
    if weights is None:
        return None
    return np.ascontiguousarray(np.broadcast_to(weights, losses.values.shape))


class _Differences:
    """Takes the losses of the second model, and gathers what they are above those of the first."""

    def __init__(self, kept: _Kept, request: Request, on_nan: str) -> None:
        self._kept = kept
        self._request = request
        self._skips_nan = on_nan == "skip"
        self._layout: Layout
        self._sources: Sources
        self._collected: Collected

    def begin(self, layout: Layout, sources: Sources) -> Callable[[Elements], None]:
        self._layout, self._sources = layout, sources
        self._collected = gather(self._request, layout, bool(sources.masks))
        return self.add

    def add(self, elements: Elements) -> None:
        losses = elements.losses
        before = self._kept.next_losses(elements)
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and told of
            difference = losses.values - before.values
        paired = replace(losses, values=difference).ignoring(~(losses.counted & before.counted))
        if self._skips_nan:  # of either model
            paired = paired.ignoring(np.isnan(before.values))
        self._collected.add(replace(elements, losses=paired))

    def comparison(self, a: Result, b: Result) -> Comparison:
        self._collected.finish()
        total = self._collected.total()
        assert total is not None
        difference = float(total.losses) if b.reduction == "sum" else total.ratio
        plain = replace(b, value=difference)
        found = with_statistics(plain, self._request, self._layout, self._sources, self._collected)
        samples = max(total.samples, 1)
        wins = (total.above / samples, total.below / samples)
        return Comparison(
            a,
            replace(b, by=(), groups=None),
            difference,
            found.ci,
            wins,
            found.by,
            found.groups,
            found.top,
        )


def is_worse(comparison: Comparison) -> bool:
    """Whether b is worse than a by more than chance may be, or there is no telling."""
    if comparison.ci is None:
        return not comparison.difference <= 0.0
    return comparison.ci[0] > 0.0
