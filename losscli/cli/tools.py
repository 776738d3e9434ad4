"""The commands that are not losses: losses, merge, verify, record, replay and inspect."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from losscli.cli.help import About, Entry, Page, Section, command_class, sentence, show
from losscli.cli.options import (
    ANONYMOUS_HELP,
    DECIMALS_HELP,
    DELIMITER_HELP,
    FAIL_ABOVE_HELP,
    FAIL_ON_HELP,
    FORMAT_HELP,
    HEADER_HELP,
    INPUT_FORMAT,
    QUIET_HELP,
    RECORD_HELP,
    REPORT_HELP,
    SIGNATURE_HELP,
    WHERE_HELP,
)
from losscli.cli.process import say
from losscli.report import FORMATS, open_report

if TYPE_CHECKING:
    from losscli.losses.registry import Loss

_ABOUT_LOSSES = About(
    "List the losses, or show the formula of one.",
    examples=("losscli losses", "losscli losses ce", "losscli losses --format json"),
)
_ABOUT_MERGE = About(
    "Merge the parts of a run that --part and --save-part computed.",
    examples=(
        "losscli ce preds.npy labels.npy --part 1/2 --save-part parts/1.json",
        "losscli ce preds.npy labels.npy --part 2/2 --save-part parts/2.json",
        "losscli merge parts/*.json",
    ),
)
_ABOUT_VERIFY = About(
    "Compute a record again, and compare its files, its environment and its numbers.",
    (
        "The exit code is 0 if files and numbers are the same, 3 if something differs, and 1 if "
        "the record cannot be read. A record is not signed: see the guide for ssh-keygen.",
    ),
    examples=("losscli verify run.json", "losscli verify run.json --root data/"),
)
_ABOUT_RECORD = About(
    "Show a record, or print it for other programs.",
    examples=("losscli record run.json", "losscli record --sums run.json | sha256sum -c"),
)
_ABOUT_REPLAY = About(
    "Run a record on other files, with the same options.",
    examples=("losscli replay run.json new_logits.npy labels.npy",),
)
_ABOUT_INSPECT = About(
    "Describe files and suggest the losscli command to run on them.",
    examples=("losscli inspect preds.parquet", "losscli inspect logits.npy labels.npy"),
)

_ROOT_HELP = "Look for the files of the record below DIR, also for files that were moved."

# The function that runs a parsed command.
Action = Callable[[], None]


def add_tools(app: typer.Typer) -> None:
    """Add the commands to an application."""
    app.command("losses", cls=command_class(_ABOUT_LOSSES))(_losses)
    app.command("merge", cls=command_class(_ABOUT_MERGE))(_merge)
    app.command("verify", cls=command_class(_ABOUT_VERIFY))(_verify)
    app.command("record", cls=command_class(_ABOUT_RECORD))(_record)
    app.command("replay", cls=command_class(_ABOUT_REPLAY))(_replay)
    app.command("inspect", cls=command_class(_ABOUT_INSPECT))(_inspect)


_REPORT = typer.Option("--report", metavar="FILE", help=REPORT_HELP)
_FORMAT = typer.Option("--format", "-f", metavar="FORMAT", help=FORMAT_HELP)


def _losses(
    name: Annotated[str | None, typer.Argument(metavar="[LOSS]", help="A loss.")] = None,
    format: Annotated[Literal[FORMATS] | None, _FORMAT] = None,  # type: ignore[valid-type]
) -> Action:
    from losscli.losses.registry import LOSSES, find  # noqa: PLC0415

    losses = [*LOSSES.values()] if name is None else [find(name)]

    def action() -> None:
        report = open_report(format, sys.stdout)
        if not report.shows_inputs:
            rows = [(*_facts(loss), loss.summary) for loss in losses]
            report.rows(("loss", "inputs", "formula", "source", "summary"), rows)
        elif name is None:
            report.rows(("loss", "summary"), [(loss.name, loss.summary) for loss in losses])
        else:
            show(_page_of(losses[0]))

    return action


def _facts(loss: Loss) -> tuple[str, str, str, str]:
    return loss.name, _inputs(loss), loss.formula, str(loss.source)


def _page_of(loss: Loss) -> Page:
    """The formula of a loss, the meaning of its symbols, its inputs and its source."""
    name = f"{loss.name}, {loss.alias}" if loss.alias else loss.name
    entries = (Entry("inputs", _inputs(loss)), Entry("source", str(loss.source)))
    return Page(name, loss.summary, details_of(loss), [Section("Definition", entries)])


def _result_options(
    format: Annotated[Literal[FORMATS] | None, _FORMAT] = None,  # type: ignore[valid-type]
    decimals: Annotated[int | None, typer.Option(metavar="N", help=DECIMALS_HELP)] = None,
    signature: Annotated[bool, typer.Option("--signature", help=SIGNATURE_HELP)] = False,
    fail_above: Annotated[
        float | None, typer.Option(metavar="NUMBER", help=FAIL_ABOVE_HELP)
    ] = None,
    fail_on: Annotated[
        Literal["loss", "upper"] | None, typer.Option(metavar="loss|upper", help=FAIL_ON_HELP)
    ] = None,
    record: Annotated[str | None, typer.Option(metavar="FILE", help=RECORD_HELP)] = None,
    report: Annotated[str | None, _REPORT] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=QUIET_HELP)] = False,
) -> None:
    """Declare the options of a command that reports a result."""


def _with_result_options(command: Callable[..., Action]) -> Callable[..., Action]:
    """Add the options of a result to a command, which receives them as `words`."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    options = inspect.signature(_result_options, eval_str=True).parameters.values()
    shared = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
    command.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
    return command


@_with_result_options
def _merge(
    *,
    parts: Annotated[
        list[str], typer.Argument(metavar="PART...", help="Files of parts, globs or directories.")
    ],
    **words: object,
) -> Action:
    def action() -> None:
        from losscli.cli.parts import answer_merge  # noqa: PLC0415

        answer_merge(parts, words, sys.argv[1:])

    return action


_RECORD_FILE = typer.Argument(metavar="RECORD", help="A file that --record wrote.")


def _verify(
    *,
    path: Annotated[str, _RECORD_FILE],
    root: Annotated[str | None, typer.Option(metavar="DIR", help=_ROOT_HELP)] = None,
    files_only: Annotated[
        bool, typer.Option("--files-only", help="Compare the files, and compute nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail unless all numbers have the same bits.")
    ] = False,
    format: Annotated[Literal[FORMATS] | None, _FORMAT] = None,  # type: ignore[valid-type]
    report: Annotated[str | None, _REPORT] = None,
) -> Action:
    def action() -> None:
        from losscli.cli.records import answer_verify  # noqa: PLC0415

        answer_verify(path, root, files_only, strict, format, report)

    return action


def _record(
    *,
    path: Annotated[str, _RECORD_FILE],
    sums: Annotated[
        bool, typer.Option("--sums", help="Print the SHA-256 of the files, for sha256sum -c.")
    ] = False,
    in_toto: Annotated[
        bool, typer.Option("--in-toto", help="Print the record as a statement of in-toto.")
    ] = False,
    format: Annotated[Literal[FORMATS] | None, _FORMAT] = None,  # type: ignore[valid-type]
) -> Action:
    def action() -> None:
        from losscli.cli.records import answer_record  # noqa: PLC0415

        answer_record(path, sums, in_toto, format)

    return action


@_with_result_options
def _replay(
    *,
    path: Annotated[str, _RECORD_FILE],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="A file in place of each file of the record."),
    ] = None,
    **words: object,
) -> Action:
    def action() -> None:
        from losscli.cli.records import answer_replay  # noqa: PLC0415

        answer_replay(path, files or (), words, sys.argv[1:])

    return action


def _inspect(
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of any format.")],
    full: Annotated[
        bool, typer.Option("--full", help="Read all rows. [default: the first rows]")
    ] = False,
    format: Annotated[Literal[FORMATS] | None, _FORMAT] = None,  # type: ignore[valid-type]
    input_format: Annotated[str | None, typer.Option(metavar="FORMAT", help=INPUT_FORMAT)] = None,
    header: Annotated[bool | None, typer.Option("--header/--no-header", help=HEADER_HELP)] = None,
    delimiter: Annotated[str | None, typer.Option(metavar="CHARACTER", help=DELIMITER_HELP)] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help=WHERE_HELP)
    ] = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help=ANONYMOUS_HELP)] = False,
) -> Action:
    def action() -> None:
        from losscli.evaluation.inspect import InspectOptions  # noqa: PLC0415
        from losscli.evaluation.inspect import inspect as inspect_files  # noqa: PLC0415
        from losscli.evaluation.propose import probable_command  # noqa: PLC0415
        from losscli.readers.tables.where import Where  # noqa: PLC0415
        from losscli.report.of_findings import document_of_findings  # noqa: PLC0415
        from losscli.request.arguments import make_reading  # noqa: PLC0415

        warnings: list[str] = []
        reading = make_reading(input_format, header, delimiter, anonymous)
        options = InspectOptions(full, reading, tuple(map(Where.parsed, where or ())))
        findings = inspect_files(files, options, warnings.append)
        proposal = probable_command(findings, options)
        command = None if proposal is None else str(proposal)
        document = document_of_findings(findings, command, warnings)
        report = open_report(format, sys.stdout)
        report.document(document)
        if command is not None and not report.shows_everything:
            say("note", f"suggested command: {command}")
        for warning in warnings:
            say("warning", warning)

    return action


def _inputs(loss: Loss) -> str:
    """The names of a loss's arrays, with optional ones in brackets."""
    return " ".join(a.name if a.required else f"[{a.name}]" for a in loss.arrays)


def details_of(loss: Loss) -> list[str]:
    formula = "\n".join(f"  {line}" for line in loss.formula.splitlines())
    return [formula, sentence(loss.symbols)] if loss.symbols else [formula]
