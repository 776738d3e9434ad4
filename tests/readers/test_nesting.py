"""The nesting of JSON compared with Python's parser, and rows that crash Arrow's parser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli import evaluate
from losscli.errors import DataError
from losscli.readers import budget
from losscli.readers.files.nesting import long_lines, structure_of, structure_of_line

TEXTS = st.text(st.sampled_from('ab"\\[]{}:,\n '), max_size=5)
JSON = st.recursive(
    st.none() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=20,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=4)


def depth_of(value: Any) -> int:
    """The number of levels of lists and objects in a parsed value."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def keys_of(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(keys_of, value.values()))
    return sum(map(keys_of, value)) if isinstance(value, list) else 0


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.sampled_from([None, 1]))
def test_of_any_rows_it_is_what_python_finds(rows: list[Any], indent: int | None) -> None:
    text = "".join(f"{json.dumps(row, indent=indent)}\n" for row in rows).encode()
    expected = max(map(depth_of, rows)), max(map(keys_of, rows)), None
    assert structure_of(text) == expected
    if indent is None:
        for row in rows:
            line = json.dumps(row).encode()
            assert structure_of_line(line) == (depth_of(row), keys_of(row), None)


@given(st.lists(OBJECTS, min_size=1, max_size=4))
def test_of_lines_of_objects_only_the_long_ones_are_looked_at(rows: list[Any]) -> None:
    lines = [f"{json.dumps(row)}\r".encode() for row in rows]
    text = b"".join(line + b"\n" for line in lines)
    long = [line for line in lines if len(line) > 2 * budget.MOST_DEPTH]
    assert long_lines(text, len(text)) in (long, None)
    plain = b'{"x":1,"y":{"z":2}}\n\n{"x":[1]}\n'
    assert long_lines(plain, len(plain)) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("null\n", 1),
        ('null\n{"x":1,"y":2}\n', 1),
        ('{"x":1,"y":2}\nnull\n', 2),
        ('{"x":1,"y":2} null {"x":1,"y":2}\n', 1),
        ('{"x":1,"y":2}\n{"x":1,"y":2}null\n', 2),
        ('{"x":1,\n"y":2}\n\n7\n', 4),
        ('"a"\n', 1),
    ],
)
def test_a_row_that_is_no_object_is_named(text: str, line: int, tmp_path: Path) -> None:
    """Arrow's parser ends the process at a null between rows."""
    (tmp_path / "t.jsonl").write_text(text)
    with pytest.raises(DataError, match=rf"t.jsonl:{line}: expected a JSON object"):
        evaluate("l1", tmp_path / "t.jsonl", input_column="x", target_column="y")


@pytest.mark.parametrize(
    "inner",
    [
        '{"a":' * 8000 + "1" + "}" * 8000,
        "[" * 20_000 + "]" * 20_000,
        "[[]," * 500 + "1" + "]" * 500,
        '["]",' * 500 + "1" + "]" * 500,
        '["\\"]",' * 500 + "1" + "]" * 500,
        '{"a":\n' * 8000 + "1" + "}" * 8000,
    ],
)
def test_what_is_nested_too_deep_is_refused(inner: str, tmp_path: Path) -> None:
    """Arrow's parser recurses for each level until the stack overflows."""
    rows = '{"x":1,"y":1}\n' * 10 + f'{{"x":1,"y":1,"z":{inner}}}\n'
    (tmp_path / "t.jsonl").write_text(rows)
    with pytest.raises(DataError, match=r"levels of nested lists and objects; the limit is 100"):
        evaluate("l1", tmp_path / "t.jsonl", input_column="x", target_column="y")


def test_keys_without_end_are_refused(tmp_path: Path) -> None:
    """More keys than the limit."""
    row = ",".join(f'"k{number}":1' for number in range(70_000))
    (tmp_path / "t.jsonl").write_text(f"{{{row}}}\n")
    with pytest.raises(DataError, match=r"found 70,000 keys in a row; the limit is 65,536"):
        evaluate("l1", tmp_path / "t.jsonl", input_column="k1", target_column="k2")
    rows = '{\n"x":1,\n"y":3\n}\n' * 50_000
    (tmp_path / "t.jsonl").write_text(rows)
    path = tmp_path / "t.jsonl"
    assert evaluate("l1", path, input_column="x", target_column="y").value == 2.0
