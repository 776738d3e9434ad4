"""A pipe whose reader ends early."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import COMMAND

# Every test starts processes.
pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(200_000))
    for form in ("plain", "csv", "jsonl", "table", "json"):
        command = f"{' '.join(COMMAND)} l1 x.npy x.npy -r none -f {form} | head -1 > /dev/null"
        script = f"{command}; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert (done.stdout, done.stderr) == ("141\n", ""), form
