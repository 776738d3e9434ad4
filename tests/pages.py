"""Generate parts of the README and the docs: output of examples, the table of losses, the picture.

    python tests/pages.py

A test fails if a page differs from the generated text.
"""

from __future__ import annotations

import re

from conftest import ROOT, run_on_terminal
from picture import PICTURE, draw

from losscli.losses import kebab
from losscli.losses.registry import LOSSES

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = re.compile(r"```console(?: columns=(\d+))?\n(.*?)```", re.DOTALL)
TABLE = re.compile(r"(?<=<!-- losses -->\n).*?(?=<!-- end of losses -->)", re.DOTALL)


def main() -> None:
    for page in PAGES:
        text = EXAMPLE.sub(_renewed, page.read_text(encoding="utf-8"))
        page.write_text(TABLE.sub(lambda match: losses_table(), text), encoding="utf-8")
    PICTURE.write_text(draw(), encoding="utf-8")


def examples() -> list[tuple[str, str, str]]:
    """The page, the number of columns and the text of each example."""
    return [
        (page.name, columns, shown)
        for page in PAGES
        for columns, shown in EXAMPLE.findall(page.read_text(encoding="utf-8"))
    ]


def _renewed(match: re.Match[str]) -> str:
    shown = run_example(match[2], int(match[1] or 80))
    opening = match[0].partition("\n")[0]
    return f"{opening}\n{shown}```"


def run_example(shown: str, columns: int) -> str:
    """The command lines of an example (`$ ...`), each followed by what the command prints on a
    terminal."""
    commands = [line for line in shown.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{_output(command[2:], columns)}" for command in commands)


def _output(command: str, columns: int) -> str:
    text = run_on_terminal(["bash", "-c", command], columns=columns, cwd=ROOT)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def losses_table() -> str:
    """The table of losses in the docs."""
    rows = [
        (
            f"`{loss.name}`" + (f", `{loss.alias}`" if loss.alias else ""),
            loss.formula,
            f"`{loss.source.short}`",
            ", ".join(
                [f"{array.name}" for array in loss.arrays]
                + [f"`--{kebab(option.name)}`" for option in loss.options]
            ),
        )
        for loss in LOSSES.values()
    ]
    header = ("command", "loss of an element", "source", "takes")
    lines = (header, ["---"] * len(header), *rows)
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


if __name__ == "__main__":
    main()
