"""What `--part` and `losscli merge` do."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from losscli.cli.actions import noting, progress, recording, report_result, require_compatible
from losscli.cli.process import say
from losscli.cli.words import Showing, Words, request_of, showing_of
from losscli.elements import Elements
from losscli.errors import DataError, UsageError, option_error
from losscli.evaluation.part_file import (
    MOST_PARTS,
    PartNumber,
    load,
    load_all,
    merge,
    plan_digest,
    require_same_files,
    text_of,
)
from losscli.evaluation.parts import Division, Part, compute_part, divide
from losscli.evaluation.run import Span
from losscli.losses import kebab
from losscli.losses.registry import Loss
from losscli.readers.files.store import exists
from losscli.report import open_report
from losscli.report.atomic import AtomicFile, undisturbed
from losscli.request.request import Request
from losscli.statistics.collected import Collected

# Options that apply to the result of all parts.
_OF_RESULT = ("format", "decimals", "signature", "fail_above", "on", "record", "report")

_NUMBER = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


def answer_part(loss: Loss, words: Words, arguments: Sequence[str]) -> None:
    """Compute one part and save it, unless it was saved before.

    Raises UsageError for options that need the whole result, and DataError if the file contains
    another part.
    """
    part, path = _requested(words)
    showing = showing_of(words)
    request = request_of(loss, words, interval=True)
    require_compatible(request, showing)
    if request.reduction == "none" and showing.output is None:
        raise UsageError("--part with --reduction none needs --output FILE for the losses.")
    division = divide(request)
    plan = plan_digest(division, part.count)
    output = None if showing.output is None else _numbered(showing.output, part)
    if _is_finished(path, part, plan, output):
        _note(f"{path}: part {part} was computed before", showing)
        return
    with ExitStack() as stack:
        with undisturbed():
            file = stack.enter_context(AtomicFile(path))
        collected = _computed(request, division, part, output)
        file.write(text_of(division, part, plan, _command(arguments, part), collected))
    _note(f"{path}: saved part {part}", showing)


def answer_merge(patterns: Sequence[str], words: Words, arguments: Sequence[str]) -> None:
    """Merge saved parts, report the result, and apply the gate."""
    showing = showing_of(words)
    parts = load_all(patterns)
    with recording(showing, arguments, (), {part.path: "a part" for part in parts}) as record:
        outcome, notes = merge(parts)
        if outcome.result.reduction == "none":
            raise DataError(
                "the parts have --reduction none: their losses are in the files of --output, and "
                "there is no number to merge"
            )
        if record is not None:
            require_same_files(parts[0])
        report = open_report(showing.format, sys.stdout)
        report_result(report, outcome, noting(showing, notes), record)


def _requested(words: Words) -> tuple[PartNumber, str]:
    """The part to compute and the file to save. Raises UsageError if one of them is missing."""
    text, path = words["part"], words["save_part"]
    if text is None or path is None:
        given, missing = (
            ("--part", "--save-part FILE") if path is None else ("--save-part", "--part K/N")
        )
        raise UsageError(f"{given} needs {missing}")
    match = _NUMBER.fullmatch(text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count <= MOST_PARTS:
        raise option_error("part", text, "K/N with K from 1 to N, such as 3/16")
    if not path:
        raise UsageError("--save-part is empty (is a shell variable unset?). Give a file.")
    for name in _OF_RESULT:
        if words.get(name) not in (None, False):
            advice = "Use one of both" if name == "on" else "Give it to losscli merge"
            raise UsageError(
                f"--{kebab(name)} needs all parts, and --part computes one of them. {advice}."
            )
    return PartNumber(number, count), path


def _is_finished(path: str, part: PartNumber, plan: str, output: str | None) -> bool:
    """Whether the part was saved before. Raises DataError if the file contains something else."""
    if not exists(path):
        return False
    saved = load(path)
    if (saved.part, saved.plan) != (part, plan):
        run = "this run" if saved.plan == plan else "another run"
        raise DataError(
            f"{path}: the file exists and contains part {saved.part} of {run}. Remove it, or use "
            "another name."
        )
    return output is None or exists(output)


def _computed(
    request: Request, division: Division, part: PartNumber, output: str | None
) -> Collected:
    """Compute the part, and write its losses to a file of its own."""
    span = division.spans(part.count)[part.number - 1]
    with ExitStack() as stack:
        update = progress(stack)
        if output is None:
            return compute_part(Part(request, span), None, update)
        from losscli.report.output import Output  # noqa: PLC0415 - only needed here

        with undisturbed():
            file = stack.enter_context(Output(output))
        written = 0

        def write(elements: Elements) -> None:
            nonlocal written
            written += elements.losses.values.size
            file.elements(elements)

        if span.start == span.stop and division.blocks:  # all parts have the columns of the first
            compute_part(Part(request, Span(0, 1, reads_on=False)), file.header)
        collected = compute_part(Part(request, span), write, update)
        file.finish(_shape_of_part(division.provenance.shape, written))
        return collected


def _shape_of_part(shape: tuple[int, ...], elements: int) -> tuple[int, ...]:
    """The shape of the losses of a part: some rows of the whole."""
    if not shape:
        return (elements,)
    row = math.prod(shape[1:])
    return (elements // row if row else 0, *shape[1:])


def _note(text: str, showing: Showing) -> None:
    if not showing.quiet:
        say("note", text)


def _numbered(output: str, part: PartNumber) -> str:
    """The name of the file with a part's losses: losses-00003-of-00016.npy for losses.npy."""
    stem, suffix = os.path.splitext(output)
    return f"{stem}-{part.number:05d}-of-{part.count:05d}{suffix}"


def _command(arguments: Sequence[str], part: PartNumber) -> list[str]:
    """The words of the command, with {part} in place of the number of the part."""
    words = list(arguments)
    for option, replaced in (("--part", _any_part), ("--save-part", _any_file)):
        for k, word in enumerate(words):
            if word.startswith(f"{option}="):
                words[k] = f"{option}={replaced(word.removeprefix(f'{option}='), part)}"
            elif word == option and k + 1 < len(words):
                words[k + 1] = replaced(words[k + 1], part)
    return words


def _any_part(text: str, part: PartNumber) -> str:
    return f"{{part}}/{part.count}"


def _any_file(path: str, part: PartNumber) -> str:
    """The path with `{part}` in place of the part's number. If the name does not contain the
    number, `-{part}` is added to the name."""
    folder, name = os.path.split(path)
    number = re.compile(rf"(?<![0-9]){part.number}(?![0-9])")
    stem, suffix = os.path.splitext(name)
    any_stem = number.sub("{part}", stem, count=1) if number.search(stem) else f"{stem}-{{part}}"
    return os.path.join(folder, any_stem + suffix)
