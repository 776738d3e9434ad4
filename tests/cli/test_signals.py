"""Interrupts and signals leave no partial files."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND

# Every test starts processes.
pytestmark = pytest.mark.slow


def start(*words: object, cwd: Path, **settings: Any) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *map(str, words)], cwd=cwd, text=True, **pipes | settings)


class TestSignals:
    @pytest.fixture
    def slow(self, tmp_path: Path) -> Path:
        """A pipe with the first rows of an array, and no further data."""
        os.mkfifo(tmp_path / "x.npy")
        np.save(tmp_path / "y.npy", np.zeros(1 << 22))
        return tmp_path

    @pytest.fixture(autouse=True)
    def pipes(self) -> Iterator[None]:
        """Copies of pipes, which stay open when `communicate` closes the pipes."""
        self.copies: list[int] = []
        yield
        for copy in self.copies:
            os.close(copy)

    def begin(self, slow: Path, *words: str, **settings: Any) -> tuple[subprocess.Popen[str], Any]:
        process = start("l1", "-", "y.npy", *words, cwd=slow, stdin=subprocess.PIPE, **settings)
        assert process.stdin is not None
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 22,)}
        )
        process.stdin.buffer.write(header.getvalue() + np.ones(1 << 21).tobytes())
        process.stdin.flush()
        self.copies.append(os.dup(process.stdin.fileno()))
        time.sleep(1.0)
        return process, process.stdin

    def test_an_interrupt_says_what_was_done(self, slow: Path) -> None:
        process, _ = self.begin(slow)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)
        assert (process.returncode, out) == (130, "")
        assert err.startswith("losscli: error: interrupted after ")
        assert err.endswith(" elements; their mean is 1\n")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("rows", [1, 300_000])
    @pytest.mark.parametrize("row", ["1,0\n", '{"x": 1, "y": 0}\n'])
    def test_a_pipe_that_is_quiet_keeps_nothing_up(
        self, row: str, rows: int, number: signal.Signals, tmp_path: Path
    ) -> None:
        """losscli does not wait for a thread that waits for the rest of a table."""
        words = ["l1", "-", "-i", "x", "-t", "y"]
        with start(*words, cwd=tmp_path, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(("x,y\n" if row[0] == "1" else "") + row * rows)
            process.stdin.flush()
            time.sleep(1.0)
            process.send_signal(number)
            assert process.wait(timeout=5) == 128 + number

    @pytest.mark.parametrize(
        ("number", "output"),
        [
            (signal.SIGTERM, "o.npy"),
            (signal.SIGHUP, "o.npy"),
            (signal.SIGINT, "o.npy"),
            (signal.SIGINT, "o.parquet"),
            (signal.SIGINT, "o.csv"),
        ],
    )
    def test_nothing_half_done_stays(self, slow: Path, number: signal.Signals, output: str) -> None:
        (slow / output).write_text("old")
        process, _ = self.begin(slow, "-o", output)
        process.send_signal(number)
        _, err = process.communicate(timeout=5)
        assert process.returncode == 128 + number
        assert len(err.splitlines()) == 1
        assert (slow / output).read_text() == "old"
        assert sorted(os.listdir(slow)) == sorted([output, "x.npy", "y.npy"])

    def test_a_terminal_that_is_closed(self, slow: Path) -> None:
        """The terminal is closed while it shows the progress bar."""
        reader, terminal = pty.openpty()
        process, pipe = self.begin(
            slow,
            *("-o", "o.npy"),
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
            pass_fds=[terminal],
        )
        os.close(terminal)
        time.sleep(0.5)
        pipe.buffer.write(np.ones(1 << 20).tobytes())
        pipe.flush()
        shown = b""
        while b"elements" not in shown:
            shown += os.read(reader, 1 << 16)
        os.close(reader)
        process.communicate(timeout=5)
        assert process.returncode == 128 + signal.SIGHUP
        assert sorted(os.listdir(slow)) == ["x.npy", "y.npy"]

    def test_nohup_keeps_it_going(self, slow: Path) -> None:
        """nohup starts a command with SIGHUP ignored."""
        ignore = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            process, pipe = self.begin(slow)
        finally:
            signal.signal(signal.SIGHUP, ignore)
        process.send_signal(signal.SIGHUP)
        pipe.buffer.write(np.ones(1 << 21).tobytes())
        os.close(self.copies.pop())
        assert process.communicate(timeout=20) == ("1.0\n", "")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_asked_to_end_as_the_file_is_made(self, number: int, tmp_path: Path) -> None:
        """The signal arrives after the temporary file is created, and before its removal is
        registered."""
        np.save(tmp_path / "x.npy", np.arange(3.0))
        script = (
            "import os, tempfile\n"
            "made = tempfile.NamedTemporaryFile\n"
            "def make(*arguments, **settings):\n"
            "    file = made(*arguments, **settings)\n"
            f"    os.kill(os.getpid(), {int(number)})\n"
            "    return file\n"
            "tempfile.NamedTemporaryFile = make\n"
            "import sys\n"
            "sys.argv = ['losscli', 'l1', 'x.npy', '0', '-o', 'o.npy']\n"
            "from losscli.__main__ import run\n"
            "run()\n"
        )
        found = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=False
        )
        assert found.returncode == 128 + number
        assert os.listdir(tmp_path) == ["x.npy"]

    def test_killed_at_any_moment(self, tmp_path: Path) -> None:
        """The path contains the complete old file or the complete new file."""
        x = np.arange(300_000.0)
        np.save(tmp_path / "x.npy", x)
        target = tmp_path / "o.npy"
        np.save(target, np.zeros(3))
        for delay in np.linspace(0.15, 0.5, 12):
            process = start("l1", "x.npy", "x.npy", "-o", "o.npy", cwd=tmp_path)
            time.sleep(delay)
            process.kill()
            process.communicate()
            assert np.load(target).shape in ((3,), x.shape)
