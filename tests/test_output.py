"""What goes to stdout, stderr and files, whatever they are: terminals, pipes, full disks."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import COMMAND, SAMPLES, run_on_terminal
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from losscli.text import plain_markdown

# Control characters of 7 and of 8 bits, what turns text around, and line breaks of Unicode.
STEERING = "\x1b[31m\x07\x7f\x9b31m\u202e\u2066\u2028\u2029"


def table_of(label: str, folder: Path) -> list[str]:
    """A command that groups by a column which holds that label."""
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["part", "x", "y"], [label, 1.5, 0.0], ["b", 2.5, 0.0]])
    return [*COMMAND, "l1", "t.csv", "-i", "x", "-t", "y", "--by", "part", "-q"]


class TestSteering:
    @pytest.mark.parametrize("form", ["table", "plain", "json", "jsonl", "csv", "markdown"])
    def test_no_format_steers_a_terminal(self, tmp_path: Path, form: str) -> None:
        words = [*table_of(STEERING, tmp_path), "-f", form]
        shown = run_on_terminal(words, columns=200, cwd=tmp_path)
        assert "31m" in shown
        assert not set("\x1b\x07\x7f\x9b\u202e\u2066\u2028\u2029") & set(shown)

    @pytest.mark.parametrize("form", ["json", "jsonl"])
    def test_json_escapes_it_everywhere(self, tmp_path: Path, form: str) -> None:
        words = [*table_of(f"é{STEERING}", tmp_path), "-f", form]
        out = subprocess.check_output(words, cwd=tmp_path, text=True, encoding="utf-8")
        escapes = r"\u001b[31m\u0007\u007f\u009b31m\u202e\u2066\u2028\u2029"
        assert f'"é{escapes}"' in out
        found = json.loads(out) if form == "json" else json.loads(out.split("\n")[2])
        label = found["groups"][1]["group"] if form == "json" else found["part"]
        assert label == f"é{STEERING}"

    def test_csv_in_a_pipe_keeps_it(self, tmp_path: Path) -> None:
        words = [*table_of(STEERING, tmp_path), "-f", "csv"]
        out = subprocess.check_output(words, cwd=tmp_path).decode()
        assert STEERING in out

    def test_a_file_of_json_lines(self, tmp_path: Path) -> None:
        words = [*table_of(STEERING, tmp_path), "-o", "o.jsonl"]
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
        text = (tmp_path / "o.jsonl").read_text(encoding="utf-8")
        assert text.isascii()
        assert json.loads(text.split("\n")[0])["part"] == STEERING


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
    @pytest.mark.parametrize("form", ["json", "jsonl"])
    def test_json_stays_json(self, tmp_path: Path, form: str, encoding: str) -> None:
        words = [*table_of("été😀", tmp_path), "-f", form]
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        out = subprocess.check_output(words, cwd=tmp_path, env=environment).decode(encoding)
        found = json.loads(out) if form == "json" else json.loads(out.splitlines()[2])
        label = found["groups"][1]["group"] if form == "json" else found["part"]
        assert label == "été😀"


class TestMarkdown:
    """`$`, bare links and mentions are what sites add to Markdown; the rest is CommonMark's."""

    @pytest.mark.parametrize(
        ("text", "escaped"),
        [
            ("&lt;i&gt;", r"\&lt;i\&gt;"),
            ("https://e.vil HTTP://e.vil", r"https\://e.vil HTTP\://e.vil"),
            ("www.e.vil", r"www\.e.vil"),
            ("$x$", r"\$x\$"),
            ("@bob, bob@e.vil", "<span>@</span>bob, bob<span>@</span>e.vil"),
            ("a: 1/2, e.g. @ 3", "a: 1/2, e.g. @ 3"),
        ],
    )
    def test_text_is_no_markup(self, text: str, escaped: str) -> None:
        assert plain_markdown(text) == escaped

    @given(st.text(alphabet="aéw1 &<>$@:/.*_`[]()|\\~!#;"))
    @example("&lt;i&gt; &#36;")
    def test_it_is_rendered_as_it_is(self, text: str) -> None:
        document = f"| x |\n| --- |\n| {plain_markdown(text)} |\n"
        page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(document)
        [cell] = re.findall(r"<td>(.*)</td>", page)
        assert html.unescape(re.sub("</?span>", "", cell)) == text.strip()


def in_shell(words: str, cwd: Path = SAMPLES) -> subprocess.CompletedProcess[str]:
    """What a shell's line gives, with `losscli` as the command."""
    line = re.sub(r"\blosscli\b", " ".join(COMMAND), words)
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, capture_output=True, text=True, check=False
    )


class TestNobodyReadsStderr:
    """It changes neither the answer nor the exit code."""

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
        # A moment later the other end of the pipe is closed.
        found = in_shell(f"exec {stderr}; sleep 0.1; exec losscli {words}")
        assert (found.returncode, found.stdout) == (code, answer)


# Each command, and what is in what it answers.
ANSWERS = {
    "--help": "Usage",
    "--version": "losscli",
    "ce --help": "Usage",
    "compare --help": "Usage",
    "compare ce --help": "Usage",
    "losses": "cross-entropy",
    "ce digits.parquet --by class --top 2 --histogram": "0.7432",
    "ce digits.parquet -r none": "0.",
    "compare ce digits.parquet digits.parquet": "0.4057",
    "inspect digits.parquet": "logits",
}


@pytest.mark.parametrize("words", ANSWERS)
class TestEachCommand:
    """Wherever its answer goes."""

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
            # Nothing is cut, but for the help, which typer shows; of one column there is no use.
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
    """pyarrow that is not there stands for memory that does not suffice for it."""
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
        "losscli: error: cannot load a library: import of pyarrow halted; None in sys.modules; "
        "it may lack memory (ulimit -v), or has to be installed anew\n"
    )


def test_what_goes_wrong_as_something_is_forgotten() -> None:
    """An interrupt may come while Python looks after its weak references."""
    lines = (
        "import weakref, losscli.__main__ as command",
        "def interrupt(reference): raise KeyboardInterrupt",
        "command.main = lambda: (weakref.ref(set(), interrupt), 7)[1]",
        "command.run()",
    )
    found = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (7, "", "")
