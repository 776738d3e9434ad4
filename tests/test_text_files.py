"""CSV and JSON lines: blank lines, quotes, chunks, places in messages, and files that change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from losscli import evaluate
from losscli.errors import UsageError


def l1(path: Path, text: str | bytes, **options: Any) -> list[float]:
    """The loss of each row of a table of text."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    wanted = {"input_column": "x", "target_column": "y", "reduction": "none"}
    values: list[float] = evaluate("l1", path, **(wanted | options)).values.tolist()
    return values


@pytest.mark.parametrize("delimiter", ["é", "😀", '"', "\n", "\r", "::", ""])
def test_a_delimiter_that_cannot_be_one(delimiter: str, run: Any) -> None:
    code, out, err = run("l1", "x.csv", "y.csv", "--delimiter", delimiter)
    assert (code, out) == (2, "")
    assert "expected one character of ASCII, or tab" in err


def test_a_delimiter_is_any_other_character(tmp_path: Path) -> None:
    assert l1(tmp_path / "t.csv", "x#y\n1#2\n", delimiter="#") == [1.0]
    with pytest.raises(UsageError, match="delimiter is 'é'"):
        l1(tmp_path / "t.csv", "x,y\n1,2\n", delimiter="é")
