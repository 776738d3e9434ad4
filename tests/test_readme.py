"""The README is true: its examples run, its table is the registry, its commands are CI's."""

from __future__ import annotations

import doctest
import re
from typing import Any

import pytest
from conftest import ROOT
from readme import EXAMPLE, README, TABLE, losses_table, run_example

TEXT = README.read_text(encoding="utf-8")
EXAMPLES = EXAMPLE.findall(TEXT)
NUMBER = re.compile(r"(\d+\.\d+(?:e[+-]\d+)?)")


@pytest.mark.parametrize(("columns", "shown"), EXAMPLES)
def test_an_example_prints_what_is_shown(columns: str, shown: str) -> None:
    """Another processor may round float32 otherwise: numbers are compared as numbers."""
    assert parts(run_example(shown, int(columns or 80))) == parts(shown)


def parts(text: str) -> list[Any]:
    """The text between the numbers, and the numbers, which agree on all machines to 1e-6."""
    pieces = NUMBER.split(text)
    return [
        pytest.approx(float(piece), rel=1e-6) if NUMBER.fullmatch(piece) else piece
        for piece in pieces
    ]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


def test_the_table_of_losses() -> None:
    """If not: python tests/readme.py."""
    assert TABLE.findall(TEXT) == [losses_table()]


def test_the_python_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    examples = doctest.DocTestParser().get_doctest(
        "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)), {}, "README", None, 0
    )
    assert examples.examples
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_ci_runs_the_test_command_of_the_readme() -> None:
    [command] = re.findall(r"^(python3 .*pytest)$", TEXT, re.MULTILINE)
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
