"""Every command with stdout and stderr as terminals, pipes and full disks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import COMMAND, SAMPLES, run_on_terminal

# Every test starts processes.
pytestmark = pytest.mark.slow


def in_shell(words: str, cwd: Path = SAMPLES) -> subprocess.CompletedProcess[str]:
    """Run a line in a shell, with `losscli` as the command."""
    line = re.sub(r"\blosscli\b", " ".join(COMMAND), words)
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, capture_output=True, text=True, check=False
    )


class TestNobodyReadsStderr:
    """A closed stderr changes neither the output nor the exit code."""

    @pytest.mark.parametrize("stderr", ["2>/dev/full", "2> >(exec true)", "2>&-"])
    @pytest.mark.parametrize(
        ("words", "code", "answer"),
        [
            ("ce digits.parquet", 0, "0.4057333999790036\n"),
            ("l1 2 0 --fail-above 1", 3, "2.0\n"),
            ("l1 2 0 --nothing", 2, ""),
            ("l1 none.npy 0", 1, ""),
        ],
    )
    def test_it(self, words: str, code: int, answer: str, stderr: str) -> None:
        # The other end of the pipe is closed a moment later.
        found = in_shell(f"exec {stderr}; sleep 0.1; exec losscli {words}")
        assert (found.returncode, found.stdout) == (code, answer)


# Each command, and a text that its output contains.
ANSWERS = {
    "--help": "Usage",
    "--version": "losscli",
    "ce --help": "Usage",
    "compare --help": "Usage",
    "compare ce --help": "Usage",
    "losses": "cross-entropy",
    "ce digits.parquet --by class --top 2 --histogram": "0.743",
    "ce digits.parquet -r none": "0.",
    "compare ce digits.parquet digits.parquet": "0.4057",
    "inspect digits.parquet": "logits",
}


@pytest.mark.parametrize("words", ANSWERS)
class TestEachCommand:
    """Every command, for every kind of output."""

    def test_without_a_terminal(self, words: str) -> None:
        found = in_shell(f"TERM= setsid losscli {words} < /dev/null")
        assert (found.returncode, "\x1b" in found.stdout) == (0, False)
        assert ANSWERS[words] in found.stdout

    @pytest.mark.parametrize(
        "settings", ["COLUMNS=²", "COLUMNS=0", "TERMINAL_WIDTH=wide", f"LINES={'9' * 5000}"]
    )
    def test_on_a_terminal_with_an_odd_size(self, words: str, settings: str) -> None:
        shown = run_on_terminal(["env", settings, *COMMAND, *words.split()])
        assert ANSWERS[words] in shown

    def test_on_a_narrow_terminal(self, words: str) -> None:
        for columns in (20, 1):
            shown = run_on_terminal([*COMMAND, *words.split()], columns=columns)
            assert "losscli: error" not in shown
            # No line is cut, except in the help, which typer prints. One column would be
            # unreadable.
            assert "…" not in shown or "help" in words or columns == 1

    def test_on_a_dumb_terminal(self, words: str) -> None:
        shown = run_on_terminal(["env", "TERM=dumb", *COMMAND, *words.split()])
        assert ANSWERS[words] in shown
        assert "\x1b" not in shown

    def test_into_a_closed_pipe(self, words: str) -> None:
        found = in_shell(f"(sleep 0.1; exec losscli {words}) | exec true; echo ${{PIPESTATUS[0]}}")
        assert (found.stdout, found.stderr) == ("141\n", "")

    @pytest.mark.parametrize(
        ("stdout", "problem"),
        [(">&-", "standard output is closed"), (">/dev/full", "No space left on device")],
    )
    def test_into_nothing(self, words: str, stdout: str, problem: str) -> None:
        found = in_shell(f"losscli {words} {stdout}")
        assert found.returncode == 1
        assert found.stderr == f"losscli: error: cannot write the result: {problem}\n"

    def test_where_nobody_reads_stderr(self, words: str) -> None:
        for stderr in ("2>&-", "2>/dev/full"):
            found = in_shell(f"losscli {words} {stderr}")
            assert found.returncode == 0
            assert ANSWERS[words] in found.stdout


def test_a_library_that_cannot_be_loaded() -> None:
    """A missing pyarrow behaves like a pyarrow that does not fit into memory."""
    program = "import sys; sys.modules['pyarrow'] = None; from losscli.cli.main import main; "
    found = subprocess.run(
        [sys.executable, "-c", f"{program} sys.exit(main(['ce', 'digits.parquet']))"],
        cwd=SAMPLES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        "losscli: error: cannot load a library: import of pyarrow halted; None in sys.modules. "
        "Raise the memory limit (ulimit -v), or reinstall the library.\n"
    )


def test_what_goes_wrong_as_something_is_forgotten() -> None:
    """An interrupt may arrive while Python clears weak references."""
    lines = (
        "import weakref, losscli.__main__ as command, losscli.cli.main as inner",
        "def interrupt(reference): raise KeyboardInterrupt",
        "inner.main = lambda signals: (weakref.ref(set(), interrupt), 7)[1]",
        "command.run()",
    )
    found = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (7, "", "")
