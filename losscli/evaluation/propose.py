"""Suggest a command for some files, after trying it on their first rows."""

from __future__ import annotations

import itertools
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from losscli.binding.ambiguity import flag
from losscli.binding.names import is_input, is_key, is_weight, targets_among
from losscli.errors import LosscliError
from losscli.evaluation.evaluate import computed
from losscli.evaluation.inspect import (
    CLASS_INDICES,
    LOG_PROBABILITIES,
    LOGITS,
    NAMES,
    PROBABILITIES,
    REAL,
    YES_OR_NO,
    Finding,
    InspectOptions,
)
from losscli.evaluation.model import OpenModel, open_model
from losscli.evaluation.run import Span
from losscli.losses.registry import find
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.request.arguments import bind
from losscli.request.wanted import Execution, Wanted

# The maximum number of pairs of arrays, and of keys, to try.
_MOST_PAIRS = 24
_MOST_KEYS = 3

# Suggest --shift if it reduces the loss to less than this fraction.
_FAR_LESS = 0.75

_TARGETS = (CLASS_INDICES, YES_OR_NO, NAMES)


@dataclass(frozen=True)
class Command:
    """A command, as words of the command line and as parameters of a request."""

    loss: str
    files: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        files = [shlex.quote(file) for file in self.files]
        return " ".join(["losscli", self.loss, *files, *self.words])

    def given(self, words: str, **parameters: Any) -> Command:
        """The command with a further option."""
        merged = {**self.parameters, **parameters}
        return Command(self.loss, self.files, merged, (*self.words, words))


def probable_command(
    findings: Sequence[Finding],
    options: InspectOptions = InspectOptions(),  # noqa: B008 - it is frozen
) -> Command | None:
    """The first command for all files that runs without error on their first rows.

    The command has --shift if scoring each step against the next step's target is much better.
    """
    for input, target in _pairs(findings):
        for draft in _drafts(findings, input, target):
            command = _with_format_options(draft, options)
            loss = _tried(command, input, target)
            if loss is None:
                continue
            shifted = _shifted(command, input, target)
            shifted_loss = None if shifted is None else _tried(shifted, input, target)
            is_better = shifted_loss is not None and shifted_loss < _FAR_LESS * loss
            return shifted if is_better else command
    return None


def _with_format_options(command: Command, options: InspectOptions) -> Command:
    """The command with the options that were used to inspect the files."""
    reading = options.reading
    if reading.format is not None:
        command = command.given(f"--input-format {reading.format}", input_format=reading.format)
    if reading.header is not None:
        words = "--header" if reading.header else "--no-header"
        command = command.given(words, header=reading.header)
    if reading.delimiter is not None:
        words = f"--delimiter {shlex.quote(reading.delimiter)}"
        command = command.given(words, delimiter=reading.delimiter)
    for condition in options.where:
        command = command.given(f"--where {shlex.quote(str(condition))}", where=options.where)
    return command


def _pairs(findings: Sequence[Finding]) -> Iterator[tuple[Finding, Finding]]:
    """Candidates for input and target, likely pairs first. Every pair uses all files."""
    findings = list(dict.fromkeys(findings))  # a file may be named twice
    files = {finding.file for finding in findings}
    data = [finding for finding in findings if not _is_never_data(finding)]
    pairs = (
        (input, target)
        for target in _targets(data)
        for input in [*_columns_of_classes(data, target), *sorted(data, key=_rank_of_input)]
        if input is not target and {input.file, target.file} == files
    )
    likely = (pair for pair in pairs if pair[0].looks_like != NAMES)
    return itertools.islice(likely, _MOST_PAIRS)


def _is_never_data(finding: Finding) -> bool:
    return any(map(is_key, finding.columns)) or any(map(is_weight, finding.columns))


def _targets(data: Sequence[Finding]) -> list[Finding]:
    """Candidates for the target: arrays with a usual name of targets, else arrays that are alone in
    their file, else both of two arrays, else the only labels next to columns of scores."""
    named = targets_among(array.name for array in data)
    if named:
        return [array for array in data if array.name in named]
    alone = [array for array in data if sum(other.file == array.file for other in data) == 1]
    if len(data) == 2 or len(alone) > 0:
        likely = alone or list(data)
        return sorted(likely, key=lambda array: _rank_of_target(array, data))
    labels = [array for array in data if array.looks_like in (CLASS_INDICES, NAMES)]
    has_scores = any(len(array.shape) > 1 for array in data)
    return labels if len(labels) == 1 and has_scores else []


def _rank_of_target(finding: Finding, data: Sequence[Finding]) -> tuple[bool, bool, int]:
    is_named_input = any(map(is_input, finding.columns))
    return (is_named_input, finding.looks_like not in _TARGETS, -data.index(finding))


def _rank_of_input(finding: Finding) -> tuple[bool, bool, int]:
    is_target = finding.looks_like in _TARGETS or bool(targets_among([finding.name]))
    return (is_target, finding.looks_like != PROBABILITIES, -len(finding.shape))


def _columns_of_classes(data: Sequence[Finding], target: Finding) -> Iterator[Finding]:
    """Yield one finding for all columns of a file that may be the scores of classes."""
    if target.looks_like not in _TARGETS:
        return
    for file in dict.fromkeys(array.file for array in data):
        columns = [
            array
            for array in data
            if array.file == file and len(array.columns) == 1 and len(array.shape) == 1
            if array is not target and array.looks_like in (PROBABILITIES, REAL)
        ]
        if len(columns) > 1:
            names = tuple(column.name for column in columns)
            kinds = {column.looks_like for column in columns}
            looks_like = PROBABILITIES if kinds == {PROBABILITIES} else LOGITS
            shape = (*columns[0].shape, len(columns))
            yield replace(columns[0], name="", shape=shape, columns=names, looks_like=looks_like)


def _drafts(findings: Sequence[Finding], input: Finding, target: Finding) -> Iterator[Command]:
    """Yield commands for two arrays, without options first. Later commands also name columns, or
    pair rows by a key that both files have."""
    files = tuple(dict.fromkeys((input.file, target.file)))
    loss, options = _loss(input, target)
    plain = Command(loss, files)
    for words, parameters in options:
        plain = plain.given(words, **parameters)
    for command in (plain, *_keyed(plain, findings)):
        yield command
        with_target = _naming(command, "target", target)
        if with_target is not None:
            yield with_target
        both = _naming(with_target or command, "input", input) if input.name else None
        if both is not None:
            yield both


def _keyed(command: Command, findings: Sequence[Finding]) -> Iterator[Command]:
    if len(command.files) < 2:
        return
    names = [{array.name for array in findings if array.file == file} for file in command.files]
    common = set.intersection(*names)
    keys = [array.name for array in findings if array.name in common]
    for name in list(dict.fromkeys(sorted(keys, key=lambda name: not is_key(name))))[:_MOST_KEYS]:
        yield command.given(f"--id {shlex.quote(name)}", id=name)


def _naming(command: Command, array: str, finding: Finding) -> Command | None:
    if not finding.columns:
        return None
    columns = list(finding.columns)
    return command.given(flag(array, columns), **{f"{array}_column": columns})


def _loss(input: Finding, target: Finding) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """The loss for the apparent kinds of predictions and targets, and its options."""
    rank = len(input.shape)
    options: list[tuple[str, dict[str, Any]]] = []
    if input.missing or target.missing:
        options.append(("--skip-missing", {"skip_missing": True}))
    if rank > 1 and (target.looks_like in (CLASS_INDICES, NAMES) or len(target.shape) < rank):
        kinds = {PROBABILITIES: "nll", LOG_PROBABILITIES: "nll"}
        if input.looks_like == PROBABILITIES:
            options.append(("--from probs", {"from_": "probs"}))
        return kinds.get(input.looks_like, "ce"), options + _class_options(input, target)
    if target.looks_like == YES_OR_NO:
        in_range = input.minimum is not None and input.minimum >= 0 and (input.maximum or 0) <= 1
        return ("bce" if in_range else "bce-with-logits"), options
    if target.looks_like == PROBABILITIES and rank > 1:
        options.append(("-r batchmean", {"reduction": "batchmean"}))
        if input.looks_like != LOG_PROBABILITIES:
            kind = "probs" if input.looks_like == PROBABILITIES else "logits"
            options.append((f"--from {kind}", {"from_": kind}))
        return "kl-div", options
    return "mse", options


def _class_options(input: Finding, target: Finding) -> list[tuple[str, dict[str, Any]]]:
    """The options for the class axis, the first class index and ignored indices."""
    options: list[tuple[str, dict[str, Any]]] = []
    is_last_axis = len(input.shape) > 2 and input.shape[:-1] == target.shape
    if is_last_axis:
        options.append(("--class-axis -1", {"class_axis": -1}))
    classes = input.shape[-1 if is_last_axis or len(input.shape) < 2 else 1]
    marks = [mark for mark in target.marks if not 0 <= mark < (classes or math.inf)]
    if any(mark != -100 for mark in marks):
        words = " ".join(f"--ignore-index {mark}" for mark in marks)
        options.append((words, {"ignore_index": marks}))
    if target.minimum == 1 and target.maximum == classes and not _is_numbered_from_1(input):
        options.append(("--class-base 1", {"class_base": 1}))
    return options


def _is_numbered_from_1(input: Finding) -> bool:
    """Whether the names of the columns number the classes from 1."""
    return bool(input.columns) and input.columns[0].endswith("1") and len(input.columns) > 1


def _shifted(command: Command, input: Finding, target: Finding) -> Command | None:
    """The command with --shift; None if the arrays have no steps or the loss has no --shift."""
    has_steps = len(input.shape) > 1 and target.looks_like == CLASS_INDICES
    can_shift = any(option.name == "shift" for option in find(command.loss).options)
    if not (has_steps and can_shift) or (len(input.shape) < 3 and input.columns == ()):
        return None
    return command.given("--shift", shift=True)


def _tried(command: Command, input: Finding, target: Finding) -> float | None:
    """The loss of the first rows; None if the command fails or reads other columns."""
    if STANDARD_INPUT in command.files:
        return None
    parameters = dict(command.parameters)
    reduction = parameters.pop("reduction", "mean")
    execution = Execution(strict=True, threads=1)
    try:
        request = bind(
            find(command.loss),
            command.files,
            reduction,
            parameters,
            Wanted(interval=False),
            execution,
        )
        with ExitStack() as stack:
            model = open_model(request, stack)
            if not (_reads(model, "input", input) and _reads(model, "target", target)):
                return None
            collected = computed(model, span=Span(stop=1, reads_on=False))
            total = collected.total
    except LosscliError:
        return None
    return total.ledger.losses() / total.weight_sum if total.weight_sum else None


def _reads(model: OpenModel, array: str, finding: Finding) -> bool:
    """Whether an array of the model has the columns of a finding."""
    columns = model.sources.arrays[array].columns
    return columns is None or set(columns) == set(finding.columns)
