"""CSV and JSON Lines: blank lines, quotes, chunks, positions in messages, and files that change."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import pytest
from conftest import COMMAND

from losscli import Wanted, evaluate
from losscli.errors import DataError, UsageError
from losscli.evaluation.inspect import InspectOptions, inspect
from losscli.readers.files import lines
from losscli.readers.files.lines import opening_quote, whole_lines, whole_rows


def l1(path: Path, text: str | bytes, **options: Any) -> list[float]:
    """The loss of each row of a text table."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    wanted = {"input_column": "x", "target_column": "y", "reduction": "none"}
    values: list[float] = evaluate("l1", path, **(wanted | options)).values.tolist()
    return values


def total(path: Path, **options: Any) -> tuple[float, int]:
    """The sum and the number of values of a table with one column."""
    result = evaluate("l1", path, np.array(0.0), reduction="sum", **options)
    return result.value, result.count


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 64 bytes, so that small files have many chunks."""
    monkeypatch.setattr(lines, "_CHUNK_BYTES", 64)


class TestBlankLines:
    @pytest.mark.parametrize(
        "text",
        [
            "\nx,y\n1,2\n3,5\n",
            "\n\n\nx,y\n1,2\n3,5\n",
            "\r\n\r\nx,y\r\n1,2\r\n3,5\r\n",
            "\ufeff\nx,y\n1,2\n3,5\n",
            "x,y\n\n1,2\n\n\n3,5\n\n",
        ],
    )
    def test_before_and_between_rows(self, text: str, tmp_path: Path) -> None:
        assert l1(tmp_path / "t.csv", text) == [1.0, 2.0]

    def test_before_names_that_are_numbers(self, tmp_path: Path) -> None:
        """pandas names columns without a name 0 and 1. The line of names is not a row."""
        values = l1(
            tmp_path / "t.csv", "\n\n0,1\n5,6.0\n7,9\n", input_column="0", target_column="1"
        )
        assert values == [1.0, 2.0]

    def test_before_rows_without_names(self, tmp_path: Path) -> None:
        values = l1(tmp_path / "t.csv", "\n5,6\n7,9\n", input_column="0", target_column="1")
        assert values == [1.0, 2.0]

    @pytest.mark.parametrize("row", ["1,2\n3,5\n", f"1,2,{'a' * 2_000_000}\n3,5,b\n"])
    def test_more_than_a_block_of_them(self, row: str, tmp_path: Path) -> None:
        names = "x,y,text" if "a" in row else "x,y"
        assert l1(tmp_path / "t.csv", "\n" * 1_500_000 + f"{names}\n\n{row}") == [1.0, 2.0]

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_are_missing_values_in_a_table_of_one_column(self, end: str, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_bytes(end.join(["x", "1", "", "3", "5", ""]).encode())
        with pytest.raises(
            DataError, match=r"x.csv:3: column 'x': expected a number, found no value"
        ):
            total(tmp_path / "x.csv")
        assert total(tmp_path / "x.csv", skip_missing=True) == (1 + 3 + 5, 3)

    def test_are_missing_where_one_column_has_no_name(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("\n1\n3\n")
        with pytest.raises(
            DataError, match=r"x.csv:1: column '0': expected a number, found no value"
        ):
            total(tmp_path / "x.csv")

    @pytest.mark.parametrize("blank", ["", "\n", "\n\n\n", "\r\n\r\n", "\n" * 1000])
    def test_at_the_end_are_no_rows(self, blank: str, small_chunks: None, tmp_path: Path) -> None:
        numbers = range(100)
        (tmp_path / "x.csv").write_text("x\n" + "".join(f"{n}\n" for n in numbers) + blank)
        assert total(tmp_path / "x.csv") == (sum(numbers), 100)

    def test_between_chunks_are_missing_values(self, small_chunks: None, tmp_path: Path) -> None:
        """A chunk ends after each of the blank lines and contains only that line."""
        (tmp_path / "x.csv").write_text("x\n" + "7\n" * 31 + "\n" * 200 + "9\n")
        assert total(tmp_path / "x.csv", skip_missing=True) == (31 * 7 + 9, 32)


class TestQuotes:
    def test_hold_line_breaks_where_a_chunk_ends(self, tmp_path: Path) -> None:
        """The quoted text contains rows that would change the number."""
        text = "x,y,text\n" + '1,0,"n\n9,0,x"\n' * 700_000
        (tmp_path / "t.csv").write_text(text)
        result = evaluate("l1", tmp_path / "t.csv", input_column="x", target_column="y")
        assert (result.value, result.count) == (1.0, 700_000)

    @pytest.mark.slow
    @pytest.mark.parametrize("quoted", ['"a\n9,0,b"', '"""\n"', '"\n\n"', '",\n,"', '5" disk'])
    def test_of_every_kind_in_chunks_of_every_size(
        self, quoted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        text = "text,x,y\n" + "".join(f"{quoted},{n},0\n" for n in range(30))
        for size in range(1, 40):
            monkeypatch.setattr(lines, "_CHUNK_BYTES", size)
            assert l1(tmp_path / "t.csv", text) == list(range(30))

    def test_where_texts_may_be_cut(self) -> None:
        """Both parts together have the rows that Python's parser finds in the whole text."""
        rng = np.random.default_rng(11)
        for _ in range(5000):
            text = "".join(rng.choice(list('ab,,"""\n\n'), rng.integers(1, 30)))
            end = whole_rows(text.encode(), b",")
            assert rows(text[:end]) + rows(text[end:]) == rows(text), text
            for cut, mark in enumerate(text):
                if mark == "\n" and opening_quote(text.encode(), cut, b",") < 0:
                    assert rows(text[: cut + 1]) + rows(text[cut + 1 :]) == rows(text), text

    @pytest.mark.parametrize(
        ("text", "end"),
        [
            (b"", 0),
            (b"1,2", 0),
            (b"1,2\n3", 4),
            (b"1,2\n\n3", 4),
            (b"1,2\n\n\n3", 4),
            (b"1,2\r\n\r\n3", 5),
            (b"\n\n", 0),
            (b"\n\n1\r\n\r\n", 5),
            (b'1,"a\nb"\n2', 8),
            (b'1\n2,"a\nb', 2),
            (b'1\n2,"a\nb","c\nd",3', 2),
            (b'"a\n', 0),
            (b'5" disk\n2', 8),
        ],
    )
    def test_whole_rows(self, text: bytes, end: int) -> None:
        assert whole_rows(text, b",") == end
        if b'"' not in text:
            assert whole_lines(text) == end

    def test_that_nothing_closes(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"t.csv:3: unclosed quote"):
            l1(tmp_path / "t.csv", 'x,y,text\n1,2,"a"\n3,4,"b\n5,6,c\n')

    def test_around_a_text_longer_than_the_first_block(self, tmp_path: Path) -> None:
        text = "text,x,y\n" + ('"' + "one line\n" * 200_000 + '",3,1\n') * 4
        assert l1(tmp_path / "t.csv", text) == [2.0] * 4

    def test_around_more_line_breaks_than_a_block_has_in_the_first_row(
        self, tmp_path: Path
    ) -> None:
        """The type is determined from the whole row. A single line has no third column."""
        text = 'x,y,text\n1,0,"' + "line\n" * 300_000 + '"\n2,0,"b"\n'
        (tmp_path / "t.csv").write_text(text)
        found = inspect([str(tmp_path / "t.csv")], InspectOptions(), pytest.fail)
        assert [(one.name, one.dtype) for one in found] == [
            ("x", "float64"),
            ("y", "float64"),
            ("text", "names"),
        ]

    def test_in_names(self, tmp_path: Path) -> None:
        text = '"a\nlong; name","x","y"\n0,1,2\n0,3,5\n'
        assert l1(tmp_path / "t.csv", text) == [1.0, 2.0]

    def test_that_are_never_closed_are_not_held_without_end(self, tmp_path: Path) -> None:
        text = b'x,y,text\n1,2,"' + b"1,2,a\n" * (8 << 20)
        with pytest.raises(DataError, match=r":2: the line is longer than 32 MiB"):
            l1(tmp_path / "t.csv", text)


class TestLines:
    """Line numbers in messages are the line numbers of an editor."""

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("x,y\n1,2\n\n\n1,q\n", 5),
            ("\n\nx,y\n1,2\n1,q\n", 5),
            ('x,y,text\n1,2,"a\n\nb"\n1,q,c\n', 5),
            ('x,y,"te\nxt"\n1,2,"a\nb"\n1,q,"c\nd"\n', 5),
            ("x,y\r\n1,2\r\n\r\n\r\n1,q\r\n", 5),
            ("x,y\r1,2\r\r\r1,q\r", 5),
            ("x,y\n1,2\n\n\n1,q", 5),
        ],
    )
    def test_of_a_word(self, text: str, line: int, tmp_path: Path) -> None:
        assert text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[line - 1].startswith("1,")
        with pytest.raises(
            DataError, match=f"t.csv:{line}: column 'y': expected a number, found 'q'"
        ):
            l1(tmp_path / "t.csv", text)

    def test_of_a_row_that_is_too_short(self, tmp_path: Path) -> None:
        with pytest.raises(
            DataError, match=r":5: expected 2 columns as in the first line, found 1"
        ):
            l1(tmp_path / "t.csv", "x,y\n1,2\n\n\n1\n")

    @pytest.mark.parametrize(
        ("bad", "place"),
        [
            ("1,q\nq,2\n", ":7: column 'y': expected a number, found 'q'"),
            ("q,2\n1,q\n", ":7: column 'x': expected a number, found 'q'"),
            ("1\n1,q\n", ":7: expected 2 columns as in the first line, found 1"),
            ("1\n1,2,3\n", ":7: expected 2 columns as in the first line, found 1"),
            ('1,q\n"\n",2\nq,1\n', ":7: column 'y': expected a number, found 'q'"),
        ],
    )
    @pytest.mark.parametrize("before", ["1,2\n\n1,2\n\n\n", "\n\n\n\n\n"])
    def test_of_the_first_bad_row(self, before: str, bad: str, place: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=f"t.csv{place}"):
            l1(tmp_path / "t.csv", f"x,y\n{before}{bad}1,2\n")

    def test_in_a_table_of_one_column(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("x\n1\n\n\nq\n")
        with pytest.raises(DataError, match=r"x.csv:5: column 'x': expected a number, found 'q'"):
            total(tmp_path / "x.csv", skip_missing=True)

    @pytest.mark.parametrize("row", ["1,2,a\n", "\n1,2,a\n\n", '1,2,"a\n\nb"\n'])
    def test_beyond_the_first_chunk(self, row: str, small_chunks: None, tmp_path: Path) -> None:
        text = "x,y,text\n" + row * 500
        expected = f":{text.count(chr(10)) + 1}: column 'y': expected a number, found 'q'"
        with pytest.raises(DataError, match=expected):
            l1(tmp_path / "t.csv", f"{text}1,q,b\n{row}")

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ('{"x": }', ": JSON parse error: Invalid value"),
            ('{"x": "a"}', ": column 'x': expected a number as in the first megabyte, found text"),
        ],
    )
    def test_of_json(self, bad: str, said: str, small_chunks: None, tmp_path: Path) -> None:
        good = '{"x": 1.5, "y": 0}\n'
        with pytest.raises(DataError, match=f"t.jsonl:104{said}"):
            l1(tmp_path / "t.jsonl", good * 99 + "\n\n\n" + good + bad + "\n" + good)


class TestNames:
    def test_of_any_length(self, tmp_path: Path) -> None:
        long = "a" * 200_000
        assert l1(tmp_path / "t.csv", f"{long},y\n1,2\n3,5\n", input_column=long) == [1.0, 2.0]

    def test_a_first_cell_of_any_length(self, tmp_path: Path) -> None:
        text = f"{'0' * 200_000}9,5\n1,2\n"
        values = l1(tmp_path / "t.csv", text, input_column="0", target_column="1")
        assert values == [4.0, 1.0]

    def test_that_are_no_text(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"t.csv: a column name is not UTF-8.*iconv"):
            l1(tmp_path / "t.csv", b"\nx,\xe9,y\n1,2,3\n")

    @pytest.mark.parametrize("end", ["", "\n"])
    def test_without_rows(self, end: str, tmp_path: Path) -> None:
        assert l1(tmp_path / "t.csv", f"x,y{end}") == []

    def test_a_mark_of_byte_order_alone(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"t.csv: the file is empty"):
            l1(tmp_path / "t.csv", "\ufeff\n")


@pytest.mark.parametrize("delimiter", ["é", "😀", '"', "\n", "\r", "::", ""])
def test_a_delimiter_that_cannot_be_one(delimiter: str, run: Any) -> None:
    code, out, err = run("l1", "x.csv", "y.csv", "--delimiter", delimiter)
    assert (code, out) == (2, "")
    assert "expected one ASCII character, or tab" in err


def test_a_delimiter_is_any_other_character(tmp_path: Path) -> None:
    assert l1(tmp_path / "t.csv", "x#y\n1#2\n", delimiter="#") == [1.0]
    with pytest.raises(UsageError, match="--delimiter: expected one ASCII character"):
        l1(tmp_path / "t.csv", "x,y\n1,2\n", delimiter="é")


class TestListsThatAreMissing:
    """The first row with a list determines the length of the lists."""

    def parquet(self, path: Path, missing: int) -> Path:
        x = [None] * missing + [[1.0, 2.0], [3.0, 4.0], None, [1.0, 1.0]]
        y = [[0.0, 0.0]] * missing + [[0.0, 0.0], [3.0, 5.0], [0.0, 0.0], [0.0, 1.0]]
        table = pa.table({"x": pa.array(x, pa.list_(pa.float64())), "y": y})
        pa.parquet.write_table(table, path / "t.parquet", row_group_size=100)
        return path / "t.parquet"

    @pytest.mark.parametrize("missing", [0, 1, 3, 1000])
    def test_are_skipped(self, missing: int, tmp_path: Path) -> None:
        path = self.parquet(tmp_path, missing)
        result = evaluate(
            "l1", path, input_column="x", target_column="y", reduction="sum", skip_missing=True
        )
        assert (result.value, result.count) == (1 + 2 + 0 + 1 + 1 + 0, 6)

    def test_are_named(self, tmp_path: Path) -> None:
        path = self.parquet(tmp_path, 3)
        expected = (
            r"row 0, column 'x': expected a list of 2 as in row 3, found no list. Use --skip-mis"
        )
        with pytest.raises(DataError, match=expected):
            evaluate("l1", path, input_column="x", target_column="y")

    def test_in_every_row(self, tmp_path: Path) -> None:
        table = pa.table({"x": pa.array([None] * 5, pa.list_(pa.float64())), "y": [[1.0]] * 5})
        pa.parquet.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(DataError, match="row 0, column 'x': expected a list.*, found no list"):
            evaluate("l1", tmp_path / "t.parquet", input_column="x", target_column="y")


class TestThreads:
    """As many threads as allowed parse text, and pyarrow may start threads too."""

    @pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
    def test_python_has_none(
        self, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def start(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", start)
        text = "x,y\n1,2\n" if name == "t.csv" else '{"x": 1, "y": 2}\n'
        assert l1(tmp_path / name, text, threads=3) == [1.0]

    @pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
    def test_pyarrow_has_none(
        self, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def read(*arguments: Any) -> None:
            message = "Unknown error: Failed to launch worker thread: Resource temporarily"
            raise pa.ArrowException(message)

        monkeypatch.setattr(pyarrow.csv, "read_csv", read)
        monkeypatch.setattr(pyarrow.json, "read_json", read)
        text = "x,y\n1,2\n" if name == "t.csv" else '{"x": 1, "y": 2}\n'
        with pytest.raises(DataError, match=rf"{name}: cannot start a thread.* ulimit -u"):
            l1(tmp_path / name, text)

    @pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
    @pytest.mark.parametrize("threads", [1, 2, 3])
    def test_as_many_parse_as_there_may_be(
        self,
        name: str,
        threads: int,
        small_chunks: None,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """A single thread both parses text and computes losses."""
        module = pyarrow.csv if name == "t.csv" else pyarrow.json
        real = module.read_csv if name == "t.csv" else module.read_json
        at_once, most, others = 0, 0, set()
        lock, before = threading.Lock(), set(threading.enumerate())

        def read(*arguments: Any) -> pa.Table:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
                others.update({*threading.enumerate()} - before - {threading.current_thread()})
            time.sleep(0.002)
            with lock:
                at_once -= 1
            return real(*arguments)

        monkeypatch.setattr(module, real.__name__, read)
        rows = ["x,y", *["1,3"] * 400] if name == "t.csv" else ['{"x": 1, "y": 3}'] * 400
        assert l1(tmp_path / name, "\n".join([*rows, ""]), threads=threads) == [2.0] * 400
        assert most <= threads
        if threads == 1:
            assert others == set()


class TestFilesThatShrink:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "head", "row"),
        [
            ("t.csv", b"x,y\n", b"1.00000000,0.0000000\n"),
            ("t.jsonl", b"", b'{"x":1.000,"y":0.000}\n'),
        ],
    )
    def test_between_two_rows(self, name: str, head: bytes, row: bytes, tmp_path: Path) -> None:
        """The process waits for its output to be read while the file is truncated."""
        count = 3_000_000
        (tmp_path / name).write_bytes(head + row * count)
        size = len(head) + len(row) * (count // 2)
        with subprocess.Popen(
            [*COMMAND, "l1", name, "-i", "x", "-t", "y", "-r", "none"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.read(1000)
            time.sleep(0.5)
            os.truncate(tmp_path / name, size)
            line = process.communicate()[1].decode()
        assert process.returncode == 1
        problem = "the file changed while it was being read. Use a copy of the file."
        assert line == f"losscli: error: {name}: {problem}\n"


class TestJsonLines:
    def test_rows_in_chunks_of_every_size(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        text = "".join(json.dumps({"y": 0, "x": n, "text": "\n" * n}) + "\n" for n in range(30))
        for size in (1, 7, 64, 1000):
            monkeypatch.setattr(lines, "_CHUNK_BYTES", size)
            assert l1(tmp_path / "t.jsonl", text) == list(range(30))

    def test_a_line_longer_than_a_chunk(self, small_chunks: None, tmp_path: Path) -> None:
        rows = [{"x": 3, "y": 1}, {"x": 3, "y": 1, "text": "a" * 5000}, {"x": 3, "y": 1}]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        assert l1(tmp_path / "t.jsonl", text) == [2.0] * 3

    @pytest.mark.parametrize(
        ("first", "later", "kind", "other"),
        [
            ("null", "[1]", "a number", "a list"),
            ("null", '"dog"', "a number", "text"),
            ("null", "true", "a number", "a boolean"),
            ("1", "[1]", "a number", "a list"),
            ("[1]", '{"a": 1}', "a list", "an object"),
            ("[]", '["dog"]', "a number", "text in a list"),
            ("[1]", "[[1]]", "a number", "a list in a list"),
        ],
    )
    def test_other_than_the_first_block_tells(
        self, first: str, later: str, kind: str, other: str, tmp_path: Path
    ) -> None:
        text = f'{{"x": {first}, "y": 1}}\n' * 80_000 + f'{{"x": {later}, "y": 1}}\n'
        expected = (
            f"t.jsonl:80001: column 'x': expected {kind} as in the first megabyte, found {other}"
        )
        with pytest.raises(DataError, match=re.escape(expected)):
            l1(tmp_path / "t.jsonl", text)

    def test_labels_that_the_first_block_has_not(self, tmp_path: Path) -> None:
        text = '{"x": 1, "tag": null}\n' * 80_000 + '{"x": 3, "tag": "dog"}\n'
        (tmp_path / "t.jsonl").write_text(text)
        wanted = Wanted(by=("tag",))
        found = evaluate("l1", tmp_path / "t.jsonl", np.array(0.0), input_column="x", wanted=wanted)
        groups = {group.labels[0]: (group.value, group.count) for group in found.groups}
        assert groups == {"dog": (3.0, 1), None: (1.0, 80_000)}

    def test_blank_lines_before_a_row_longer_than_a_block(self, tmp_path: Path) -> None:
        row = json.dumps({"x": 3, "y": 1, "text": "a" * 2_000_000}) + "\n"
        assert l1(tmp_path / "t.jsonl", "\n" + row * 3) == [2.0] * 3

    def test_blank_lines_are_no_rows(self, small_chunks: None, tmp_path: Path) -> None:
        row = '{"x": 3, "y": 1}\n'
        assert l1(tmp_path / "t.jsonl", "\n\n" + row + "\n" * 200 + row + "\n" * 100) == [2.0] * 2

    def test_dates_that_are_one_time_are_several_labels(self, tmp_path: Path) -> None:
        dates = ["2020-01-01", "2020-01-01 00:00:00", "2020-01-01T00:00:00Z"]
        rows = [{"x": n, "y": 0, "day": day} for n, day in enumerate(dates)]
        (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        wanted = Wanted(by=("day",))
        found = evaluate(
            "l1", tmp_path / "t.jsonl", input_column="x", target_column="y", wanted=wanted
        )
        groups = {group.labels[0]: group.value for group in found.groups}
        assert groups == {dates[0]: 0.0, dates[1]: 1.0, dates[2]: 2.0}

    def test_dates_that_are_one_time_are_several_keys(self, tmp_path: Path) -> None:
        for name, key in ("a.jsonl", "2020-01-01"), ("b.jsonl", "2020-01-01T00:00:00Z"):
            (tmp_path / name).write_text(json.dumps({"id": key, "x": 1}) + "\n")
        with pytest.raises(DataError, match=r"b.jsonl: no row for 1 key .*\(2020-01-01\)"):
            evaluate("l1", tmp_path / "a.jsonl", tmp_path / "b.jsonl", id="id")

    def test_words_behind_dates_are_labels(self, tmp_path: Path) -> None:
        """The first block determines the types, and contains only dates."""
        text = '{"x": 1, "y": 0, "day": "2020-01-01"}\n' * 30_000
        (tmp_path / "t.jsonl").write_text(text + '{"x": 3, "y": 0, "day": "unknown"}\n')
        wanted = Wanted(by=("day",))
        found = evaluate(
            "l1", tmp_path / "t.jsonl", input_column="x", target_column="y", wanted=wanted
        )
        groups = {group.labels[0]: (group.value, group.count) for group in found.groups}
        assert groups == {"unknown": (3.0, 1), "2020-01-01": (1.0, 30_000)}


class TestSequences:
    """Rows that are lists, whose steps are the rows of the arrays."""

    def jsonl(self, path: Path, *rows: dict[str, Any]) -> Path:
        (path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path / "t.jsonl"

    GOOD: ClassVar = {"x": [[1, 2], [3, 4]], "y": [0, 1], "tag": 5.5}

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            (
                {"x": [[1, 2], [1, None]]},
                "column 'x': expected numbers, found a list with a missing value",
            ),
            ({"x": [[1, 2], None]}, "column 'x': expected a list of 2 as in line 2, found no list"),
            (
                {"x": [[1, 2], [1, 2, 3]]},
                "column 'x': expected a list of 2 as in line 2, found a list of 3",
            ),
            ({"y": [0, None]}, "column 'y': expected a number, found no value"),
            (
                {"tag": 1e17},
                "column 'tag': the floating-point label 1e+17 may be the rounding of several",
            ),
        ],
    )
    def test_a_step_is_named_by_its_row_of_the_file(
        self, bad: dict[str, Any], said: str, tmp_path: Path
    ) -> None:
        no_steps = {"x": [], "y": [], "tag": 0.5}
        path = self.jsonl(tmp_path, no_steps, self.GOOD, self.GOOD, self.GOOD | bad)
        with pytest.raises(DataError, match=re.escape(f"t.jsonl:4: {said}")):
            evaluate("ce", path, input_column="x", target_column="y", wanted=Wanted(by=("tag",)))

    LONG: ClassVar = {"x": [[1, 2], [1, 3], [5, 1]], "y": [0, 1, 1], "tag": 6.5}

    @pytest.mark.parametrize("gap", [{"x": None}, {"y": None}, {"x": None, "y": None}])
    @pytest.mark.parametrize("shift", [False, True])
    def test_rows_without_one_are_left_out(
        self, gap: dict[str, Any], shift: bool, tmp_path: Path
    ) -> None:
        gap = self.LONG | gap
        path = self.jsonl(tmp_path, gap, self.GOOD, gap, self.LONG, gap)
        found = evaluate(
            "ce",
            path,
            input_column="x",
            target_column="y",
            skip_missing=True,
            shift=shift,
            reduction="none",
        )
        expected = [
            np.log(np.exp(row["x"][step - shift]).sum()) - row["x"][step - shift][row["y"][step]]
            for row in (self.GOOD, self.LONG)
            for step in range(int(shift), len(row["y"]))
        ]
        np.testing.assert_allclose(found.values, expected, rtol=1e-12)
        assert (found.count, found.samples) == (len(expected), 2)

    def test_rows_without_any_are_named(self, tmp_path: Path) -> None:
        path = self.jsonl(tmp_path, self.GOOD, self.LONG | {"y": None})
        expected = r"t.jsonl:2: column 'y': expected a sequence, found no value.*--skip-missing"
        with pytest.raises(DataError, match=expected):
            evaluate("ce", path, input_column="x", target_column="y")

    def test_rows_of_several_files_are_not_left_out_of_one(self, tmp_path: Path) -> None:
        self.jsonl(tmp_path, self.GOOD, self.LONG).rename(tmp_path / "y.jsonl")
        path = self.jsonl(tmp_path, self.GOOD, self.LONG | {"x": None})
        with pytest.raises(
            DataError, match=r"t.jsonl:2: column 'x': expected a sequence, found no value"
        ):
            evaluate(
                "ce",
                input=path,
                target=tmp_path / "y.jsonl",
                input_column="x",
                target_column="y",
                skip_missing=True,
            )

    def test_labels_of_another_length_are_named_as_the_file_does(self, tmp_path: Path) -> None:
        path = self.jsonl(tmp_path, self.GOOD | {"tag": ["a", "b"]}, self.LONG | {"tag": ["a"]})
        expected = "t.jsonl:2: .*equal length, found 3 in column 'x' and 1 in column 'tag'"
        with pytest.raises(DataError, match=expected):
            evaluate("ce", path, input_column="x", target_column="y", wanted=Wanted(by=("tag",)))


def rows(text: str) -> list[list[str]]:
    """The rows of a text according to Python's parser."""
    return list(csv.reader(io.StringIO(text, newline="")))
