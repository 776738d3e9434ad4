"""The help: short and full, groups, examples, suggestions for misspelt names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import COMMAND, Run, run_on_terminal

from losscli.cli.examples import comparison_examples_of, examples_of
from losscli.cli.help import sentence
from losscli.cli.main import main
from losscli.losses import LISTED
from losscli.losses.registry import LOSSES

PAGES = [
    [],
    ["inspect"],
    ["losses"],
    ["compare"],
    *([name] for name in LISTED),
    *(["compare", name] for name in LISTED),
]


def page(capsys: Any, *words: str) -> str:
    assert main([*words]) == 0
    return str(capsys.readouterr().out)


def options(text: str) -> list[tuple[str, str]]:
    """The long name and the description of each option on a page."""
    entries = re.findall(
        r"^  (?:-\w, |    )(--.*?)(?:\n {20,}|  +)(\S.*(?:\n {20,}\S.*)*)", text, re.M
    )
    return [(names.split(",")[0].split()[0], " ".join(words.split())) for names, words in entries]


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_every_option_is_explained_in_a_sentence_with_a_verb(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    explained = options(page(capsys, *words, "--help"))
    assert explained
    for name, text in explained:
        first = text.split()[0]
        assert first in VERBS, (name, text)
        assert text.rstrip("]").rpartition(" [")[0].endswith(".") or text.endswith("."), text


# The description of an option begins with a verb.
VERBS = {
    *("Add", "Clip", "Compare", "Compute", "Count", "Divide", "Drop", "Exit", "Group", "Hide"),
    *("Ignore", "Install", "Keep", "Let", "Measure", "Name", "Normalise", "Pair", "Print"),
    *(
        "Reduce",
        "Report",
        "Return",
        "Set",
        "Show",
        "Skip",
        "Split",
        "Spread",
        "Treat",
        "Use",
        "Warn",
    ),
    *("Raise", "Read", "Weight", "Write"),
}


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_descriptions_have_one_left_edge(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for switch in ("-h", "--help"):
        lines = page(capsys, *words, switch).splitlines()
        entries = [line for line in lines if re.match(r"  (-|    --)", line)]
        begins = {len(line) - len(line[30:].lstrip()) for line in entries if line[30:32] == "  "}
        assert begins <= {32}
        assert all(len(line) <= 80 for line in lines if not line.startswith("  losscli"))


@pytest.mark.parametrize("name", LISTED)
def test_the_short_help_has_examples_and_a_dozen_options(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    short, full = page(capsys, name, "-h"), page(capsys, name, "--help")
    assert len(options(short)) <= 16 < len(options(full))
    assert short.index("Examples:") < short.index("Common options:")
    assert full.index("Examples:") > full.index("Options:")
    assert short.count("\n  losscli ") == full.count("\n  losscli ") == 3
    text = " ".join(full.split())
    assert all(line in text for line in LOSSES[name].formula.splitlines())


@pytest.mark.parametrize(
    "example",
    [
        one
        for loss in LOSSES.values()
        for one in (*examples_of(loss), *comparison_examples_of(loss))
    ],
)
def test_an_example_needs_only_its_files(example: str, tmp_path: Path, run: Run) -> None:
    """The options of an example are valid: the first error is the missing file."""
    name, *words = shlex.split(example)
    assert name == "losscli"
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert err.endswith("No such file or directory\n")


def test_losses_are_in_groups(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys, "--help")
    headings = re.findall(r"^(\S.*):$", text, re.M)
    assert headings == [
        "Start here",
        "Classification",
        "Regression",
        "Ranking and sequences",
        "Options",
        "Examples",
    ]
    assert all(re.search(rf"^  {name}\b", text, re.M) for name in LISTED)
    assert "  cross-entropy, ce  " in text


@pytest.mark.parametrize(
    ("words", "same"),
    [(["help"], ["--help"]), (["help", "ce"], ["ce", "--help"])],
)
def test_the_command_help(
    words: list[str], same: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert page(capsys, *words) == page(capsys, *same)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["ce", "t.csv", "--were", "a=b"], "there is no option --were. Did you mean --where?"),
        (["ce", "t.csv", "--sep", ";"], "there is no option --sep. Use --delimiter."),
        (
            ["ce", "t.csv", "--ignore_index", "1"],
            "there is no option --ignore_index. Did you mean --ignore-index?",
        ),
        (
            ["ce", "t.csv", "--zebra", "1"],
            "there is no option --zebra. Run the command with --help for a list.",
        ),
        (["ce", "t.csv", "--top"], "option '--top' requires an argument."),
        (["ce", "t.csv", "--top", "x"], "--top: expected a whole number, found 'x'"),
        (["ce", "t.csv", "--clip", "x"], "--clip: expected a number, found 'x'"),
        (["focal", "a", "b", "--alpha", "x"], "--alpha: expected a number or none, found 'x'"),
        (["cee", "t.csv"], "there is no command cee. Did you mean ce?"),
        (
            ["compare", "loses", "t.csv"],
            "there is no command loses. Run losscli --help for a list.",
        ),
        (["version"], "there is no command version. Use --version."),
    ],
)
def test_words_that_are_not_known(words: list[str], line: str, run: Run) -> None:
    assert run(*words) == (2, "", f"losscli: error: {line}\n")


def test_on_a_terminal_headings_are_bold_and_lines_fit() -> None:
    for columns in (60, 80, 120):
        shown = run_on_terminal([*COMMAND, "ce", "-h"], columns=columns, in_colour=True)
        assert "\x1b[1mCommon options:\x1b[0m" in shown
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        fit = [line for line in plain.splitlines() if not line.startswith("  losscli")]
        assert max(map(len, fit)) <= min(columns, 100)


def test_a_default_follows_the_sentence() -> None:
    assert sentence("use it [default: 1]") == "Use it. [default: 1]"
