"""compare(loss, a, b, target): two models on the same targets, paired element by element."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np

from losscli.engine import Elements
from losscli.errors import DataError
from losscli.evaluation import evaluate_request, gather, running
from losscli.losses.layout import Layout, show
from losscli.losses.registry import find
from losscli.reduction import Floats, Group, PerElement, Result, TopElement
from losscli.request import Request, Wanted, bind
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
    alone = Wanted(digest=wanted.digest)
    how = running(broadcast, check, strict, on_nan, threads)
    requests = [
        bind(find(loss), (one, *inputs), reduction, parameters, which)
        for one, which in ((a, alone), (b, replace(wanted, accuracy=False)))
    ]
    with tempfile.SpooledTemporaryFile(_HELD_BYTES) as spool:
        first = evaluate_request(
            requests[0],
            how,
            on_progress=on_progress,
            beside=lambda layout, sources: _Kept(spool).add,
        )
        spool.seek(0)
        differences = _Differences(spool, requests[1])
        second = evaluate_request(
            replace(requests[1], wanted=replace(alone, by=wanted.by, cluster=wanted.cluster)),
            how,
            on_progress=on_progress,
            beside=differences.begin,
        )
    if first.shape != second.shape:
        raise DataError(f"A has losses of shape {show(first.shape)} and B {show(second.shape)}")
    return differences.comparison(first, second)


class _Kept:
    """Keeps the losses of the first model."""

    def __init__(self, spool: IO[bytes]) -> None:
        self._spool = spool

    def add(self, elements: Elements) -> None:
        self._spool.write(np.ascontiguousarray(elements.losses.values).tobytes())


class _Differences:
    """Takes the losses of the second model, and gathers what they are above those of the first."""

    def __init__(self, spool: IO[bytes], request: Request) -> None:
        self._spool = spool
        self._request = request
        self._layout: Layout
        self._sources: Sources
        self._collected: Collected

    def begin(self, layout: Layout, sources: Sources) -> Callable[[Elements], None]:
        self._layout, self._sources = layout, sources
        self._collected = gather(self._request, layout)
        return self.add

    def add(self, elements: Elements) -> None:
        losses = elements.losses
        first = self._next(losses.values)
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and told of
            difference = losses.values - first
        self._collected.add(
            replace(
                elements,
                losses=PerElement(difference, losses.weights, losses.ignored, losses.scale),
            )
        )

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

    def _next(self, like: Floats) -> Floats:
        """As many losses of the first model."""
        data = self._spool.read(like.nbytes)
        if len(data) < like.nbytes:
            raise DataError("B has more elements than A; expected the same targets")
        return np.frombuffer(data).reshape(like.shape)


def is_worse(comparison: Comparison) -> bool:
    """Whether b is worse than a by more than chance may be, or there is no telling."""
    if comparison.ci is None:
        return not comparison.difference <= 0.0
    return comparison.ci[0] > 0.0
