"""Make the screenshots of pages in docs/pages, with Chromium.

python tests/screenshots.py
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "browser")]

from browsing import chromium  # noqa: E402 - in the folder that was added

from losscli.cli.main import main  # noqa: E402

FOLDER = ROOT / "docs" / "pages"
LOGITS, SECOND, LABELS = (
    f"sample_data/digits_{name}.npy" for name in ("logits", "second_logits", "labels")
)


class Shot(NamedTuple):
    """A picture of the top of a page.

    Args:
        words: the command that writes the page
        width: the width of the window
        height: the height of the picture
        theme: light or dark
    """

    words: tuple[str, ...]
    width: int = 840
    height: int = 1150
    theme: str = "light"


RESULT = ("ce", LOGITS, LABELS, "--by", "class", "--calibration")
SHOTS = {
    "result": Shot(RESULT),
    "comparison": Shot(("compare", "ce", LOGITS, SECOND, LABELS, "--by", "class")),
    "verification": Shot(("verify", "run.json", "--root", "."), height=520),
    "phone": Shot(RESULT, width=390, height=1150, theme="dark"),
}


def take(browser: Any, name: str, shot: Shot) -> None:
    """Write the page of a shot, and its picture."""
    assert main([*shot.words, "-f", "json", "--report", "report.html"]) == 0
    size = {"width": shot.width, "height": shot.height}
    with browser.new_context(viewport=size, color_scheme=shot.theme) as context:
        page = context.new_page()
        page.goto(Path("report.html").absolute().as_uri())
        page.screenshot(path=FOLDER / f"{name}.png")


def main_of_screenshots() -> None:
    """Take all pictures in a folder with the sample data."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copytree(ROOT / "sample_data", "sample_data")
        assert main([*RESULT, "-f", "json", "--record", "run.json"]) == 0
        with chromium() as browser:
            for name, shot in SHOTS.items():
                take(browser, name, shot)


if __name__ == "__main__":
    main_of_screenshots()
