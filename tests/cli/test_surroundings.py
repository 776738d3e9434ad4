"""Little memory, few threads, unusual encodings and terminals."""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND, run_on_terminal

from losscli import evaluate


def start(*words: object, cwd: Path, **settings: Any) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *map(str, words)], cwd=cwd, text=True, **pipes | settings)


class TestSurroundings:
    @pytest.fixture
    def pair(self, tmp_path: Path) -> Path:
        np.save(tmp_path / "x.npy", np.arange(2_000_000.0))
        np.save(tmp_path / "y.npy", np.zeros(2_000_000))
        return tmp_path

    def test_little_memory(self, pair: Path) -> None:
        """600 MB of address space, including libraries."""
        limit = 600 << 20
        process = start(
            "l1",
            "x.npy",
            "y.npy",
            cwd=pair,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        assert process.communicate(timeout=60) == ("999999.5\n", "")

    def test_no_free_threads(self, pair: Path, monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
        def refuse(*arguments: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("threading.Thread.start", refuse)
        assert run("l1", pair / "x.npy", pair / "y.npy", "-j", "2")[:2] == (0, "999999.5\n")

    def test_a_thread_that_cannot_be_had_for_a_moment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No row is read twice or lost."""
        begin, begun = threading.Thread.start, itertools.count()

        def refuse_once(thread: threading.Thread) -> None:
            if next(begun) == 0:
                raise RuntimeError("can't start new thread")
            begin(thread)

        rows = "".join(f"{k},0\n" for k in range(1_000_000))
        (tmp_path / "t.csv").write_text(f"x,y\n{rows}")
        for refused in (1, 2, 3):  # the first call reads the names
            begun = itertools.count(-refused)
            monkeypatch.setattr("threading.Thread.start", refuse_once)
            found = evaluate(
                "l1", str(tmp_path / "t.csv"), threads=2, input_column="x", target_column="y"
            )
            assert (found.count, found.value) == (1_000_000, 499_999.5)

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
    def test_any_encoding(self, pair: Path, encoding: str) -> None:
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"}
        found = subprocess.run(
            [*COMMAND, "losses"], cwd=pair, env=environment, capture_output=True, check=True
        )
        assert found.stderr == b""
        assert ("\\u03a3" if encoding != "utf-8" else "Σ") in found.stdout.decode(encoding)

    @pytest.mark.parametrize("columns", [20, 40])
    def test_a_narrow_terminal(self, pair: Path, columns: int) -> None:
        words = [*COMMAND, "l1", "x.npy", "y.npy", "--top", "2", "--histogram"]
        shown = run_on_terminal(words, columns=columns, cwd=pair)
        assert shown.startswith("l1")
        assert "1000000" in shown  # 999999.5 with four digits

    def test_a_dumb_terminal(self, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        process = start(
            "l1", "x.npy", "y.npy", "-f", "table", cwd=pair, env={**os.environ, "TERM": "dumb"}
        )
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert "\x1b" not in out
