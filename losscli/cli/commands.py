"""All commands: one for each loss, made from the registry, and those that describe."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from losscli._version import __version__
from losscli.cli.options import (
    DELIMITER_HELP,
    FLAG,
    FORMAT_HELP,
    HEADER_HELP,
    INPUT_FORMAT,
    WHERE_HELP,
    comparison_parameters,
    escaped,
    parameters_of,
)
from losscli.cli.process import say
from losscli.errors import UsageError
from losscli.losses import LISTED, Listed
from losscli.losses.names import MEANT
from losscli.report import FORMATS, open_report

# What imports NumPy is imported where it is used: without it, `losscli --help` takes 115 ms and not
# 245, of which Typer and rich take 110.
if TYPE_CHECKING:
    from losscli.cli.words import Words
    from losscli.losses.registry import Loss

# The variable by which a shell asks for completion.
COMPLETE = "_LOSSCLI_COMPLETE"

# What a command does, once its words are understood.
Action = Callable[[], None]


def app_of(words: Sequence[str]) -> typer.Typer:
    """All commands; with their options only those that are asked for, which saves 50 ms."""
    completing = COMPLETE in os.environ

    def is_wanted(names: Iterable[str]) -> bool:
        return completing or any(name in words for name in names)

    app = typer.Typer(
        name="losscli",
        no_args_is_help=True,
        epilog="losscli nll preds.npy labels.npy prints the loss; losscli LOSS --help says what a "
        "loss takes.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for listed in LISTED.values():
        names = {listed.name: False, listed.alias: True} if listed.alias else {listed.name: False}
        command = _command(listed.name) if is_wanted(names) else _nothing
        for name, hidden in names.items():
            app.command(name, hidden=hidden, help=_help(listed))(command)
    app.add_typer(_comparisons(is_wanted), name="compare")
    app.command("losses")(_losses)
    app.command("inspect")(_inspect)
    return app


def require_own_name(words: Sequence[str]) -> None:
    """Raise UsageError for a command by a name that its loss has elsewhere."""
    name = next(iter(words[1:] if words[:1] == ["compare"] else words), "")
    meant = MEANT.get(name.lower().replace("_", "-"))
    if meant is not None:
        raise UsageError(f"there is no command {name}. {meant}")


def _comparisons(is_wanted: Callable[[Iterable[str]], bool]) -> typer.Typer:
    """The commands `compare LOSS`."""
    app = typer.Typer(
        no_args_is_help=True,
        help="Compare two models on the same targets: losscli compare LOSS A B TARGET.",
    )
    if is_wanted(["compare"]):
        for listed in LISTED.values():
            for name in filter(None, (listed.name, listed.alias)):
                command = _comparison_command(listed.name) if is_wanted([name]) else _nothing
                hidden = name == listed.alias
                app.command(name, hidden=hidden, help=_help(listed))(command)
    return app


def _nothing() -> None:
    """Stands in the list of commands."""


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"losscli {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    "--version",
    "-V",
    metavar=FLAG,
    callback=_show_version,
    is_eager=True,
    help="Show the version and exit.",
)


def _root(version: Annotated[bool, _VERSION] = False) -> None:
    """The loss of saved model outputs, as PyTorch computes it."""


def _losses(
    format: Annotated[
        Literal[FORMATS] | None,  # type: ignore[valid-type]
        typer.Option("--format", "-f", metavar="FORMAT", help=FORMAT_HELP),
    ] = None,
) -> Action:
    """List the losses with their formulas."""
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    header = ("loss", "inputs", "formula", "source")
    rows = [(loss.name, _inputs(loss), loss.formula, str(loss.source)) for loss in LOSSES.values()]

    def action() -> None:
        open_report(format, sys.stdout).rows(header, rows)

    return action


def _inspect(
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of any format.")],
    full: Annotated[
        bool,
        typer.Option("--full", metavar=FLAG, help="Look at all rows, not at the first alone."),
    ] = False,
    format: Annotated[
        Literal[FORMATS] | None,  # type: ignore[valid-type]
        typer.Option("--format", "-f", metavar="FORMAT", help=FORMAT_HELP),
    ] = None,
    input_format: Annotated[str | None, typer.Option(metavar="FORMAT", help=INPUT_FORMAT)] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", metavar=FLAG, help=escaped(HEADER_HELP))
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHARACTER", help=escaped(DELIMITER_HELP))
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help=WHERE_HELP)
    ] = None,
) -> Action:
    """Describe files and suggest the losscli command to run on them."""

    def action() -> None:
        from losscli.evaluation.inspect import Look  # noqa: PLC0415
        from losscli.evaluation.inspect import inspect as inspect_files  # noqa: PLC0415
        from losscli.evaluation.propose import probable_command  # noqa: PLC0415
        from losscli.readers.tables.where import Where  # noqa: PLC0415
        from losscli.report.of_findings import document_of_findings  # noqa: PLC0415
        from losscli.request.arguments import make_reading  # noqa: PLC0415

        warnings: list[str] = []
        reading = make_reading(input_format, header, delimiter)
        look = Look(full, reading, tuple(map(Where.parsed, where or ())))
        findings = inspect_files(files, look, warnings.append)
        proposal = probable_command(findings, look)
        command = None if proposal is None else str(proposal)
        document = document_of_findings(findings, command, warnings)
        report = open_report(format, sys.stdout)
        report.document(document)
        if command is not None and not report.shows_everything:
            say("note", f"probably: {command}")
        for warning in warnings:
            say("warning", warning)

    return action


def _inputs(loss: Loss) -> str:
    """Its arrays; those that may be left out in brackets."""
    return " ".join(one.name if one.required else f"[{one.name}]" for one in loss.arrays)


def _help(listed: Listed) -> str:
    """The summary, and the formula line for line."""
    alias = f" Short: {listed.alias}." if listed.alias else ""
    return escaped(f"{listed.summary}{alias}\n\n\b\n{listed.formula}")


def _command(name: str) -> Callable[..., Action]:
    """The command of a loss; its options follow from the loss's signature and docstring."""
    from losscli.cli.actions import answer  # noqa: PLC0415

    return _made_of(name, parameters_of, answer)


def _comparison_command(name: str) -> Callable[..., Action]:
    """The command that compares two models by a loss: its own, with a second input."""
    from losscli.cli.actions import answer_comparison  # noqa: PLC0415

    return _made_of(name, comparison_parameters, answer_comparison)


def _made_of(
    name: str,
    parameters_for: Callable[[Loss], list[inspect.Parameter]],
    act: Callable[[Loss, Words], None],
) -> Callable[..., Action]:
    """A command that has the parameters of a loss, and acts on what they were given."""
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    loss = LOSSES[name]

    def command(**words: object) -> Action:
        return partial(act, loss, words)

    parameters = parameters_for(loss)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command
