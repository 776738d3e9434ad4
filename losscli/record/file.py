"""Record files: written whole, and read without trusting whoever wrote them."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from losscli.errors import DataError, first_line
from losscli.json_text import InvalidError, no_constant
from losscli.readers.files.origin import read_small
from losscli.report.page.markup import PAGE_BEGINS, seal_of

# Increased when the format changes.
FORMAT = 1

# The maximum size of a record. Groups take the space.
_MOST_BYTES = 1 << 26

# The maximum size of a record in a page, where it is compressed. Parsed JSON can take 80 times as
# much memory.
MOST_BYTES_IN_A_PAGE = 1 << 24

# Members of objects up to this depth have a checksum of their own, which names what was changed.
_DEPTH = 4
_CHECKSUM_DIGITS = 16

# A page that another program saved may begin with blanks, or in capitals.
_BEGINNING = 100

_SECTIONS = ("claim", "environment", "run")


@dataclass(frozen=True)
class Record:
    """The content of a record.

    Args:
        path: the file
        claim: what was computed, from which files, with which options and numbers
        environment: the versions and the machine
        run: the arguments, the time and what was said
        claim_sha256: the SHA-256 of the claim
        changes: what was changed after the record was written, as texts; empty if nothing was
    """

    path: str
    claim: Mapping[str, Any]
    environment: Mapping[str, Any]
    run: Mapping[str, Any]
    claim_sha256: str
    changes: tuple[str, ...] = ()


def text_of(
    claim: Mapping[str, Any], environment: Mapping[str, Any], run: Mapping[str, Any]
) -> str:
    """The text of a record."""
    content: dict[str, Any] = {
        "losscli_record": FORMAT,
        "claim": claim,
        "environment": environment,
        "run": run,
    }
    content["checksums"] = dict(_checksums(content))
    content["claim_sha256"] = sha256_of(claim)
    return _written({**content, "sha256": sha256_of(content)})


def load(path: str) -> Record:
    """Read a record. Changes of its content are listed in the record.

    Raises DataError for a file that is not a record, is too large or has another version.
    """
    text = _read(path)
    around: tuple[str, ...] = ()
    if text[:_BEGINNING].lstrip("\ufeff \t\r\n").lower().startswith(PAGE_BEGINS):
        page = seal_of(text)
        if page is None:
            raise DataError(f"{path}: a page without one whole record. Write pages with --report.")
        text = _unpacked(path, page.packed)
        around = () if page.is_intact else ("the page around it",)
    content = _parsed(path, text)
    if content.get("losscli_record") != FORMAT:
        raise DataError(
            f"{path}: the record has version {content.get('losscli_record')!r}; expected {FORMAT}"
        )
    for name in _SECTIONS:
        if not isinstance(content.get(name), dict):
            raise DataError(f"{path}: not a valid record of losscli: no object {name!r}")
    return Record(
        path,
        content["claim"],
        content["environment"],
        content["run"],
        sha256_of(content["claim"]),
        (*_changes(content, text), *around),
    )


def sha256_of(content: object) -> str:
    """The SHA-256 of JSON without blanks, with sorted names and only ASCII characters."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _written(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _checksums(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _SECTIONS:
        for place, value in _members(name, content[name], 1):
            yield place, sha256_of(value)[:_CHECKSUM_DIGITS]


def _members(place: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """The members of nested objects, with their places such as claim.options.beta."""
    if not isinstance(value, dict) or depth == _DEPTH or not value:
        yield place, value
        return
    for name, member in value.items():
        yield from _members(f"{place}.{name}", member, depth + 1)


def _changes(content: Mapping[str, Any], text: str) -> Iterator[str]:
    """What was changed since the record was written; texts name the place."""
    written = text_of(*(content[name] for name in _SECTIONS))
    if text == written:
        return
    recorded, found = content.get("checksums"), dict(_checksums(content))
    if not isinstance(recorded, dict) or not recorded:
        yield "checksums"
        return
    places = [
        place
        for place in dict.fromkeys([*recorded, *found])
        if recorded.get(place) != found.get(place)
    ]
    expected = json.loads(written)
    places += [name for name in content if name not in expected]
    if not places and content.get("claim_sha256") != expected["claim_sha256"]:
        places = ["claim_sha256"]
    yield from places or ["the last SHA-256, or blanks and line breaks"]


def _read(path: str) -> str:
    try:
        return read_small(path, _MOST_BYTES, "record").decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a record of losscli: not UTF-8") from error


def _unpacked(path: str, packed: str) -> str:
    """The text of a record that was packed for a page. Raises DataError if it is damaged."""
    try:
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
        text = unpacking.decompress(base64.b64decode(packed), MOST_BYTES_IN_A_PAGE).decode()
    except (ValueError, zlib.error) as error:
        raise DataError(f"{path}: the record in the page is damaged") from error
    if not unpacking.eof or unpacking.unused_data:
        raise DataError(f"{path}: the record in the page is damaged or too large")
    return text


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text, object_pairs_hook=_object, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}: not a record of losscli: not JSON: {first_line(error)}"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path}: not a record of losscli: nested too deeply") from error
    except InvalidError as error:
        raise DataError(f"{path}: not a record of losscli: {error}") from error
    except ValueError as error:
        raise DataError(f"{path}: not a record of losscli: a number has too many digits") from error
    if not isinstance(content, dict) or "losscli_record" not in content:
        raise DataError(f"{path}: not a record of losscli. Write records with --record.")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are distinct: other readers may see another one of two values."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise InvalidError("a name occurs twice in an object")
    return content
