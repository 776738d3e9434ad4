"""What a parsed command does: evaluate, report, write files, and apply the gate."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from losscli.cli.gate import judge_comparison
from losscli.cli.process import say
from losscli.cli.words import Showing, Words, models_of, request_of, showing_of
from losscli.elements import Elements
from losscli.errors import DataError, UsageError
from losscli.evaluation.compare import outcome_of_comparison
from losscli.evaluation.evaluate import OnProgress, outcome_of
from losscli.evaluation.outcome import Outcome, Reported
from losscli.evaluation.run import OnElements
from losscli.losses.registry import Loss
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.files.shards import files_of
from losscli.readers.files.uri import is_uri
from losscli.report import PAGE, chosen_format, open_report
from losscli.report.document import Document
from losscli.report.format import Report
from losscli.report.numbers import Numbers
from losscli.report.of_result import document_of, document_of_comparison
from losscli.request.request import Request
from losscli.request.wanted import WORDS
from losscli.result import Comparison, Result

if TYPE_CHECKING:
    from losscli.cli.recording import Recording


def answer(loss: Loss, words: Words, arguments: Sequence[str]) -> None:
    """Evaluate a loss, report the result, and apply the gate."""
    showing = showing_of(words)
    request = request_of(loss, words, interval=_shows_interval(showing))
    if not request.wanted.interval and any(map(is_uri, _paths(request))):
        # The check for a loss worse than guessing needs the interval, in a second run without it.
        request = request_of(loss, words, interval=True)
    require_compatible(request, showing)
    with recording(showing, arguments, [request]) as record:
        _evaluate(request, showing, record)


def answer_comparison(arguments: Sequence[str], loss: Loss, words: Words) -> None:
    """Compare two models, report the result, and apply the gate. `arguments` are the words of the
    command line."""
    showing = showing_of(words)
    a, b = models_of(loss, words)
    if not b.wanted.shows_elements:
        _refuse_keep(b, "--top")
    with recording(showing, arguments, (a, b)) as record, ExitStack() as stack:
        outcome = outcome_of_comparison(a, b, progress(stack), hashes=record is not None)
        report_comparison(outcome, showing, record)


def report_result(
    report: Report, outcome: Outcome[Result], showing: Showing, record: Recording | None
) -> None:
    """Write the record and the page of a result, show the result, and apply the gate."""
    numbers = Numbers(showing.decimals)
    make = partial(document_of, numbers=numbers, shows_signature=showing.signature)
    _publish(report, outcome, make, showing, record)
    if showing.gate is not None:
        showing.gate.judge(outcome.result)


def report_comparison(
    outcome: Outcome[Comparison], showing: Showing, record: Recording | None
) -> None:
    """Write the record and the page of a comparison, show it, and apply the gate."""
    make = partial(document_of_comparison, numbers=Numbers(showing.decimals))
    _publish(open_report(showing.format, sys.stdout), outcome, make, showing, record)
    if showing.fails_if_worse:
        judge_comparison(outcome.result)


def _publish(
    report: Report,
    outcome: Outcome[Reported],
    make: Callable[[Reported], Document],
    showing: Showing,
    record: Recording | None,
) -> None:
    """Write the record and the page, and show the document that `make` makes of the result."""
    result = outcome.result
    if record is not None:
        showing = noting(showing, record.write(outcome))
        showing = noting(showing, record.write_page(make(result)))
    if record is not None and showing.format == PAGE:
        show(report, record.completed(make(result)), showing)
    else:
        asked = tuple(table for table in result.tables if table.name not in showing.added)
        show(report, make(replace(result, tables=asked)), showing)


def recording(
    showing: Showing,
    arguments: Sequence[str],
    requests: Sequence[Request],
    used: Mapping[str, str] | None = None,
) -> AbstractContextManager[Recording | None]:
    """Prepare the record and the page of a run; nothing if neither is requested. `used` has files
    that they must not overwrite, and what the files are."""
    if showing.record is None and showing.report is None and showing.format != PAGE:
        return nullcontext()
    from losscli.cli.recording import prepared  # noqa: PLC0415 - loads pyarrow

    output = {} if showing.output is None else {showing.output: "the file of --output"}
    names = {
        request.classes: "the file of --classes"
        for request in requests
        if isinstance(request.classes, str)
    }
    return prepared(showing, arguments, requests, {**output, **names, **(used or {})})


def _shows_interval(showing: Showing) -> bool:
    """Whether the gate, a record or the output format uses the interval. The format plain does
    not."""
    is_judged = showing.gate is not None and showing.gate.on == "upper"
    return (
        is_judged
        or showing.record is not None
        or showing.report is not None
        or chosen_format(showing.format, sys.stdout) != "plain"
    )


def require_compatible(request: Request, showing: Showing) -> None:
    """Raise UsageError for options that exclude each other, and if --output is an input file."""
    if showing.gate is not None and request.reduction == "none":
        raise UsageError("--fail-above needs one number. Use it without --reduction none.")
    if showing.report is not None and request.reduction == "none":
        raise UsageError(
            "--report needs one number. Use it without --reduction none, or print a page of the "
            "first losses with --format html."
        )
    if showing.output is not None and request.loss.pool is not None:
        raise UsageError(
            f"--output: {request.loss.name} has no per-element losses to write. Leave out --output."
        )
    if not (showing.output or request.wanted.shows_elements or request.reduction == "none"):
        _refuse_keep(request, "--top, --output or --reduction none")
    if showing.on is not None and (showing.output or request.reduction == "none"):
        raise UsageError(
            "--on returns statistics, not the losses of elements. For these, compute parts with "
            "--part and --output."
        )
    if showing.output is not None:
        _require_not_read(showing.output, _paths(request))


def noting(showing: Showing, notes: Sequence[str]) -> Showing:
    """`showing` with further notes."""
    return showing._replace(notes=(*showing.notes, *notes))


def _evaluate(request: Request, showing: Showing, record: Recording | None) -> None:
    """Evaluate the request, write losses to --output and the record, and report the result."""
    with ExitStack() as stack:
        consumers: list[Callable[[Elements], None]] = []
        report = open_report(showing.format, sys.stdout)
        if request.reduction == "none":
            consumers.append(report.elements)
        output = None
        if showing.output is not None:
            from losscli.report.atomic import undisturbed  # noqa: PLC0415 - only needed here
            from losscli.report.output import Output  # noqa: PLC0415

            with undisturbed():
                output = stack.enter_context(Output(showing.output))
            consumers.append(output.elements)

        def consume(elements: Elements) -> None:
            for consumer in consumers:
                consumer(elements)

        on_elements = consume if consumers else None
        hashes = record is not None
        outcome = _computed(request, showing.on, on_elements, progress(stack), hashes=hashes)
        if output is not None:
            output.finish(outcome.result.shape)
    report_result(report, outcome, showing, record)


def _computed(
    request: Request,
    on: str | None,
    on_elements: OnElements | None,
    update: OnProgress | None,
    *,
    hashes: bool,
) -> Outcome[Result]:
    """Evaluate the request in this process, or on a cluster."""
    if on is None:
        return outcome_of(request, on_elements, update, hashes=hashes)
    from losscli.evaluation.cluster import evaluate_on  # noqa: PLC0415 - loads pyarrow

    return evaluate_on(on, request, update)


def _refuse_keep(request: Request, options: str) -> None:
    """Raise UsageError if --keep is given. `options` names the options that show elements."""
    if request.keep:
        raise UsageError(f"--keep shows a column with each element. Use it with {options}.")


def show(report: Report, document: Document, showing: Showing) -> None:
    """Show a document on stdout, and notes and warnings on stderr. If both streams are the same
    terminal, warnings follow the first line of the result."""
    warnings = document.warnings
    shown = document.file_notes if sys.stdout.isatty() and report.shows_inputs else ()
    if report.shows_inputs and _is_one_terminal():
        report.below_headline = partial(_say_all, "warning", warnings)
        warnings = ()
    report.document(document)
    sys.stdout.flush()
    if not showing.quiet:
        _say_all("note", [*(note for note in document.notes if note not in shown), *showing.notes])
    _say_all("warning", warnings)


def _is_one_terminal() -> bool:
    """Whether stdout and stderr are the same terminal."""
    if sys.stderr is None or not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())


def _say_all(kind: str, messages: Iterable[str]) -> None:
    for message in messages:
        say(kind, message)


def _paths(request: Request) -> Iterator[str]:
    """The arguments that may be paths: arrays, class names and labels."""
    labels = (name for name in (*request.wanted.by, request.wanted.cluster) if name not in WORDS)
    for given in (*request.arrays.values(), request.classes, *labels):
        values = given if isinstance(given, tuple) else (given,)
        yield from (value for value in values if isinstance(value, str))


def _require_not_read(output: str, paths: Iterable[str]) -> None:
    """Raise UsageError if the output would overwrite an input file."""
    if any(_is_same(file, output) for path in paths for file in _files(path)):
        raise UsageError(f"--output {output!r} is also an input file. Use another name.")


def _files(path: str) -> Sequence[str | int]:
    """The files of a path, a directory or a glob, or the file descriptor of standard input."""
    if path == STANDARD_INPUT:
        return [0]
    try:
        return files_of(path)
    except (DataError, OSError):  # opening the path reports this
        return []


def _is_same(file: str | int, other: str) -> bool:
    if file == other:
        return True
    return os.path.exists(file) and os.path.exists(other) and os.path.samefile(file, other)


def progress(stack: ExitStack) -> Callable[[int, int | None], None] | None:
    """The update function of a progress bar, or None if stderr is not a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    from losscli.report.progress import Progress  # noqa: PLC0415 - only on a terminal

    return stack.enter_context(Progress(sys.stderr)).update
