"""All commands: one per loss, made from the registry, compare, and the tools."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from losscli._version import __version__
from losscli.cli.help import (
    About,
    Entry,
    Section,
    command_class,
    group_class,
)
from losscli.cli.tools import Action, add_tools, details_of
from losscli.losses import LISTED, Listed

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
    add_tools(app)
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
    about = About(loss.summary, details_of(loss), examples_of(loss))
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
