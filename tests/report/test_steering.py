"""Labels and names neither control a terminal nor break a format."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import COMMAND, run_on_terminal
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from losscli.text import plain_markdown

# Control characters of 7 and 8 bits, characters that reverse text, and Unicode line breaks.
STEERING = "\x1b[31m\x07\x7f\x9b31m\u202e\u2066\u2028\u2029"


def table_of(label: str, folder: Path) -> list[str]:
    """A command that groups by a column with this label."""
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["part", "x", "y"], [label, 1.5, 0.0], ["b", 2.5, 0.0]])
    return [*COMMAND, "l1", "t.csv", "-i", "x", "-t", "y", "--by", "part", "-q"]


class TestSteering:
    @pytest.mark.slow
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
    @pytest.mark.slow
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
    """Some sites add `$`, bare links and mentions to CommonMark."""

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
