"""Helpers of several tests: the sample data, and losscli as a command and on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import settings

from losscli.cli.main import main

# No test depends on how busy the machine is.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")

Run = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_data"
COMMAND = [sys.executable, "-m", "losscli"]


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to the folder with the sample data."""
    monkeypatch.chdir(SAMPLES)
    return SAMPLES


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run losscli in this process and return the exit code, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return (code, *capsys.readouterr())

    return run


def run_command(
    *arguments: object, cwd: Path = SAMPLES, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run losscli as a separate process, with pipes as streams."""
    words = [*COMMAND, *map(str, arguments)]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        words, cwd=cwd, capture_output=True, text=True, check=False, **settings
    )


def run_on_terminal(
    command: list[str],
    columns: int = 80,
    lines: int = 24,
    cwd: Path = SAMPLES,
    in_colour: bool = False,
    with_bars: bool = False,
) -> str:
    """What a command shows on a terminal of the given size."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")
    }
    scripts = str(Path(sys.executable).parent)
    environment |= {
        "NO_COLOR": "" if in_colour else "1",
        "TERM": "xterm-256color",
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        command, cwd=cwd, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    )
    # Some systems lose the last lines if no process has the terminal open any more. This process
    # keeps the terminal open until it has read all lines.
    Thread(target=_mark_end, args=(process, terminal)).start()
    shown = b""
    while not shown.endswith(_END):
        shown += os.read(reader, 1 << 16)
    os.close(terminal)
    os.close(reader)
    text = shown.removesuffix(_END).decode().replace("\r\n", "\n")
    text = text if with_bars else _BAR.sub("", text)
    return text if in_colour else re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


# No command writes this text.
_END = b"\0"

# The progress bar, from hiding the cursor until the line is cleared. A busy machine is slow enough
# to show it.
_BAR = re.compile(r"\x1b\[\?25l.*?\x1b\[\?25h(?:\r?\n?\x1b\[1A\x1b\[2K)*", re.DOTALL)


def _mark_end(process: subprocess.Popen[bytes], terminal: int) -> None:
    process.wait()
    os.write(terminal, _END)
