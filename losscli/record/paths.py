"""Paths in records: relative to the record, and within a root when they are read again."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from losscli.errors import DataError
from losscli.readers.files.digests import Digest, digests_of
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.files.uri import is_uri

# The maximum number of files below the root that are searched for a file that was moved.
_MOST_FILES = 1_000_000


def relative_path(file: str, record: str) -> str:
    """The path of a file relative to the folder of a record, with `/`. A file in a store keeps its
    URI, unless the record is in the same folder of the store or above it."""
    if file == STANDARD_INPUT:
        return file
    if is_uri(record) or is_uri(file):
        folder = record.rpartition("/")[0] + "/"
        is_below = is_uri(record) and is_uri(file) and file.startswith(folder)
        return file.removeprefix(folder) if is_below else _absolute(file)
    folder = os.path.dirname(os.path.abspath(record))
    return os.path.relpath(os.path.abspath(file), folder).replace(os.sep, "/")


def is_outside(path: str) -> bool:
    """Whether a path of a record leads out of its folder."""
    return path.startswith("../") or os.path.isabs(path) or is_uri(path)


def _absolute(file: str) -> str:
    return file if is_uri(file) else os.path.abspath(file)


# The files of a record where they are now, by their path in the record.
Located = dict[str, str]


def locate(
    record: str, files: Sequence[Mapping[str, Any]], root: str | None, anonymous: bool
) -> tuple[Located, dict[str, str]]:
    """Find the files of a record. Returns their places, and what is wrong with the other files.

    Without a root, files must be in the folder of the record or below it. With a root, they must be
    below the root. A file that is not at its path, or has other contents there, is then searched by
    its size and its SHA-256.

    Raises DataError for a path that leaves the root.
    """
    if root is not None and not is_uri(root) and not os.path.isdir(root):
        raise DataError(f"--root {root}: no such folder")
    places = {file["path"]: _place(record, file["path"], root) for file in files}
    used = {place for place in places.values() if place is not None}
    digests = digests_of(used, anonymous)
    located, problems = Located(), {}
    elsewhere = cache(lambda: {} if root is None or is_uri(root) else _by_size(root))
    for file in files:
        path, place = file["path"], places[file["path"]]
        problem = _missing(root) if place is None else _difference(file, digests[place])
        found = place if problem is None else _moved(elsewhere(), file, used)
        if found is None:
            problems[path] = str(problem)
        else:
            located[path] = found
            used.add(found)
    return located, problems


def _difference(file: Mapping[str, Any], digest: Digest) -> str | None:
    """How a file differs from the record; None if it is the same."""
    if file["bytes"] != digest.bytes:
        return f"{digest.bytes:,} bytes, recorded {file['bytes']:,}"
    return None if file["sha256"] == digest.sha256 else "its SHA-256 differs"


def _missing(root: str | None) -> str:
    if root is None:
        return "no such file. If it was moved, name a folder that contains it: --root DIR"
    return f"no such file, and no file below {root} with the same content"


def _place(record: str, path: str, root: str | None) -> str | None:
    """Where a path of a record is now; None if nothing is there."""
    if path == STANDARD_INPUT:
        raise DataError(
            f"{record}: the record was made from standard input, which cannot be read again. Save "
            "the data to a file."
        )
    if is_uri(path) or is_uri(record):
        return _object(record, path, root)
    place = os.path.join(os.path.dirname(record), path)
    base = os.path.dirname(record) if root is None else root
    if _is_within(place, base):
        return place if os.path.isfile(place) else None
    if root is None:
        raise DataError(
            f"{record}: the file {path} is outside the folder of the record. Name a folder that "
            "contains it: --root DIR"
        )
    other = os.path.join(root, path)
    return other if _is_within(other, root) and os.path.isfile(other) else None


def _object(record: str, path: str, root: str | None) -> str | None:
    """The URI of an object, or a local path of a record in a store. Whoever wrote the record could
    otherwise choose which store is asked."""
    uri = path
    if not is_uri(path):
        uri = path if os.path.isabs(path) else f"{record.rpartition('/')[0]}/{path}"
    base = (record.rpartition("/")[0] if is_uri(record) else None) if root is None else root
    if base is not None and ".." not in uri.split("/") and uri.startswith(base.rstrip("/") + "/"):
        return uri
    raise DataError(
        f"{record}: {path} is outside the folder of the record. Name a folder or a bucket that "
        "contains it, such as --root s3://bucket"
    )


def _is_within(path: str, base: str) -> bool:
    """Whether a path is below a folder, also if links are followed."""
    whole, folder = os.path.realpath(path), os.path.realpath(base or ".")
    return whole == folder or whole.startswith(folder.rstrip(os.sep) + os.sep)


def _by_size(root: str) -> dict[int, list[str]]:
    """The files below a folder, by size."""
    found: dict[int, list[str]] = {}
    for number, (path, size) in enumerate(_below(root)):
        if number >= _MOST_FILES:
            raise DataError(f"--root {root}: more than {_MOST_FILES} files. Name a smaller folder.")
        found.setdefault(size, []).append(path)
    return found


def _below(root: str) -> Iterator[tuple[str, int]]:
    """The regular files below a folder. Links are not followed."""
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield str(path), path.stat().st_size


def _moved(
    by_size: Mapping[int, Sequence[str]], file: Mapping[str, Any], used: Collection[str]
) -> str | None:
    """The file with the size and the SHA-256 of a record that is not in use; None if there is
    none."""
    candidates = [path for path in by_size.get(file["bytes"], []) if path not in used]
    digests = digests_of(candidates)
    return next((path for path in candidates if digests[path].sha256 == file["sha256"]), None)
