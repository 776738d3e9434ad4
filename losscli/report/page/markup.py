"""Text as HTML."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from html import escape
from typing import NamedTuple

from losscli.text import printable

# How a page begins, and a URI with compressed bytes.
PAGE_BEGINS, PACKED = "<!doctype html>", "data:application/gzip;base64,"

# Longer texts are cut; their title has the whole text.
MOST_CHARACTERS = 80

# The longest line of a list, such as the command, and the longest title.
_MOST_OF_A_LINE, _MOST_OF_A_TITLE = 4096, 10_000


def text(content: str) -> str:
    """A text without control characters, escaped for elements and for attributes. Quotes are
    escaped too, so that no text can look like the seal of a page."""
    return escape(printable(content))


def cut(content: str, most: int = MOST_CHARACTERS) -> tuple[str, str | None]:
    """The text, cut to `most` characters, and the whole text if it was cut."""
    shown = printable(content)
    if len(shown) <= most:
        return shown, None
    return f"{shown[: most - 1]}…", shown


def line_of(content: str) -> str:
    """A line that may contain names from files, cut only if it is very long."""
    shown, _ = cut(content, _MOST_OF_A_LINE)
    escaped = escape(shown)
    return escaped if shown.isascii() else f"<bdi>{escaped}</bdi>"


def label(content: str) -> str:
    """A text from a file, cut if it is long. Its direction does not change the text around it."""
    shown, whole = cut(content)
    if whole is None and shown.isascii():
        return escape(shown)
    title = "" if whole is None else f' title="{escape(cut(whole, _MOST_OF_A_TITLE)[0])}"'
    return f"<bdi{title}>{escape(shown)}</bdi>"


def source_hash(content: str) -> str:
    """The source of a content security policy that allows this style or script."""
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def compressed(content: str) -> str:
    """A text as a URI with the compressed bytes, which a link can save to a file."""
    packed = gzip.compress(content.encode(), compresslevel=9, mtime=0)
    return f"{PACKED}{base64.b64encode(packed).decode()}"


def sealed(page: str, record: str) -> str:
    """A page with its record, and with the SHA-256 of the page without both. The page has
    `UNSEALED` where they belong."""
    seal = hashlib.sha256(page.encode()).hexdigest()
    return page.replace(UNSEALED, _seal(seal, compressed(record)), 1)


def _seal(digest: str, uri: str) -> str:
    return f'id="sha256-{digest}" download="record.json.gz" href="{uri}"'


# In place of the seal, a page has zeros for its SHA-256 and no record.
UNSEALED = _seal("0" * 64, "")

# The seal of a page: the digest, and the packed record.
_SEAL = re.compile(_seal("([0-9a-f]{64})", f"{PACKED}([A-Za-z0-9+/=]*)"))


class Seal(NamedTuple):
    """The record in a page.

    Args:
        packed: the compressed record, in base64
        is_intact: whether the rest of the page is as it was written
    """

    packed: str
    is_intact: bool


def seal_of(page: str) -> Seal | None:
    """The seal of a page; None if it has none, or several."""
    found = [*_SEAL.finditer(page)]
    if len(found) != 1:
        return None
    [match] = found
    bare = page[: match.start()] + UNSEALED + page[match.end() :]
    return Seal(match[2], hashlib.sha256(bare.encode()).hexdigest() == match[1])
