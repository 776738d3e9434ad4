"""Words that messages, docstrings, comments and pages avoid."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

SOURCES = sorted((ROOT / "losscli").rglob("*.py"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]

# Words that earlier texts overused, and what to write instead.
BANNED = {
    r"tells?|told|telling": "report, show, say which",
    r"stands?|stood|standing": "appear, be at",
    r"beside": "next to, in addition to",
    r"lies|lie|lying": "be, be stored",
    r"holds?|held|holding": "contain, have",
    r"wants?|wanted": "expect, ask for",
    r"meets?|met": "find, read",
    r"unless given": "[default: ...]",
    r"a look|looks at": "check",
}

# Names in the code, which are allowed.
LITERAL = re.compile(r"Wanted\b|\bwanted[.=)\]:]")

# An option written with underscores, where users type hyphens.
UNDERSCORED = re.compile(r"--[a-z]+_[a-z]+")


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """The strings and comments of a module, or the prose of a page, with line numbers."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from _prose(source)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def _prose(source: str) -> Iterator[tuple[int, str]]:
    """The lines outside of code blocks, without inline code."""
    is_code = False
    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith("```"):
            is_code = not is_code
        elif not is_code:
            yield number, re.sub(r"`[^`]*`", "", line)


@pytest.mark.parametrize("path", [*SOURCES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_word_of_the_old_manner(path: Path) -> None:
    found = []
    for line, text in texts_of(path):
        plain = LITERAL.sub("", text)
        for words, instead in BANNED.items():
            for match in re.finditer(rf"\b(?:{words})\b", plain, re.IGNORECASE):
                found.append(f"{path.name}:{line}: {match[0]!r}; write {instead}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_are_named_as_they_are_typed(path: Path) -> None:
    texts = (text for _, text in texts_of(path) if not text.startswith("#"))
    assert not [text for text in texts if UNDERSCORED.search(text)]
