"""Words of a command line."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?ai)\s*[+-]?((\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)\s*")


def is_numbers(text: str) -> bool:
    """Whether a word is a list of numbers rather than a path."""
    return all(_NUMBER.fullmatch(part) for part in text.split(","))


def guarded(word: str) -> str:
    """The word, with a leading space if typer would take its numbers for an option."""
    return f" {word}" if word.startswith("-") and is_numbers(word) else word
