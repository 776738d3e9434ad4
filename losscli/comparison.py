"""compare(loss, a, b, target): two models on the same targets, paired element by element."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from losscli.binding.ambiguity import option_of
from losscli.binding.pairs import Side
from losscli.elements import SAMPLE_WEIGHT, Elements, Floats, Mask, PerElement, spread
from losscli.errors import DataError, UsageError
from losscli.evaluation import evaluate_request, gather, running
from losscli.losses.checks import first
from losscli.losses.layout import Layout, show
from losscli.losses.registry import Loss, find
from losscli.opening.files import require_one_selection
from losscli.opening.rows import common_keys, require_same_rows
from losscli.opening.sources import Model, Sources
from losscli.readers.spool import kept_in
from losscli.reduction import Totals
from losscli.request import Request, Wanted, bind, require_one_reader
from losscli.result import Group, Result, TopElement
from losscli.results import with_statistics
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
        inputs: the same of the second model, and the further arrays of the loss; where there is
            nothing but `a`, a table, the two columns of its input are those of the two models
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
        replace(bind(find(loss), arrays, reduction, given, alone), in_order=False)
        for arrays, given in _models(find(loss), a, inputs, parameters)
    )
    require_one_reader((request_a, request_b))
    require_one_selection((request_a, request_b))
    by_key = Model(keys=common_keys((request_a, request_b)))
    with ExitStack() as stack:
        kept = _Kept(_own_arrays(request_a, request_b), stack)
        result_a = evaluate_request(
            request_a, how, on_progress=on_progress, beside=kept.begin, model=by_key
        )
        kept.rewind()
        require_same_rows((request_a, request_b), kept.columns)
        has_own_masks = request_a.arrays.get("mask") is not request_b.arrays.get("mask")
        may_differ = has_own_masks or on_nan == "skip" or request_b.skip_missing
        differences = _Differences(kept, replace(request_b, wanted=wanted), on_nan, may_differ)
        result_b = evaluate_request(
            replace(request_b, wanted=wanted),
            how,
            on_progress=on_progress,
            beside=differences.begin,
            model=replace(by_key, input=kept.input),
        )
    if result_a.shape != result_b.shape:
        raise DataError(
            f"A has losses of shape {show(result_a.shape)} and B {show(result_b.shape)}"
        )
    return differences.comparison(result_a, result_b)


def _models(
    loss: Loss, a: Any, inputs: Sequence[Any], parameters: Mapping[str, Any]
) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """What each of two models is bound from: an input of its own, or columns of one table."""
    first = loss.arrays[0].name
    columns = parameters.get(f"{first}_column")
    one_table = isinstance(a, str) and list(inputs) == [a] and isinstance(columns, list | tuple)
    if inputs and not (one_table and len(columns or ()) == 2):
        b, *others = inputs
        yield (a, *others), parameters
        yield (b, *others), parameters
        return
    if not isinstance(columns, list | tuple) or len(columns) != 2:
        option = option_of(first)
        raise UsageError(
            f"found one file, and expected two models: A and B as two files, or as columns of one "
            f"table with {option} A_COLUMN {option} B_COLUMN"
        )
    for column in columns:
        yield (a,), {**parameters, f"{first}_column": [column]}


# Of what the files of two models may both have, what has to be the same in both: by which their
# losses are judged and weighed.
_COMMON = ("target", "targets", "target_lengths", "weight", "pos_weight", SAMPLE_WEIGHT)


def _own_arrays(a: Request, b: Request) -> list[str]:
    """The arrays that have to be the same and that come from files of their own for each model."""
    return [name for name in _COMMON if a.arrays.get(name) is not b.arrays.get(name)]


class _Kept:
    """Keeps the losses of the first model, which of them are ignored, and the arrays that have to
    be the same for the second model."""

    def __init__(self, common: Sequence[str], stack: ExitStack) -> None:
        def file() -> IO[bytes]:
            return stack.enter_context(tempfile.SpooledTemporaryFile(_HELD_BYTES))

        self._losses, self._ignored = file(), file()
        self._arrays = {name: file() for name in common}
        self._classes: Sequence[str] | None = None
        self.input: Side | None = None
        self.columns: set[str] = set()  # of all arrays

    def begin(self, layout: Layout, sources: Sources) -> Callable[[Elements], None]:
        self.input = sources.input
        self.columns = {one for array in sources.arrays.values() for one in array.columns or ()}
        self._classes = None if sources.named is None else sources.named.class_names
        return self.add

    def add(self, elements: Elements) -> None:
        losses = elements.losses
        with kept_in(self._losses):
            self._losses.write(np.ascontiguousarray(losses.values).tobytes())
        with kept_in(self._ignored):
            self._ignored.write((~losses.counted).tobytes())
        blocks = _blocks(elements)
        for name, file in self._arrays.items():
            if name in blocks:
                with kept_in(file):
                    file.write(_as_floats(blocks[name]).tobytes())

    def rewind(self) -> None:
        for file in (self._losses, self._ignored, *self._arrays.values()):
            with kept_in(file):
                file.seek(0)

    def next_losses(self, like: Elements, classes: Sequence[str] | None) -> PerElement:
        """As many losses. Raises DataError for other targets or weights."""
        shape, size = like.losses.values.shape, like.losses.values.nbytes
        data = self._losses.read(size)
        if len(data) < size:
            raise DataError("B has more elements than A; expected the same targets")
        read = np.frombuffer(self._ignored.read(like.losses.values.size), np.bool_)
        ignored = read.reshape(shape)
        blocks, counted = _blocks(like), ~ignored & like.losses.counted
        for name, file in self._arrays.items():
            if name in blocks:
                found = _as_floats(blocks[name])
                if name == "target":
                    found = self._as_named_by_a(found, classes)
                self._require_same(name, like.start, file.read(found.nbytes), found, counted)
        return PerElement(np.frombuffer(data).reshape(shape), ignored=ignored)

    def _as_named_by_a(self, found: Floats, classes: Sequence[str] | None) -> Floats:
        """Indices of classes as those of the first model, where both have names of classes."""
        if classes is None or self._classes is None or list(classes) == list(self._classes):
            return found
        place = {name: float(k) for k, name in enumerate(self._classes)}
        known = np.array([place.get(name, math.nan) for name in classes])
        within = (found >= 0) & (found < len(known))
        return np.where(within, known[np.where(within, found, 0).astype(np.intp)], found)

    def _require_same(
        self, name: str, start: Sequence[int], data: bytes, found: Floats, counted: Mask
    ) -> None:
        """Raise DataError where an array of B is not that of A, in what counts for both."""
        if len(data) < found.nbytes:
            raise DataError(f"the {name} of A and that of B differ in shape; expected the same")
        kept = np.frombuffer(data).reshape(found.shape)
        differ = (kept != found) & ~(np.isnan(kept) & np.isnan(found))
        if found.shape[: counted.ndim] == counted.shape:
            differ &= spread(counted, found.shape)
        if differ.any():
            at = first(differ)
            index = [*at]
            for axis, begin in enumerate(start[: len(at)]):
                index[axis] += begin
            same = "weights" if "weight" in name else "targets"
            raise DataError(
                f"the {name} of A at {index} is {kept[at]:g} and that of B {found[at]:g}; "
                f"expected the same {same} (--id pairs rows by a column)"
            )


def _blocks(elements: Elements) -> dict[str, NDArray[Any]]:
    """The blocks of the arrays but the first, with the sample weights of all elements."""
    weights = elements.losses.sample_weights
    if weights is None:
        return dict(elements.arrays)
    shape = elements.losses.values.shape
    return {**elements.arrays, SAMPLE_WEIGHT: np.broadcast_to(weights, shape)}


def _as_floats(block: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(block, dtype=np.float64)


class _Model:
    """The losses of one model, over the elements that count for both."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected
        self._totals = Totals()

    def add(self, elements: Elements, losses: PerElement) -> None:
        self._totals = self._totals.merge(Totals.of(losses.weighted()))
        self._collected.add(replace(elements, losses=losses))

    def result(self, whole: Result, differences: _Differences) -> Result:
        """The result of the model over these elements alone."""
        self._collected.finish()
        moments = self._collected.total()
        samples = whole.samples if moments is None else moments.samples
        totals = replace(self._totals, samples=samples)
        result = replace(
            whole,
            value=totals.reduce(whole.reduction),
            count=totals.count,
            ignored=totals.ignored,
            samples=samples,
            weight_sum=float(totals.weights),
        )
        return differences.with_statistics(result, self._collected)


class _Differences:
    """Takes the losses of the second model, and gathers what they are above those of the first."""

    def __init__(self, kept: _Kept, request: Request, on_nan: str, may_differ: bool) -> None:
        self._kept = kept
        self._request = request
        self._skips_nan = on_nan == "skip"
        self._may_differ = may_differ  # whether a row may count for one model alone
        self._layout: Layout
        self._sources: Sources
        self._collected: Collected
        self._a: _Model
        self._b: _Model

    def begin(self, layout: Layout, sources: Sources) -> Callable[[Elements], None]:
        self._layout, self._sources = layout, sources
        self._request = replace(sources.request, wanted=self._request.wanted)
        masked = bool(sources.masks)
        self._collected = gather(self._request, layout, masked)
        alone = replace(self._request, wanted=Wanted(cluster=self._request.wanted.cluster))
        self._a, self._b = (_Model(gather(alone, layout, masked)) for _ in range(2))
        return self.add

    def add(self, elements: Elements) -> None:
        losses, named = elements.losses, self._sources.named
        before = self._kept.next_losses(elements, None if named is None else named.class_names)
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and told of
            difference = losses.values - before.values
        left_out = ~(losses.counted & before.counted)
        if self._skips_nan:  # of either model
            left_out |= np.isnan(before.values)
        self._collected.add(
            replace(elements, losses=replace(losses, values=difference).ignoring(left_out))
        )
        if self._may_differ:
            self._a.add(elements, replace(losses, values=before.values).ignoring(left_out))
            self._b.add(elements, losses.ignoring(left_out))

    def with_statistics(self, result: Result, collected: Collected) -> Result:
        request = replace(self._request, wanted=Wanted(cluster=self._request.wanted.cluster))
        return with_statistics(result, request, self._layout, self._sources, collected)

    def comparison(self, a: Result, b: Result) -> Comparison:
        self._collected.finish()
        total = self._collected.total()
        assert total is not None
        if self._may_differ:
            a, b = self._a.result(a, self), self._b.result(b, self)
        difference = float(total.losses) if b.reduction == "sum" else total.ratio
        plain = replace(b, value=difference)
        found = with_statistics(plain, self._request, self._layout, self._sources, self._collected)
        samples = max(total.samples, 1)
        wins = (total.above / samples, total.below / samples)
        return Comparison(
            a,
            replace(b, by=(), groups=None, top=None),
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
