"""Whatever ends the working process, the command prints one line and sets an exit code."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import COMMAND

# Every test starts processes.
pytestmark = pytest.mark.slow

# The command, with one step replaced.
_SCRIPT = """
import os, signal, sys
sys.argv = ["losscli", "mse", "x.npy", "x.npy"]
import losscli.cli.main
{step}
from losscli.__main__ import run
run()
"""

# A library that prints a reason and aborts the process.
_CRASH = """
def crash(words):
    os.write(2, b"/arrow/reader.cc:7:  Check failed: a > 0\\n/lib/arrow.so(+0x2b)[0x7f]\\n")
    os.kill(os.getpid(), {number})
losscli.cli.main._run = crash
"""

# A signal to the working or the waiting process when a certain line of the package runs.
_SIGNAL = """
lines, first = 0, os.getpid()
def trace(frame, event, argument):
    global lines
    if "/losscli/" not in frame.f_code.co_filename:
        return None
    lines += 1
    if lines == {at}:
        waits = os.getppid() if os.getpid() != first else first
        os.kill(waits if {to_waiting} else os.getpid(), {number})
    return trace
sys.settrace(trace)
"""


def run(step: str, folder: Path) -> subprocess.CompletedProcess[str]:
    np.save(folder / "x.npy", np.arange(3.0))
    words = [sys.executable, "-c", _SCRIPT.format(step=step)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGSEGV, "SIGSEGV, so a file may be damaged or malicious"),
        (signal.SIGABRT, "SIGABRT, so a file may be damaged or malicious"),
        (signal.SIGKILL, "SIGKILL, which the system sends when memory runs out"),
        (signal.SIGBUS, "SIGBUS, which the system sends when a file is truncated while it is read"),
    ],
)
def test_a_library_that_ends_the_process(number: int, reason: str, tmp_path: Path) -> None:
    found = run(_CRASH.format(number=int(number)), tmp_path)
    said = "(/arrow/reader.cc:7:  Check failed: a > 0)"
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"losscli: error: x.npy, x.npy: reading ended with {reason} {said}\n"


def test_what_a_library_says_is_passed_on(tmp_path: Path) -> None:
    step = """
before = losscli.cli.main._run
def noisy(words):
    os.write(2, b"a library is worried\\n")
    before(words)
losscli.cli.main._run = noisy
"""
    found = run(step, tmp_path)
    assert (found.returncode, found.stdout) == (0, "0.0\n")
    assert found.stderr == "a library is worried\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_waiting", [True, False])
def test_a_signal_at_any_line(number: signal.Signals, to_waiting: bool, tmp_path: Path) -> None:
    """Before and after main, there was a traceback."""
    says = "interrupted" if number == signal.SIGINT else "terminated"
    for at in (1, 50, 200, 240, 260, 280, 300, 1000, 9000, 17_000):
        step = _SIGNAL.format(at=at, to_waiting=to_waiting, number=int(number))
        found = run(step, tmp_path)
        ended = found.returncode, found.stdout, found.stderr
        assert ended in (
            (128 + number, "", f"losscli: error: {says}\n"),
            (128 + number, "", "losscli: error: interrupted after 0 elements\n"),
            (128 + number, "", "losscli: error: interrupted after 3 elements; their mean is 0\n"),
            (128 + number, "0.0\n", f"losscli: error: {says}\n"),  # after the result
            (0, "0.0\n", ""),
        ), at


@pytest.mark.parametrize("output", ["o.npy", "o.parquet"])
def test_killed_as_it_waits(output: str, tmp_path: Path) -> None:
    """The working process then ends too, and removes partial files."""
    rows = np.zeros(1 << 22)
    np.save(tmp_path / "y.npy", rows)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": rows.shape}
    )
    reader, writer = os.pipe()
    words = ["l1", "-", "y.npy", "-o", output]
    with subprocess.Popen([*COMMAND, *words], cwd=tmp_path, stdin=reader) as process:
        os.close(reader)
        os.write(writer, header.getvalue() + bytes(1 << 12))
        wait_until(lambda: len(os.listdir(tmp_path)) == 2)
        process.kill()
    wait_until(lambda: os.listdir(tmp_path) == ["y.npy"])
    wait_until(lambda: not takes_more(writer))
    os.close(writer)


def takes_more(pipe: int) -> bool:
    """Whether a process has the other end of a pipe open."""
    try:
        os.write(pipe, bytes(1))
    except BrokenPipeError:
        return False
    return True


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(100):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it is not so after ten seconds")
