"""The progress bar."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from conftest import run_on_terminal


class TestProgress:
    """The progress bar, tested without a delay."""

    def script(self, *words: str) -> list[str]:
        lines = (
            "import losscli.report.progress as progress; from losscli.cli.main import main",
            "progress._DELAY = -1.0",
            f"main({list(words)!r})",
        )
        return [sys.executable, "-c", "; ".join(lines)]

    def test_on_a_terminal(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.ones(3_000_000))
        words = self.script("l1", "x.npy", "0", "-j", "1", "-f", "plain", "-q")
        shown = run_on_terminal(words, columns=100, cwd=tmp_path, with_bars=True)
        assert re.search(r"━+ +3,000,000 elements, [\d,]+/s 0:00:00", shown)
        assert "1.0\n" in shown

    def test_where_only_the_end_tells_how_much_there_is(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("x,y\n" + "1,0\n" * 1000)
        words = self.script("l1", "t.csv", "-i", "x", "-t", "y", "-f", "plain", "-q")
        assert "1,000 elements" in run_on_terminal(words, columns=100, cwd=tmp_path, with_bars=True)

    def test_nowhere_else(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.ones(3_000_000))
        found = subprocess.run(
            self.script("l1", "x.npy", "x.npy"), cwd=tmp_path, capture_output=True, check=True
        )
        assert (found.stdout, found.stderr) == (b"0.0\n", b"")
