"""The picture of a terminal in the README, drawn from a real run."""

from __future__ import annotations

import io
import re

from conftest import ROOT, run_on_terminal
from rich.console import Console
from rich.text import Text

PICTURE = ROOT / "docs" / "terminal.svg"

_COMMANDS = (
    "losscli inspect sample_data/digits.parquet",
    "losscli ce sample_data/digits.parquet --by class -q",
)
_COLUMNS = 84

# The parts of the picture that rich would load from other sites.
_FONT_FACES = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def draw() -> str:
    """Run the commands and return their output as SVG."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO())
    for command in _COMMANDS:
        console.print(Text.assemble(("$ ", "green"), command))
        shown = run_on_terminal(
            ["bash", "-c", command], columns=_COLUMNS, lines=40, cwd=ROOT, in_colour=True
        )
        console.print(Text.from_ansi(shown))
    return _FONT_FACES.sub("", console.export_svg(title="losscli", unique_id="losscli"))


def words(picture: str) -> list[str]:
    """The text that a picture contains."""
    return re.findall(r"<text[^>]*>(.*?)</text>", picture)
