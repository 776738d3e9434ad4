"""Print the help of a command: usage, summary, aligned descriptions of options, and examples."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any, NamedTuple

import typer.core

# The column where descriptions begin, and the widest line of text.
_EDGE, _WIDEST = 32, 100

# Parameters that the short help shows, in this order.
_COMMON = (
    "input_column",
    "target_column",
    "weight",
    "ignore_index",
    "from_",
    "reduction",
    "by",
    "top",
    "id",
    "where",
    "output",
    "format",
    "fail_above",
    "fail_if_worse",
    "quiet",
    "help",
)


class Entry(NamedTuple):
    """A line of a section: names on the left, a description on the right."""

    names: str
    text: str


class Section(NamedTuple):
    """Entries below a heading."""

    heading: str
    entries: Sequence[Entry]


class Page(NamedTuple):
    """The help of a command.

    Args:
        title: the words of the command, or the names of a loss
        summary: one sentence
        details: paragraphs below the summary, whose line breaks are kept
        sections: arguments and options
        examples: commands
        closing: a sentence at the end
    """

    title: str
    summary: str = ""
    details: Sequence[str] = ()
    sections: Sequence[Section] = ()
    examples: Sequence[str] = ()
    closing: str = ""


class About(NamedTuple):
    """The parts of a command's help that do not describe its parameters."""

    summary: str
    details: Sequence[str] = ()
    examples: Sequence[str] = ()
    sections: Sequence[Section] = ()


class Command(typer.core.TyperCommand):
    """A command that prints its help as a `Page`. Subclasses set `about` and `is_short`."""

    about = About("")
    is_short = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help. Typer calls this for `--help`."""
        show(_page(self, ctx, self.about, is_short=self.is_short))


class Group(typer.core.TyperGroup):
    """A group of commands that prints its help as a `Page`. Subclasses set `about`."""

    about = About("")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help. Typer calls this for `--help`."""
        show(_page(self, ctx, self.about, is_short=False))


def show(page: Page) -> None:
    """Print a page, with bold headings on a terminal."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    is_bold = sys.stdout is not None and sys.stdout.isatty()
    print("\n".join(_lines(page, max(width, 20), is_bold=is_bold)))


def command_class(about: About, *, is_short: bool = False) -> type[Command]:
    """A subclass of Command with this text."""
    return type("Described", (Command,), {"about": about, "is_short": is_short})


def group_class(about: About) -> type[Group]:
    """A subclass of Group with this text."""
    return type("DescribedGroup", (Group,), {"about": about})


def sentence(text: str) -> str:
    """The text with a capital letter, and with a full stop before any `[default: ...]`."""
    text, bracket, default = text.partition(" [default")
    ended = text if text.endswith((".", ":")) else f"{text}."
    return f"{ended[0].upper()}{ended[1:]}{bracket}{default}"


def _page(command: Any, ctx: Any, about: About, *, is_short: bool) -> Page:
    shown = [parameter for parameter in command.get_params(ctx) if not parameter.hidden]
    title = _usage(ctx.command_path, shown, is_group=isinstance(command, Group))
    if not is_short:
        sections = (*about.sections, *_sections(shown))
        return Page(title, about.summary, about.details, sections, about.examples)
    by_name = {parameter.name: parameter for parameter in shown}
    entries = [_shortened(_entry(by_name[name])) for name in _COMMON if name in by_name]
    return Page(
        title,
        about.summary,
        sections=[Section("Common options", entries)],
        examples=about.examples,
        closing=f"{ctx.command_path} --help shows all options.",
    )


def _usage(path: str, parameters: Iterable[Any], *, is_group: bool) -> str:
    """The usage line. Arrays after the first are optional: they may be columns of the first."""
    if is_group:
        return f"Usage: {path} COMMAND [OPTIONS] ..."
    first, *others = map(_metavar, filter(_is_argument, parameters))
    optional = (name if name.startswith("[") else f"[{name}]" for name in others)
    return " ".join(["Usage:", path, first, *optional, "[OPTIONS]"])


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _sections(parameters: Iterable[Any]) -> Iterator[Section]:
    """The parameters by panel, with arguments first and other options last."""
    panels: dict[str, list[Entry]] = {}
    for parameter in parameters:
        is_argument = _is_argument(parameter)
        panel = "Arguments" if is_argument else parameter.rich_help_panel or "Options"
        panels.setdefault(panel, []).append(_entry(parameter))
    last = panels.pop("Options", None)
    yield from (Section(*panel) for panel in panels.items())
    if last:
        yield Section("Options", last)


def _entry(parameter: Any) -> Entry:
    text = sentence(parameter.help or "")
    if _is_argument(parameter):
        return Entry(_metavar(parameter), text)
    if parameter.name == "help":
        return Entry("-h, --help", "Show this help. -h is short, --help is complete.")
    has_default = parameter.show_default and not parameter.is_flag
    if has_default and parameter.default is not None:
        text += f" [default: {parameter.default}]"
    return Entry(_names(parameter), text)


def _names(option: Any) -> str:
    """The short names of an option, its long names and its metavar."""
    forms = sorted(option.opts, key=lambda form: form.startswith("--"))
    names = ", ".join((*forms, *option.secondary_opts))
    indent = "    " if forms[0].startswith("--") else ""
    metavar = f" {option.metavar}" if option.metavar and not option.is_flag else ""
    return f"{indent}{names}{metavar}"


def _shortened(entry: Entry) -> Entry:
    """The entry with only the first sentence of its text, and the default."""
    text, bracket, default = entry.text.partition(" [default")
    first = text.partition(". ")[0].rstrip(".")
    return Entry(entry.names, f"{first}.{bracket}{default}")


def _lines(page: Page, width: int, *, is_bold: bool) -> Iterator[str]:
    def heading(text: str) -> str:
        return f"\x1b[1m{text}:\x1b[0m" if is_bold else f"{text}:"

    yield from wrap(page.title, width, subsequent_indent="  ")
    if page.summary:
        yield from ["", *wrap(page.summary, width)]
    for paragraph in page.details:
        yield ""
        for text in paragraph.splitlines():
            yield from _wrapped(text, width)
    examples = [f"  {command}" for command in page.examples]
    examples = ["", heading("Examples"), *examples] if examples else []
    options: list[str] = []
    for section in page.sections:
        options += ["", heading(section.heading)]
        for entry in section.entries:
            options += _entry_lines(entry, width)
    # The short help begins with examples. The full help ends with them, just above the prompt.
    yield from [*examples, *options, "", page.closing] if page.closing else [*options, *examples]


def _wrapped(text: str, width: int) -> list[str]:
    """A line of text, wrapped, with its indent."""
    indent = " " * (len(text) - len(text.lstrip()))
    return wrap(text, width, subsequent_indent=f"{indent}  " if indent else "") or [""]


def _entry_lines(entry: Entry, width: int) -> list[str]:
    """The names with the description on the right, or below long names."""
    edge = min(_EDGE, width // 2)
    text = wrap(entry.text, width - edge)
    names = f"  {entry.names}"
    if len(names) > edge - 2 or not text:
        return [names, *(f"{' ' * edge}{line}" for line in text)]
    first, *others = text
    return [f"{names:{edge}}{first}", *(f"{' ' * edge}{line}" for line in others)]
