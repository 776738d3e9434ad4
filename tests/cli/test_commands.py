"""The version, and shell completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import run_command

import losscli

pytestmark = pytest.mark.usefixtures("samples")


def test_version() -> None:
    run = run_command("--version")
    assert (run.returncode, run.stdout) == (0, f"losscli {losscli.__version__}\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gauss", ["gaussian-nll"]),
        ("ce --fr", ["--from"]),
        ("compare hub", ["huber"]),
        ("compare ce --fail-if-w", ["--fail-if-worse"]),
    ],
)
def test_completion(typed: str, offered: list[str]) -> None:
    words = f"losscli {typed}"
    asked = {"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": words}
    environment = {**os.environ, **asked, "COMP_CWORD": str(words.count(" "))}
    command = Path(sys.executable).with_name("losscli")
    found = subprocess.run([command], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == offered
