"""The calibration: how much of the loss a single temperature would remove.

    log loss = refinement + calibration

The temperature of all samples minimises the loss. Fitted to the same samples, it would also seem to
remove a part that is chance. Therefore each of five folds is judged by the temperature of the other
four: the calibration is the mean of the losses minus the losses at these temperatures.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (the temperature); Bröcker,
Reliability, sufficiency, and the decomposition of proper scores, 2009 (the two parts of a loss)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np

from losscli.elements import Elements, Floats, Tempered
from losscli.result import Between, Fact
from losscli.statistics.exact import ExactSums, Integers, Keys
from losscli.statistics.ledger import Ledger
from losscli.statistics.roots import Root
from losscli.statistics.samples import sample_ids
from losscli.statistics.statistic import LabelNames, Option, Setting, Statistic, Whole
from losscli.statistics.total import rule_of

FOLDS = 5

# With fewer samples, a fold has less than two.
_LEAST_SAMPLES = 2 * FOLDS

_FEW = f"undefined: needs at least {_LEAST_SAMPLES} samples"
_NOT_FINITE = "undefined: the loss is not finite"
_NEGATIVE = "undefined: a target or a weight is below 0"
_ALL_RIGHT = "every prediction is right: the loss falls to 0 as the temperature goes to 0"
_GUESSING = "the logits are no better than guessing: no temperature helps"
_FOLD = "undefined: too few predictions are wrong to fit a temperature without a fifth of them"


class Calibration(Statistic):
    """The share of the loss that one temperature removes, from several passes over the data."""

    options = (
        Option(
            "calibration",
            bool,
            "Report how much of the loss one temperature for all logits would remove. Reads the "
            "files several times.",
            for_losses="probabilities",
            of_mean=True,
        ),
    )
    needs_scores = True
    rereads = True
    order = 50

    def __init__(self, setting: Setting, stage: _Stage) -> None:
        self._setting = setting
        self._stage = stage

    @classmethod
    def of(cls, setting: Setting) -> Self | None:
        return cls(setting, _Measure()) if setting.asked.get("calibration") else None

    def add(self, elements: Elements) -> None:
        self._stage.add(elements, _folds(elements, self._setting.cluster or self._setting.samples))

    def merge(self, later: Self) -> None:
        self._stage.merge(later._stage)

    def name_labels(self, names: LabelNames) -> None:
        if isinstance(self._stage, _Judge):
            self._stage.name_labels(names)

    def next_pass(self) -> Self | None:
        stage = self._stage.next(self._setting)
        return None if stage is None else type(self)(self._setting, stage)

    def result(self, whole: Whole) -> Iterable[Fact]:
        loss, stage = whole.value, self._stage
        if loss is None or not math.isfinite(loss):
            yield from _unknown(_NOT_FINITE)
        elif isinstance(stage, _Judge):
            yield from stage.facts(loss, whole.setting)
        elif isinstance(stage, _FitAll):
            yield from _unknown(stage.problem or _FOLD)
            if stage.problem is None:
                yield _temperature(stage.improved.beta / stage.scale, whole.setting)


class _Stage(ABC):
    """One pass over the data."""

    @abstractmethod
    def add(self, elements: Elements, folds: Keys) -> None:
        """Add elements, given the fold of each."""

    @abstractmethod
    def merge(self, later: Self) -> None: ...

    @abstractmethod
    def next(self, setting: Setting) -> _Stage | None:
        """The stage of the next pass; None if this is the last."""


class _Slopes:
    """The sums of the slopes and curvatures of the losses at β, in each fold."""

    def __init__(self, beta: float) -> None:
        self.beta = beta
        self._slopes, self._curvatures = ExactSums(FOLDS), ExactSums(FOLDS)

    def add(self, tempered: Tempered, weigh: Callable[[Floats], Floats], folds: Keys) -> None:
        slopes, curvatures = tempered.slopes(self.beta)
        self._slopes.add(weigh(slopes), folds)
        self._curvatures.add(weigh(curvatures), folds)

    def merge(self, later: _Slopes) -> None:
        self._slopes.merge(later._slopes)
        self._curvatures.merge(later._curvatures)

    def improved(self, root: Root, fold: int | None = None) -> Root:
        """The search after this evaluation on all samples, or on those outside a fold."""
        return root.after(_without(self._slopes, fold), _without(self._curvatures, fold))


class _Measure(_Stage):
    """Finds the largest logit. All further passes divide the logits by a power of 2 of about this
    size, so that squares of tiny and of huge logits neither underflow nor overflow."""

    def __init__(self) -> None:
        self._largest = 0.0

    def add(self, elements: Elements, folds: Keys) -> None:
        assert elements.tempered is not None
        self._largest = max(self._largest, elements.tempered().largest())

    def merge(self, later: Self) -> None:
        self._largest = max(self._largest, later._largest)

    def next(self, setting: Setting) -> _Stage:
        scale = 2.0 ** max(-1000, min(math.frexp(self._largest)[1], 1000))
        is_usual = 1e-6 < scale < 1e6
        return _FitAll(Root(scale if is_usual else 1.0), scale)


class _FitAll(_Stage):
    """Fits the temperature of all samples. The slopes at both ends show whether there is one."""

    def __init__(self, root: Root, scale: float) -> None:
        self.scale = scale
        self._root = root
        self._slopes = _Slopes(root.beta)
        self._ends = _Ends()

    @property
    def problem(self) -> str | None:
        """Why there is no temperature of all samples; None if there is one."""
        return self._ends.problem(None)

    @property
    def improved(self) -> Root:
        """The search after this pass."""
        return self._slopes.improved(self._root)

    def add(self, elements: Elements, folds: Keys) -> None:
        tempered, weigh = _of(elements, self.scale)
        self._slopes.add(tempered, weigh, folds)
        self._ends.add(tempered, weigh, folds)

    def merge(self, later: Self) -> None:
        self._slopes.merge(later._slopes)
        self._ends.merge(later._ends)

    def next(self, setting: Setting) -> _Stage | None:
        if self.problem is not None:
            return None
        root = self.improved
        if not root.is_found:
            return _FitAll(root, self.scale)
        if any(self._ends.problem(fold) == _ALL_RIGHT for fold in range(FOLDS)):
            return None
        folds = _Folds(root.beta, [self._start(fold) for fold in range(FOLDS)], self.scale)
        return folds.next_stage(setting)

    def _start(self, fold: int) -> Root:
        """The search without a fold, after this pass. If the rest is no better than guessing, its
        loss is least at β = 0."""
        if self._ends.problem(fold) == _GUESSING:
            return Root(0.0, is_found=True)
        return self._slopes.improved(Root(self._root.beta), fold)


class _Folds(NamedTuple):
    """The β of all samples, and the searches without each fold, for logits divided by `scale`."""

    beta: float
    roots: Sequence[Root]
    scale: float

    def next_stage(self, setting: Setting) -> _Stage:
        if all(root.is_found for root in self.roots):
            return _Judge(setting, self)
        return _FitFolds(self)


class _FitFolds(_Stage):
    """Fits the temperatures without each fold, starting at the temperature of all samples."""

    def __init__(self, folds: _Folds) -> None:
        self._folds = folds
        self._slopes = {
            fold: _Slopes(root.beta) for fold, root in enumerate(folds.roots) if not root.is_found
        }

    def add(self, elements: Elements, folds: Keys) -> None:
        tempered, weigh = _of(elements, self._folds.scale)
        for slopes in self._slopes.values():
            slopes.add(tempered, weigh, folds)

    def merge(self, later: Self) -> None:
        for fold, slopes in self._slopes.items():
            slopes.merge(later._slopes[fold])

    def next(self, setting: Setting) -> _Stage:
        roots = [
            self._slopes[fold].improved(root, fold) if fold in self._slopes else root
            for fold, root in enumerate(self._folds.roots)
        ]
        return self._folds._replace(roots=roots).next_stage(setting)


class _Judge(_Stage):
    """Adds up the losses at the temperature without their fold, and what it removes from them."""

    def __init__(self, setting: Setting, folds: _Folds) -> None:
        self._scale = folds.scale
        self._beta = folds.beta
        self._betas = [root.beta for root in folds.roots]
        self._saved = Ledger(rule_of(setting))
        self._left = Ledger(rule_of(setting, interval=False))

    def add(self, elements: Elements, folds: Keys) -> None:
        assert elements.tempered is not None
        assert elements.scores is not None
        losses, kept = elements.losses, elements.scores.kept
        betas = np.array(self._betas)[folds.codes].reshape(elements.shape)
        tempered = elements.tempered().divided_by(self._scale)
        left = elements.scores.placed(tempered.losses(betas if kept is None else betas[kept]))
        if losses.ignored is not None:
            left = np.where(losses.ignored, 0.0, left)
        self._left.add(replace(elements, losses=replace(losses, values=left)))
        self._saved.add(replace(elements, losses=replace(losses, values=losses.values - left)))

    def merge(self, later: Self) -> None:
        self._saved.merge(later._saved)
        self._left.merge(later._left)

    def name_labels(self, names: LabelNames) -> None:
        self._saved.name_labels(names)

    def next(self, setting: Setting) -> None:
        return None

    def facts(self, loss: float, setting: Setting) -> Iterable[Fact]:
        """The facts, given the mean loss."""
        self._saved.finish()
        saved, left, ci = self._saved.ratio(), self._left.ratio(), self._saved.interval()
        if self._saved.samples() < _LEAST_SAMPLES or ci is None:
            yield from _unknown(_FEW)
            return
        share = f" ({_percent(saved / loss)} of the loss), 95% CI " if loss else ", 95% CI "
        beta = self._beta / self._scale
        kind = "overconfident" if beta < 1.0 else "underconfident"
        verdict = ": no more than chance" if ci[0] <= 0.0 else f": {kind}"
        shown = (saved, share, Between(ci, saved), verdict)
        yield Fact("calibration", saved, "calibration", shown, in_rows=True)
        yield Fact("calibration_ci", ci)
        yield Fact("refinement", left, "refinement", (left,), in_rows=True)
        yield _temperature(beta, setting)


def _percent(share: float) -> str:
    """A share in percent, without a sign if it is rounded to 0."""
    shown = f"{share:.0%}"
    return "0%" if shown == "-0%" else shown


def _unknown(problem: str) -> Iterable[Fact]:
    yield Fact("calibration", None, "calibration", (problem,), in_rows=True)
    yield Fact("calibration_problem", problem)


def _temperature(beta: float, setting: Setting) -> Fact:
    given = setting.options.get("temperature")
    further = "" if given is None else f", in addition to --temperature {given}"
    shown = (1.0 / beta, ": multiply logits by ", beta, further)
    return Fact("temperature", 1.0 / beta, "temperature", shown, in_rows=True)


class _Ends:
    """The sums of the slopes at β = 0, and of their limits as β grows, in each fold."""

    def __init__(self) -> None:
        self._at_zero, self._at_infinity = ExactSums(FOLDS), ExactSums(FOLDS)

    def add(self, tempered: Tempered, weigh: Callable[[Floats], Floats], folds: Keys) -> None:
        ends = tempered.ends()
        self._at_zero.add(weigh(ends.at_zero), folds)
        self._at_infinity.add(weigh(ends.at_infinity), folds)

    def merge(self, later: _Ends) -> None:
        self._at_zero.merge(later._at_zero)
        self._at_infinity.merge(later._at_infinity)

    def problem(self, fold: int | None) -> str | None:
        """Why the loss of all samples, or of those outside a fold, has no least value at a positive
        temperature; None if it has one."""
        at_zero, at_infinity = _without(self._at_zero, fold), _without(self._at_infinity, fold)
        if not (math.isfinite(at_zero) and math.isfinite(at_infinity)):
            return _NEGATIVE
        if not at_zero < 0.0:
            return _GUESSING
        return None if at_infinity > 0.0 else _ALL_RIGHT


def _without(sums: ExactSums, fold: int | None) -> float:
    """The sum over all folds but one, or over all of them."""
    return math.fsum(value for key, value in enumerate(sums.floats().tolist()) if key != fold)


def _of(elements: Elements, scale: float) -> tuple[Tempered, Callable[[Floats], Floats]]:
    """The losses of a block as functions of β, with logits divided by `scale`, and a function that
    weighs values of the kept elements like the losses and flattens them."""
    assert elements.tempered is not None
    assert elements.scores is not None
    losses, place = elements.losses, elements.scores.placed

    def weigh(values: Floats) -> Floats:
        placed: Floats = place(values)
        if losses.ignored is not None:
            placed = np.where(losses.ignored, 0.0, placed)
        weighted = replace(losses, values=placed, terms=None).weighted()
        return weighted.values.reshape(-1)

    return elements.tempered().divided_by(scale), weigh


def _folds(elements: Elements, label: str | None) -> Keys:
    """The fold of each element: the number of its row, or of its cluster, modulo the folds."""
    rank, rows = len(elements.shape), elements.shape[0]
    ids = sample_ids(elements, label)
    if ids is None:
        ids = np.arange(elements.start[0], elements.start[0] + rows)
        ids = ids.reshape(-1, *(1,) * (rank - 1))
    folds = np.broadcast_to(_whole(ids) % FOLDS, elements.shape)
    return Keys(folds.reshape(-1).astype(np.int64), FOLDS)


def _whole(ids: np.ndarray) -> Integers:
    """Whole numbers for the identifiers of samples, which may be floats."""
    if ids.dtype.kind != "f":
        return ids.astype(np.int64)
    return (ids.astype(np.float64) + 0.0).view(np.int64)  # -0.0 becomes 0.0
