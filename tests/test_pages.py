"""The README and the docs are correct: examples run, tables are up to date, and CI runs the test
command."""

from __future__ import annotations

import doctest
import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from pages import PAGES, README, TABLE, examples, losses_table, run_example
from picture import PICTURE, draw, words

NUMBER = re.compile(r"(\d+\.\d+(?:e[+-]\d+)?)")


@pytest.mark.parametrize(
    ("page", "columns", "shown"),
    [
        pytest.param(*example, marks=pytest.mark.slow if example[0] == "screens.md" else ())
        for example in examples()
    ],
)
def test_an_example_prints_what_is_shown(page: str, columns: str, shown: str) -> None:
    """Numbers are compared as numbers, because another processor may round float32 differently."""
    assert parts(run_example(shown, int(columns or 80))) == parts(shown)


def parts(text: str) -> list[Any]:
    """The text between the numbers, and the numbers. They agree on all machines to 1e-6, or to a
    unit of the last decimal."""
    pieces = NUMBER.split(text)
    return [_number(piece) if NUMBER.fullmatch(piece) else piece for piece in pieces]


def _number(text: str) -> Any:
    decimals = len(text.partition("e")[0].partition(".")[2])
    unit = 0.0 if "e" in text else 1.01 * 10.0**-decimals
    return pytest.approx(float(text), rel=1e-6, abs=unit)


def test_there_are_examples() -> None:
    assert len(examples()) >= 15


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


def test_the_picture_shows_what_the_commands_print() -> None:
    """If this fails, run tests/pages.py."""
    found = parts("\n".join(words(draw())))
    assert found == parts("\n".join(words(PICTURE.read_text(encoding="utf-8"))))


def test_the_table_of_losses() -> None:
    """If this fails, run tests/pages.py."""
    text = (ROOT / "docs" / "losses.md").read_text(encoding="utf-8")
    assert TABLE.findall(text) == [losses_table()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_examples(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_guide_adds_a_statistic(tmp_path: Path) -> None:
    """A new file in the package adds an option, a line on the terminal and a key in JSON."""
    guide = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    block = guide[guide.index('    """The share') : guide.index("\n- `of` returns")]
    shutil.copytree(ROOT / "losscli", tmp_path / "losscli")
    file = tmp_path / "losscli" / "statistics" / "large.py"
    file.write_text(textwrap.dedent(block), encoding="utf-8")
    words = [sys.executable, "-m", "losscli", "mse", "1,2,5", "1,4,5", "--large", "-f", "json"]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["large"] == pytest.approx(
        1 / 3
    )  # the squared errors are 0, 4 and 0


def test_ci_runs_the_test_command_of_the_readme() -> None:
    [command] = re.findall(r"^(python3 .*pytest)$", README.read_text("utf-8"), re.MULTILINE)
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
