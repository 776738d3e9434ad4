"""Escape text from files and the command line for terminals, CSV and Markdown."""

from __future__ import annotations

import re
import unicodedata

# The start of a spreadsheet formula: these characters, also in full width or after whitespace. A
# leading tab or line break counts too, because some programs remove it.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")

# Markdown markup. An underscore within a word is not markup. The colon of https:// and the dot of
# www. start links without brackets.
_MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE)

# The @ of a mention or an address. A backslash would not help, because sites search the rendered
# text for mentions.
_MENTION = re.compile(r"@(?=\w)")


def elided(text: str, most: int) -> str:
    """The text, shortened to `most` characters. Dots replace the middle of a longer text."""
    if len(text) <= most:
        return text
    end = (most - 3) * 2 // 3
    return f"{text[: most - 3 - end]}...{text[-end:]}"


def printable(text: str) -> str:
    """The text with control characters escaped, so that it cannot control a terminal.

    Control characters are the Unicode categories Cc and Cf, surrogates, and line and paragraph
    separators. They include characters that reverse or hide text.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escaped(character) if _is_control(character) else character for character in text
    )


def printable_json(text: str) -> str:
    """JSON with control characters escaped. Line breaks between values remain.

    >>> printable_json('["a\x9b31mb"]')
    '["a\\\\u009b31mb"]'
    """
    if text.isprintable():
        return text
    return "".join(
        escaped_in_json(character) if character != "\n" and _is_control(character) else character
        for character in text
    )


def escaped_in_json(text: str) -> str:
    """The text with JSON escapes for all characters that are not ASCII."""
    import json  # noqa: PLC0415 - takes 2 ms and is rarely needed

    return json.dumps(text)[1:-1]


def harmless_cell(text: str) -> str:
    """The text as a CSV cell that no spreadsheet evaluates as a formula.

    >>> harmless_cell("=1+1")
    "'=1+1"
    """
    return f"'{text}" if _FORMULA.match(text) else text


def plain_markdown(text: str) -> str:
    """The text escaped for Markdown, so that it is rendered literally.

    >>> plain_markdown("a|*b*")
    'a\\\\|\\\\*b\\\\*'
    """
    shown = _MARKUP.sub(lambda mark: f"\\{mark[0]}", printable(text))
    return _MENTION.sub("<span>@</span>", shown)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
