"""All commands: one per loss, made from the registry, and compare, losses and inspect."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from losscli._version import __version__
from losscli.cli.help import (
    About,
    Entry,
    Page,
    Section,
    command_class,
    group_class,
    sentence,
    show,
)
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
    SIGNATURE_HELP,
    WHERE_HELP,
)
from losscli.cli.process import say
from losscli.losses import LISTED, Listed
from losscli.report import FORMATS, open_report

# Modules that import NumPy are imported in functions: `losscli --help` then takes 115 ms instead of
# 245 ms.
if TYPE_CHECKING:
    from losscli.cli.words import Words
    from losscli.losses.registry import Loss

# The environment variable that a shell sets to request completion.
COMPLETE = "_LOSSCLI_COMPLETE"

_HEADINGS = {
    "classification": "Classification",
    "regression": "Regression",
    "ranking": "Ranking and sequences",
}

_START = Section(
    "Start here",
    (
        Entry("inspect", "Describe files and suggest the losscli command to run on them."),
        Entry("compare", "Compare two models on the same targets."),
        Entry("merge", "Merge the parts of a run."),
        Entry("verify", "Compute a record again, and compare files and numbers."),
        Entry("record", "Show a record, or print it for other programs."),
        Entry("replay", "Run a record on other files."),
        Entry("losses", "List the losses, or show the formula of one."),
        Entry("help", "Show the help of a command."),
    ),
)

# The commands that are not losses.
OTHER_COMMANDS = tuple(entry.names for entry in _START.entries)

_ABOUT = About(
    "Compute PyTorch losses from saved predictions.",
    examples=(
        "losscli nll log_probs.npy labels.npy",
        "losscli ce preds.parquet -t label --by class",
        "losscli inspect preds.csv",
        "losscli ce -h",
    ),
)
_ABOUT_COMPARE = About(
    "Compare two models on the same targets.",
    examples=(
        "losscli compare ce old.npy new.npy labels.npy",
        "losscli compare mse preds.parquet -i old -i new -t target",
    ),
)
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

# Returns whether the command line names any of the commands.
IsRequested = Callable[[Iterable[str]], bool]


def app_of(words: Sequence[str]) -> typer.Typer:
    """The application with all commands. Only commands among `words` get options, which saves
    50 ms."""
    completing = COMPLETE in os.environ
    is_short = "-h" in words

    def is_requested(names: Iterable[str]) -> bool:
        return completing or any(name in words for name in names)

    app = typer.Typer(
        name="losscli",
        cls=group_class(_ABOUT._replace(sections=(_START, *_groups()))),
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for listed in LISTED.values():
        names = _names(listed)
        command = (
            _command(listed.name, words, is_short=is_short) if is_requested(names) else _UNUSED
        )
        command.add_to(app, names)
    app.add_typer(_comparisons(is_requested, words, is_short=is_short), name="compare")
    app.command("losses", cls=command_class(_ABOUT_LOSSES))(_losses)
    app.command("merge", cls=command_class(_ABOUT_MERGE))(_merge)
    app.command("verify", cls=command_class(_ABOUT_VERIFY))(_verify)
    app.command("record", cls=command_class(_ABOUT_RECORD))(_record)
    app.command("replay", cls=command_class(_ABOUT_REPLAY))(_replay)
    app.command("inspect", cls=command_class(_ABOUT_INSPECT))(_inspect)
    return app


def full_words(words: Sequence[str]) -> Sequence[str]:
    """The words of a command, with `help ce` replaced by `ce --help`."""
    return [*words[1:], "--help"] if words[:1] == ["help"] else words


def _comparisons(is_requested: IsRequested, words: Sequence[str], *, is_short: bool) -> typer.Typer:
    """The commands `compare LOSS`."""
    about = _ABOUT_COMPARE._replace(sections=tuple(_groups()))
    app = typer.Typer(cls=group_class(about), no_args_is_help=True)
    if is_requested(["compare"]):
        for listed in LISTED.values():
            names = _names(listed)
            is_used = is_requested(names)
            command = _comparison(listed.name, words, is_short=is_short) if is_used else _UNUSED
            command.add_to(app, names)
    return app


def _names(listed: Listed) -> list[str]:
    return [name for name in (listed.name, listed.alias) if name]


def _groups() -> Iterable[Section]:
    """A section of the help for each group of losses."""
    for group, heading in _HEADINGS.items():
        losses = [listed for listed in LISTED.values() if listed.group == group]
        yield Section(
            heading, [Entry(", ".join(_names(listed)), listed.summary) for listed in losses]
        )


def _show_version(requested: bool) -> None:
    if requested:
        print(f"losscli {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    "--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit."
)


def _root(version: Annotated[bool, _VERSION] = False) -> None:
    """Declare the options of losscli itself."""


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
    return Page(name, loss.summary, _details(loss), [Section("Definition", entries)])


# The options of a result that has no options of its own.
_Decimals = Annotated[int | None, typer.Option(metavar="N", help=DECIMALS_HELP)]
_Signature = Annotated[bool, typer.Option("--signature", help=SIGNATURE_HELP)]
_FailAbove = Annotated[float | None, typer.Option(metavar="NUMBER", help=FAIL_ABOVE_HELP)]
_FailOn = Annotated[
    Literal["loss", "upper"] | None, typer.Option(metavar="loss|upper", help=FAIL_ON_HELP)
]
_Record = Annotated[str | None, typer.Option(metavar="FILE", help=RECORD_HELP)]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=QUIET_HELP)]


def _merge(
    *,
    parts: Annotated[
        list[str], typer.Argument(metavar="PART...", help="Files of parts, globs or directories.")
    ],
    format: Annotated[Literal[FORMATS] | None, _FORMAT] = None,  # type: ignore[valid-type]
    decimals: _Decimals = None,
    signature: _Signature = False,
    fail_above: _FailAbove = None,
    fail_on: _FailOn = None,
    record: _Record = None,
    quiet: _Quiet = False,
) -> Action:
    words = {
        "format": format,
        "decimals": decimals,
        "signature": signature,
        "fail_above": fail_above,
        "fail_on": fail_on,
        "record": record,
        "quiet": quiet,
    }

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
) -> Action:
    def action() -> None:
        from losscli.cli.records import answer_verify  # noqa: PLC0415

        answer_verify(path, root, files_only, strict, format)

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


def _replay(
    *,
    path: Annotated[str, _RECORD_FILE],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="A file in place of each file of the record."),
    ] = None,
    format: Annotated[Literal[FORMATS] | None, _FORMAT] = None,  # type: ignore[valid-type]
    decimals: _Decimals = None,
    signature: _Signature = False,
    fail_above: _FailAbove = None,
    fail_on: _FailOn = None,
    record: _Record = None,
    quiet: _Quiet = False,
) -> Action:
    words = {
        "format": format,
        "decimals": decimals,
        "signature": signature,
        "fail_above": fail_above,
        "fail_on": fail_on,
        "record": record,
        "quiet": quiet,
    }

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


def _details(loss: Loss) -> list[str]:
    formula = "\n".join(f"  {line}" for line in loss.formula.splitlines())
    return [formula, sentence(loss.symbols)] if loss.symbols else [formula]


class _Described:
    """A function that becomes a command, with its help."""

    def __init__(self, function: Callable[..., Action | None], about: About, *, is_short: bool):
        self._function = function
        self._class = command_class(about, is_short=is_short)

    def add_to(self, app: typer.Typer, names: Sequence[str]) -> None:
        """Add the command under its name, and as a hidden command under its alias."""
        for number, name in enumerate(names):
            app.command(name, cls=self._class, hidden=number > 0)(self._function)


def _nothing() -> None:
    """A placeholder for a command that is not requested."""


_UNUSED = _Described(_nothing, About(""), is_short=False)


def _command(name: str, arguments: Sequence[str], *, is_short: bool) -> _Described:
    """The command of a loss, with options from its signature and docstring."""
    from losscli.cli.examples import examples_of  # noqa: PLC0415
    from losscli.cli.options import parameters_of  # noqa: PLC0415
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    loss = LOSSES[name]
    about = About(loss.summary, _details(loss), examples_of(loss))
    function = _function(loss, parameters_of(loss), partial(_answer, arguments))
    return _Described(function, about, is_short=is_short)


def _answer(arguments: Sequence[str], loss: Loss, words: Words) -> None:
    """Evaluate a loss, or one part of it. `arguments` are the words of the command line."""
    if words["part"] is None and words["save_part"] is None:
        from losscli.cli.actions import answer  # noqa: PLC0415

        answer(loss, words, arguments)
    else:
        from losscli.cli.parts import answer_part  # noqa: PLC0415

        answer_part(loss, words, arguments)


def _comparison(name: str, arguments: Sequence[str], *, is_short: bool) -> _Described:
    """The command that compares two models by a loss, with a second input."""
    from losscli.cli.actions import answer_comparison  # noqa: PLC0415
    from losscli.cli.examples import comparison_examples_of  # noqa: PLC0415
    from losscli.cli.options import comparison_parameters  # noqa: PLC0415
    from losscli.losses.registry import LOSSES  # noqa: PLC0415

    loss = LOSSES[name]
    about = About(f"Compare two models by {loss.name}.", (), comparison_examples_of(loss))
    act = partial(answer_comparison, arguments)
    function = _function(loss, comparison_parameters(loss), act)
    return _Described(function, about, is_short=is_short)


def _function(
    loss: Loss, parameters: list[inspect.Parameter], act: Callable[[Loss, Words], None]
) -> Callable[..., Action]:
    """A function with these parameters. It returns an action that passes their values to `act`."""

    def command(**words: object) -> Action:
        return partial(act, loss, words)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command
