"""Messages about text files name the line of the file, also after many chunks."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Run

from losscli.readers.files.lines import Chunk, LineNumbers, Lines


def lines_of(text: bytes, first: int) -> Lines:
    return Chunk(text, len(text), first).lines


def test_the_last_line_of_a_chunk_may_have_no_line_break() -> None:
    assert lines_of(b"1\n2\n", 7) == Lines(7, 2)
    assert lines_of(b"1\n2", 7) == Lines(7, 2)
    assert Chunk(b"1\n2\n3", 4, 7).lines == Lines(7, 2)


class TestLineNumbers:
    def test_below_a_header(self) -> None:
        lines = LineNumbers()
        lines.add(Lines(2, 2), 0, 2)
        lines.add(Lines(4, 2), 2, 2)
        assert [lines.line_of(row) for row in range(-1, 5)] == [None, 2, 3, 4, 5, None]

    def test_a_chunk_with_blank_lines_has_no_lines(self) -> None:
        """The lines of its rows are not known without reading the chunk again."""
        lines = LineNumbers()
        lines.add(lines_of(b"1\n\n2\n", 1), 0, 2)
        lines.add(lines_of(b"3\n4", 4), 2, 2)
        assert [lines.line_of(row) for row in range(4)] == [None, None, 4, 5]

    def test_a_second_pass_adds_nothing(self) -> None:
        lines = LineNumbers()
        for _ in range(2):
            lines.add(Lines(1, 2), 0, 2)
            lines.add(Lines(3, 1), 2, 1)
        assert [lines.line_of(row) for row in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_missing_value_far_into_a_file(threads: int, tmp_path: Path, run: Run) -> None:
    rows = [f"{number},0.5" for number in range(600_000)]
    rows[543_210] = ",0.5"
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *rows]))
    words = ("mse", tmp_path / "t.csv", "-i", "x", "-t", "y", "-j", threads)
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert f"t.csv:{543_210 + 2}: column 'x': expected a number, found no value" in err
    (tmp_path / "t.csv").write_text("\n".join(["x,y", "", *rows]))
    assert "t.csv:543213: column 'x'" in run(*words)[2]


def test_after_a_cell_of_two_lines_in_the_same_chunk_it_is_the_row(
    tmp_path: Path, run: Run
) -> None:
    (tmp_path / "t.csv").write_text('x,y,note\n1,2,"a\nb"\n,3,c\n')
    err = run("mse", tmp_path / "t.csv", "-i", "x", "-t", "y")[2]
    assert "t.csv: row 1, column 'x': expected a number, found no value" in err


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("p,y\n0.5,1\n1.5,0\n", ["bce"], "input in line 3 is 1.5"),
        ("a,b,y\n-1,-1,0\n-1,2,1\n", ["nll", "-i", "a,b"], "input in line 3, column 'b' is 2.0"),
        ("a,b,y\n-1,-1,0\n-1,-2,7\n", ["nll", "-i", "a,b"], "target in line 3 is 7.0"),
        ("-1,-1,0\n-1,-2,7\n", ["nll", "-i", "0,1", "-t", "2"], "target in line 2 is 7.0"),
    ],
)
def test_a_value_that_the_loss_refuses(
    text: str, words: list[str], place: str, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "t.csv").write_text(text)
    target = [] if "-t" in words else ["-t", "y"]
    code, out, err = run(words[0], tmp_path / "t.csv", *words[1:], *target)
    assert (code, out) == (1, "")
    assert f"t.csv: {place}; expected" in err
