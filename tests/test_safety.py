"""What comes from strangers, and what goes wrong on the way: one line, and nothing half done."""

from __future__ import annotations

import csv
import fcntl
import io
import itertools
import json
import math
import os
import pty
import resource
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COMMAND, run_on_terminal
from hypothesis import given
from hypothesis import strategies as st

from losscli import evaluate
from losscli.errors import DataError, UsageError
from losscli.text import harmless_cell, plain_markdown, printable

EVIL = "\x1b[31mred\x1b[0m[bold]b|*x*\u202e"


def start(*words: object, cwd: Path, **settings: Any) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *map(str, words)], cwd=cwd, text=True, **pipes | settings)


class TestText:
    @given(st.text())
    def test_nothing_printable_steers(self, text: str) -> None:
        shown = printable(text)
        assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in shown)
        assert "\u202e" not in shown
        shown.encode()

    @given(st.text(alphabet="aé日 1.5-_"))
    def test_what_is_harmless_stays(self, text: str) -> None:
        assert printable(text) == text

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
    def test_no_cell_is_a_formula(self, text: str) -> None:
        assert harmless_cell(text) == "'" + text

    def test_markdown_shows_it_as_it_is(self) -> None:
        assert plain_markdown("<b>|[x](y)") == r"\<b\>\|\[x\](y)"
        assert plain_markdown("weight_sum _so_") == r"weight_sum \_so\_"


class TestNames:
    """Labels and columns that want to be more than text."""

    @pytest.fixture
    def table(self, tmp_path: Path) -> Path:
        path = tmp_path / "t.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(
                [["part", "x", "y"], [EVIL, 1.5, 0.0], ["=1+1", 2.5, 0.0], ["b", 0.5, 0.0]]
            )
        return path

    def words(self, table: Path, form: str) -> list[object]:
        return ["l1", table, "-i", "x", "-t", "y", "--by", "part", "-q", "-f", form]

    def test_on_a_terminal(self, table: Path) -> None:
        words = [str(word) for word in self.words(table, "table")]
        shown = run_on_terminal([*COMMAND, *words], columns=100)
        assert "\\x1b[31mred\\x1b[0m[bold]b|*x*\\u202e" in shown
        assert "\x1b" not in shown

    def test_each_loss_on_a_terminal(self, tmp_path: Path) -> None:
        rows = f"{EVIL},b,label\n-0.5,-1.0,{EVIL}\n-2.0,-0.25,b\n"
        (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
        words = [*COMMAND, "nll", "t.csv", "-r", "none", "--no-check"]
        shown = run_on_terminal(words, columns=120, cwd=tmp_path)
        assert "\\x1b[31mred\\x1b[0m[bold]b|*x*\\u202e" in shown
        assert "\u202e" not in shown

    def test_in_a_pipe(self, run: Any, table: Path) -> None:
        _, groups = run(*self.words(table, "plain"))[1].split("\n\n")
        assert groups.splitlines()[2].startswith("\\x1b[31mred")

    def test_in_csv(self, run: Any, table: Path) -> None:
        _, groups = run(*self.words(table, "csv"))[1].split("\n\n")
        rows = list(csv.reader(io.StringIO(groups)))
        assert [row[0] for row in rows] == ["part", "'=1+1", EVIL, "b"]

    def test_in_markdown(self, run: Any, table: Path) -> None:
        _, groups = run(*self.words(table, "markdown"))[1].split("\n\n")
        assert r"\\x1b\[31mred\\x1b\[0m\[bold\]b\|\*x\*\\u202e" in groups.splitlines()[3]

    def test_in_json_it_is_itself(self, run: Any, table: Path) -> None:
        found = json.loads(run(*self.words(table, "json"))[1])
        assert found["groups"][1]["group"] == EVIL

    def test_in_errors(self, run: Any, tmp_path: Path) -> None:
        code, _, err = run("l1", tmp_path / f"{EVIL}.npy", "1")
        assert code == 1
        assert "\x1b" not in err
        assert "\\x1b[31mred" in err

    def test_in_files_of_losses(self, run: Any, table: Path, tmp_path: Path) -> None:
        path = tmp_path / "o.csv"
        assert run(*self.words(table, "plain"), "-o", path)[0] == 0
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert [row[2] for row in rows] == ["part", EVIL, "'=1+1", "b"]


class TestNan:
    X, Y = [1.0, math.nan, 4.0, math.nan], [0.0] * 4

    def test_it_counts_and_is_told_of(self) -> None:
        found = evaluate("l1", self.X, self.Y)
        assert math.isnan(found.value or 0.0)
        assert found.warnings == ("the result is NaN: the loss of 2 elements is, first at [1]",)

    def test_it_is_an_error(self) -> None:
        with pytest.raises(DataError, match=r"the loss at \[1\] is NaN \(--on-nan error\)"):
            evaluate("l1", self.X, self.Y, on_nan="error")

    def test_it_is_left_out_and_counted_apart(self) -> None:
        found = evaluate("l1", self.X, self.Y, on_nan="skip")
        assert (found.value, found.count, found.ignored, found.skipped) == (2.5, 2, 2, 2)
        assert found.warnings == ("left out 2 elements whose loss is NaN, first at [1]",)
        weighted = evaluate("l1", self.X, self.Y, weight=[1, 5, 3, 5], on_nan="skip")
        assert weighted.value == (1 + 12) / 4

    def test_of_sequences(self) -> None:
        x = np.log(np.full((2, 2, 3), 1 / 3))
        x[:, 1] = math.nan
        found = evaluate("ctc", x, [[1], [1]], [2, 2], [1, 1], on_nan="skip", check=False)
        assert (found.count, found.skipped) == (1, 1)
        assert found.value == pytest.approx(-math.log(3 / 9))

    def test_no_other_word(self) -> None:
        with pytest.raises(
            UsageError, match="--on-nan is 'drop'; expected one of warn, error, skip"
        ):
            evaluate("l1", self.X, self.Y, on_nan="drop")

    def test_command(self, run: Any) -> None:
        assert run("l1", "1,nan", "0,0", "--on-nan", "skip")[:2] == (0, "1.0\n")
        assert run("l1", "1,nan", "0,0", "--on-nan", "error") == (
            1,
            "",
            "losscli: error: the loss at [1] is NaN (--on-nan error)\n",
        )


class TestSignals:
    @pytest.fixture
    def slow(self, tmp_path: Path) -> Path:
        """A pipe that gives the first rows of an array and then nothing more."""
        os.mkfifo(tmp_path / "x.npy")
        np.save(tmp_path / "y.npy", np.zeros(1 << 22))
        return tmp_path

    def begin(self, slow: Path, *words: str, **settings: Any) -> tuple[subprocess.Popen[str], Any]:
        process = start("l1", "-", "y.npy", *words, cwd=slow, stdin=subprocess.PIPE, **settings)
        assert process.stdin is not None
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 22,)}
        )
        process.stdin.buffer.write(header.getvalue() + np.ones(1 << 21).tobytes())
        process.stdin.flush()
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
        """A thread that waits for the rest of a table is not waited for."""
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
        """While the bar is on it."""
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
        """Which starts a command with the signal ignored."""
        ignore = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            process, pipe = self.begin(slow)
        finally:
            signal.signal(signal.SIGHUP, ignore)
        process.send_signal(signal.SIGHUP)
        pipe.buffer.write(np.ones(1 << 21).tobytes())
        assert process.communicate(timeout=20) == ("1.0\n", "")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_asked_to_end_as_the_file_is_made(self, number: int, tmp_path: Path) -> None:
        """The signal comes between the file's creation and what removes it."""
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
        """The old file or the new one, whole; `benchmarks` and notes tell of many more kills."""
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


class TestSurroundings:
    @pytest.fixture
    def pair(self, tmp_path: Path) -> Path:
        np.save(tmp_path / "x.npy", np.arange(2_000_000.0))
        np.save(tmp_path / "y.npy", np.zeros(2_000_000))
        return tmp_path

    def test_little_memory(self, pair: Path) -> None:
        """600 MB of addresses, libraries included."""
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
        """No row is read twice, and none is lost."""
        begin, begun = threading.Thread.start, itertools.count()

        def refuse_once(thread: threading.Thread) -> None:
            if next(begun) == 0:
                raise RuntimeError("can't start new thread")
            begin(thread)

        rows = "".join(f"{k},0\n" for k in range(1_000_000))
        (tmp_path / "t.csv").write_text(f"x,y\n{rows}")
        for refused in (1, 2, 3):  # the first one reads the names
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
        assert "999999.5" in shown.replace("\n", "") or "1e+06" in shown

    def test_a_dumb_terminal(self, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        process = start(
            "l1", "x.npy", "y.npy", "-f", "table", cwd=pair, env={**os.environ, "TERM": "dumb"}
        )
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert "\x1b" not in out
