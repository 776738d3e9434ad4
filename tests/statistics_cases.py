"""Blocks of random data for every loss, for tests of properties that all statistics have."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from unittest import mock

import numpy as np
from make_reference import Rounded
from oracle import WITH_ELEMENTS, draw_arrays, draw_options

from losscli.api import Execution, Wanted, bind
from losscli.elements import Elements
from losscli.errors import DataError
from losscli.evaluation import blocks
from losscli.evaluation.model import open_model
from losscli.evaluation.run import run
from losscli.losses.registry import LOSSES
from losscli.request.request import Request
from losscli.statistics import options as statistic_options
from losscli.statistics.collected import Collected
from losscli.statistics.statistic import LabelNames, Setting

# How the data of a case differs from plain random numbers, or which option is set.
VARIANTS = ("plain", "masked", "weighted", "clustered", "not finite", "NaN skipped", "sum")

_LEAST_ELEMENTS = 7

# The values of the options of statistics. Switches are on.
ASKED: dict[str, Any] = {"top": 4, "quantiles": ("0.1", "0.5", "1")}


class Larger(Rounded):
    """Axes of 5 to 9 elements, and 7 to 9 sequences, so that there are several blocks."""

    def integer(self, low: int, high: int) -> int:
        sizes = {(0, 4): (5, 9), (1, 3): (7, 9)}
        return super().integer(*sizes.get((low, high), (low, high)))

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[super().integer(0, len(choices) - 1)]


@dataclass(frozen=True, eq=False)
class Case:
    """The blocks of a run, and the setting of its statistics.

    Args:
        blocks: the elements, block by block
        setting: the setting of the statistics
        names: the labels for the codes in the blocks
        by: the names of the labels to group by
    """

    blocks: Sequence[Elements]
    setting: Setting
    names: LabelNames
    by: tuple[str, ...]

    @property
    def rank(self) -> int:
        return len(self.blocks[0].shape)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A request with random data, for blocks of `size` elements.

    Args:
        request: the request, with all statistics that it supports
        size: the number of elements of a block, so that there are at least 5 if there are enough
            elements
    """

    request: Request
    size: int


@cache
def case_of(loss: str, variant: str, seed: int = 0) -> Case:
    """A case of a loss, with at least 5 blocks if it has enough elements."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return _case(request_of(loss, variant, seed, folder, rereads=True))
        except DataError:  # such numbers are not probabilities, so the checks would fail
            return _case(request_of(loss, variant, seed, folder, check=False, rereads=True))


def request_of(
    loss: str, variant: str, seed: int, folder: str, *, check: bool = True, rereads: bool = False
) -> Drawn:
    """A request for a loss of random data. Labels are written to files in a folder. `rereads` adds
    the statistics that read the data several times."""
    draw = Larger(seed)
    rng = np.random.default_rng(seed)
    while True:
        arrays = draw_arrays(LOSSES[loss], draw)
        options = draw_options(LOSSES[loss], draw, arrays) if loss in WITH_ELEMENTS else {}
        arrays = {name: _unrounded(array, rng) for name, array in arrays.items()}
        shape = _shape(loss, {**arrays, **options})
        if shape and np.prod(shape) >= _LEAST_ELEMENTS:
            break
    if variant == "masked":
        arrays["mask"] = rng.integers(0, 4, shape) > 0
    if variant == "weighted":
        arrays["sample_weight"] = rng.uniform(0, 2, shape) * rng.integers(0, 4, shape)
    if variant in ("not finite", "NaN skipped"):
        name = next(iter(arrays))
        arrays[name] = _with_holes(arrays[name], rng)
    on_nan = "skip" if variant == "NaN skipped" else "warn"
    execution = Execution(broadcast=True, check=check, threads=1, on_nan=on_nan)
    wanted = _everything(loss, arrays, shape, variant, folder, rng, rereads=rereads)
    given = {**arrays, **options}
    request = bind(LOSSES[loss], (), _reduction(loss, variant), given, wanted, execution)
    return Drawn(request, max(1, int(np.prod(shape)) // 6))


def _shape(loss: str, given: Mapping[str, Any]) -> tuple[int, ...]:
    execution = Execution(broadcast=True, check=False)
    request = bind(LOSSES[loss], (), LOSSES[loss].reductions[0], given, Wanted(), execution)
    with ExitStack() as stack:
        return open_model(request, stack, shows_rows=False).shape


def _case(drawn: Drawn) -> Case:
    taken: list[Elements] = []
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(blocks, "BLOCK_ELEMENTS", drawn.size))
        model = open_model(drawn.request, stack, shows_rows=True)
        run([model.job], partial(Collected, model.setting), 1, taken.append)
        return Case(taken, model.setting, model.label_names, drawn.request.wanted.by)


def _unrounded(array: Any, rng: np.random.Generator) -> Any:
    """The same numbers, slightly closer to 0, with all digits of a float64."""
    array = np.asarray(array)
    return array * rng.uniform(0.5, 1.0, array.shape) if array.dtype.kind == "f" else array


def _with_holes(array: Any, rng: np.random.Generator) -> Any:
    """The same numbers with a few NaN and infinities."""
    holed = np.array(array, np.float64)
    for value, count in ((np.nan, 2), (np.inf, 1), (-np.inf, 1)):
        holed.flat[rng.integers(holed.size, size=count)] = value
    return holed


def _reduction(loss: str, variant: str) -> str:
    if loss not in WITH_ELEMENTS:
        return LOSSES[loss].reductions[0]
    if variant == "sum":
        return "sum"
    batchmean = "batchmean" in LOSSES[loss].reductions and variant == "plain"
    return "batchmean" if batchmean else "mean"


def _everything(
    loss: str,
    arrays: Mapping[str, Any],
    shape: tuple[int, ...],
    variant: str,
    folder: str,
    rng: np.random.Generator,
    *,
    rereads: bool,
) -> Wanted:
    """The case with all statistics that it supports, and with labels of elements and text labels of
    rows."""
    has_classes = any(option.name == "class_base" for option in LOSSES[loss].options)
    has_indices = has_classes and np.ndim(arrays["target"]) < np.ndim(arrays["input"])
    of_classes = {one.name: True for one in statistic_options() if one.for_losses == "classes"}
    if loss not in WITH_ELEMENTS:
        return Wanted(**of_classes if has_indices else {})
    of_all = {one.name: True for one in statistic_options() if one.for_losses == "all"}
    numbers, names, documents = (os.path.join(folder, one) for one in ("g.npy", "h.csv", "d.csv"))
    np.save(numbers, np.where(rng.random(shape) < 0.2, np.nan, rng.integers(0, 3, shape)))
    _write_labels(names, rng.integers(0, 4, shape[0]))
    _write_labels(documents, rng.integers(0, 5, shape[0]))
    return Wanted(
        by=(numbers, names),
        cluster=documents if variant == "clustered" else None,
        **{**of_all, **(of_classes if has_indices else {}), **ASKED},
        calibration=rereads and LOSSES[loss].temper is not None and variant != "sum",
    )


def _write_labels(path: str, numbers: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write("label\n" + "".join(f"n{number}\n" for number in numbers))
