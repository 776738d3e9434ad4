"""Text from files and from the command line, made safe for where it is shown."""

from __future__ import annotations

import re
import unicodedata

# What spreadsheets take for the beginning of a formula: these characters, in full width as well,
# also behind blanks and line breaks. Of those two some programs cut the cell.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")

# What Markdown takes for more than itself; a line within a word it does not. The colon and the dot
# are those of links without brackets, https:// and www.
_MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE)

# What mentions somebody, or makes an address: sites look for it in what they have rendered, where
# a backslash is gone.
_MENTION = re.compile(r"@(?=\w)")


def in_the_middle(text: str, most: int) -> str:
    """A text of at most so many characters, without those in the middle of a longer one."""
    if len(text) <= most:
        return text
    end = (most - 3) * 2 // 3
    return f"{text[: most - 3 - end]}...{text[-end:]}"


def printable(text: str) -> str:
    """The text with control characters as escapes, so that none of them steers a terminal.

    These are the characters of Unicode's categories Cc and Cf, which also turn text around or hide
    it, those that stand for bytes that are no text, and line breaks.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(one) if _is_control(one) else one for one in text)


def printable_json(text: str) -> str:
    """JSON in which nothing steers a terminal either; line breaks are those between its values.

    >>> printable_json('["a\x9b31mb"]')
    '["a\\\\u009b31mb"]'
    """
    if text.isprintable():
        return text
    return "".join(
        escaped_in_json(one) if one != "\n" and _is_control(one) else one for one in text
    )


def escaped_in_json(text: str) -> str:
    """The text with everything beyond ASCII as escapes, as JSON has them."""
    import json  # noqa: PLC0415 - 2 ms at the start, and seldom needed

    return json.dumps(text)[1:-1]


def harmless_cell(text: str) -> str:
    """The text as a cell of CSV that no spreadsheet computes.

    >>> harmless_cell("=1+1")
    "'=1+1"
    """
    return f"'{text}" if _FORMULA.match(text) else text


def plain_markdown(text: str) -> str:
    """The text as Markdown that shows it as it is.

    >>> plain_markdown("a|*b*")
    'a\\\\|\\\\*b\\\\*'
    """
    shown = _MARKUP.sub(lambda mark: f"\\{mark[0]}", printable(text))
    return _MENTION.sub("<span>@</span>", shown)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
