"""URIs of objects in stores: their parts, their wildcards, and the secrets in them."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from losscli.errors import DataError

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)

# A query, such as ?sig=..., rather than the wildcard `?`.
_QUERY = re.compile(r"\?[^/?=]*=")

# The schemes of stores. The scheme `file` is a local path.
STORES = ("s3", "gs", "gcs", "abfs", "abfss")

_WEB = ("http", "https")

WILDCARD = re.compile(r"\*\*/|\*\*|\*|\?|\[[^]]+\]")


def is_uri(name: str) -> bool:
    """Whether a path is a URI, such as s3://bucket/key."""
    return _URI.match(name) is not None


def local_path(name: str) -> str:
    """Return the path of a `file://` URI; other names are returned unchanged."""
    parts = urlsplit(name) if is_uri(name) else None
    if parts is None or parts.scheme.lower() != "file":
        return name
    if parts.netloc not in ("", "localhost"):
        raise DataError(f"{name}: a file:// URI cannot name a host. Write file:///PATH.")
    return unquote(parts.path)


def has_wildcard(uri: str) -> bool:
    return WILDCARD.search(split(uri)[2]) is not None


def expression(pattern: str) -> str:
    """The regular expression of a glob. `*` stays within a folder, `**` does not."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces, end = [], 0
    for match in WILDCARD.finditer(pattern):
        pieces += [re.escape(pattern[end : match.start()]), words.get(match[0], match[0])]
        end = match.end()
    return "".join([*pieces, re.escape(pattern[end:])])


def split(uri: str) -> tuple[str, str, str]:
    """The scheme, the bucket with what precedes it, and the key. Keys may contain any character."""
    match = _URI.match(uri)
    assert match is not None
    return match[1].lower(), match[2], match[3].removeprefix("/")


def require_no_secrets(word: str) -> None:
    """Raise DataError if a word of the command line is a URI with credentials, or an option with
    such a URI, so that no message shows them."""
    uri = word.partition("=")[2] if word.startswith("--") else word
    scheme, bucket, _ = split(uri) if is_uri(uri) else ("", "", "")
    if scheme not in (*STORES, *_WEB):
        return
    is_user = "@" in bucket and not scheme.startswith("abfs")  # Azure has container@account
    has_colon = ":" in bucket and scheme not in _WEB  # a web server has a port
    if is_user or has_colon or _QUERY.search(uri):
        problem = (
            "found credentials in the URI. Remove them, and set the environment variables of the "
            "store or a profile."
        )
        text = advice(scheme) if scheme in _WEB else problem
        raise DataError(f"{without_secrets(uri)}: {text}")


def without_secrets(uri: str) -> str:
    """The URI without a user, a password and a query."""
    scheme, bucket, _ = split(uri)
    _, user, host = bucket.rpartition("@")
    if ":" in bucket and not user:  # a password with a slash
        return f"{scheme}://..."
    if _QUERY.search(uri):
        uri = uri[: uri.index("?")]
    is_container = scheme.startswith("abfs") and ":" not in bucket
    return uri if is_container else uri.replace(bucket, host, 1)


def advice(scheme: str) -> str:
    if scheme in _WEB:
        return "losscli does not read from the web. Download the file: curl -O"
    if scheme == "hf":
        return "losscli does not read from Hugging Face. Download the file: hf download"
    known = ", ".join(f"{name}://" for name in (*STORES, "file"))
    return f"unknown scheme; expected one of {known}"
