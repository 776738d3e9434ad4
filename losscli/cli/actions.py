"""What a command does once its words are understood: evaluate, report, write, judge."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from losscli.cli.gate import judge_comparison
from losscli.cli.process import say
from losscli.cli.words import Showing, Words, models_of, request_of, showing_of
from losscli.elements import Elements
from losscli.errors import DataError, UsageError
from losscli.evaluation.compare import compare_requests
from losscli.evaluation.evaluate import evaluate_request
from losscli.losses.registry import Loss
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.files.shards import files_of
from losscli.report import chosen_format, open_report
from losscli.report.document import Document
from losscli.report.format import Report
from losscli.report.numbers import Numbers
from losscli.report.of_result import document_of, document_of_comparison
from losscli.request.request import Request
from losscli.request.wanted import WORDS
from losscli.result import Result


def answer(loss: Loss, words: Words) -> None:
    """Evaluate a loss, report it, and judge it by the gate."""
    showing = showing_of(words)
    request = request_of(loss, words, interval=_shows_interval(showing))
    _require_sense(request, showing)
    result = _evaluated(request, showing)
    if showing.gate is not None:
        showing.gate.judge(result)


def answer_comparison(loss: Loss, words: Words) -> None:
    """Compare two models, report it, and judge it."""
    showing = showing_of(words)
    a, b = models_of(loss, words)
    if not b.wanted.shows_elements:
        _require_no_keep(b, "--top")
    with ExitStack() as stack:
        comparison = compare_requests(a, b, _progress(stack))
    document = document_of_comparison(comparison, Numbers(showing.decimals))
    report = open_report(showing.format, sys.stdout)
    _show(report, document, (comparison.a, comparison.b), showing)
    if showing.fails_if_worse:
        judge_comparison(comparison)


def _shows_interval(showing: Showing) -> bool:
    """Whether the interval is shown or judged; in a pipe the number is alone."""
    is_judged = showing.gate is not None and showing.gate.on == "upper"
    return is_judged or chosen_format(showing.format, sys.stdout) != "plain"


def _require_sense(request: Request, showing: Showing) -> None:
    """Raise UsageError for options that exclude each other, and an output that is read."""
    if showing.gate is not None and request.reduction == "none":
        raise UsageError("--fail-above judges one number, and --reduction none gives many")
    if showing.output is not None and request.loss.pool is not None:
        raise UsageError(f"--output writes losses of elements, and {request.loss.name} has none")
    if not (showing.output or request.wanted.shows_elements or request.reduction == "none"):
        _require_no_keep(request, "--top, --output or --reduction none")
    if showing.output is not None:
        _require_not_read(showing.output, _paths(request))


def _evaluated(request: Request, showing: Showing) -> Result:
    """The result, reported and its losses written."""
    with ExitStack() as stack:
        takers: list[Callable[[Elements], None]] = []
        report = open_report(showing.format, sys.stdout)
        if request.reduction == "none":
            takers.append(report.elements)
        output = None
        if showing.output is not None:
            from losscli.report.output import Output, undisturbed  # noqa: PLC0415 - for this alone

            with undisturbed():
                output = stack.enter_context(Output(showing.output))
            takers.append(output.elements)

        def take(elements: Elements) -> None:
            for taker in takers:
                taker(elements)

        result = evaluate_request(request, take if takers else None, _progress(stack))
        if output is not None:
            output.finish(result.shape)
    document = document_of(result, Numbers(showing.decimals), showing.signature)
    _show(report, document, (result,), showing)
    return result


def _require_no_keep(request: Request, options: str) -> None:
    """Raise UsageError for columns to show where no element is shown."""
    if request.keep:
        raise UsageError(f"--keep shows a column with each element. Use it with {options}.")


def _show(report: Report, document: Document, results: Sequence[Result], showing: Showing) -> None:
    """Show the result on stdout, and on stderr what there is to say beside it: where both are one
    terminal, the warnings below the first line."""
    warnings = dict.fromkeys(text for result in results for text in result.warnings)
    shown = _notes(results) if sys.stdout.isatty() and report.shows_inputs else ()
    notes = dict.fromkeys(note for result in results for note in result.notes)
    if report.shows_inputs and _is_one_terminal():
        report.below_headline = partial(_say_all, "warning", tuple(warnings))
        warnings.clear()
    report.document(document)
    sys.stdout.flush()
    if not showing.quiet:
        _say_all("note", [*(note for note in notes if note not in shown), *showing.notes])
    _say_all("warning", warnings)


def _notes(results: Iterable[Result]) -> Sequence[str]:
    """The notes that the lines on the inputs show too."""
    return [note for result in results for note in result.columns]


def _is_one_terminal() -> bool:
    """Whether a user reads stdout and stderr on one screen."""
    if sys.stderr is None or not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())


def _say_all(kind: str, messages: Iterable[str]) -> None:
    for message in messages:
        say(kind, message)


def _paths(request: Request) -> Iterator[str]:
    """What may name a file: the arrays of the loss, the classes' names and the labels."""
    labels = (name for name in (*request.wanted.by, request.wanted.cluster) if name not in WORDS)
    for given in (*request.arrays.values(), request.classes, *labels):
        several = given if isinstance(given, tuple) else (given,)
        yield from (one for one in several if isinstance(one, str))


def _require_not_read(output: str, paths: Iterable[str]) -> None:
    """Raise UsageError if the output would take the place of a file that is read."""
    if any(_is_same(file, output) for path in paths for file in _files(path)):
        raise UsageError(f"--output is {output!r}, which is read as well; give another name")


def _files(path: str) -> Sequence[str | int]:
    """The files that a path, a directory or a glob stands for, or the number of an open one."""
    if path == STANDARD_INPUT:
        return [0]
    try:
        return files_of(path)
    except (DataError, OSError):  # opening it says what is wrong
        return []


def _is_same(one: str | int, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _progress(stack: ExitStack) -> Callable[[int, int | None], None] | None:
    """A bar on a terminal; never a byte of it elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    from losscli.report.progress import Progress  # noqa: PLC0415 - on a terminal alone

    return stack.enter_context(Progress(sys.stderr)).update
