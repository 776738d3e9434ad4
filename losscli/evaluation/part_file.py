"""Files with the statistics of a part, and the result that they merge to.

A file is one line of JSON: the number of the part, the digest of the plan that all parts share, the
provenance of the whole, the statistics, and a digest of all of these.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from losscli._version import __version__
from losscli.errors import DataError, LosscliError
from losscli.evaluation.environment import numeric_environment
from losscli.evaluation.outcome import Outcome
from losscli.evaluation.parts import Division, merge_parts
from losscli.evaluation.provenance import Provenance
from losscli.evaluation.state import StateError, decoded, encoded
from losscli.json_text import no_constant
from losscli.losses.options import Options
from losscli.readers.files.origin import Origin, read_small
from losscli.readers.files.shards import natural
from losscli.readers.files.store import matches, of_each
from losscli.readers.files.uri import is_uri
from losscli.request.serialized import as_data, from_data
from losscli.result import Result
from losscli.statistics.collected import Collected
from losscli.statistics.statistic import Setting

# Increased when the format changes.
FORMAT = 1

# The maximum size of a file, in bytes. Groups and clusters take the space.
_MOST_BYTES = 1 << 30

# The maximum number of parts of a run.
MOST_PARTS = 1 << 20

# The maximum number of missing parts that a message names.
_MOST_NAMED = 20


@dataclass(frozen=True)
class PartNumber:
    """The number of a part, from 1 to `count`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class SavedPart:
    """The content of a file.

    Args:
        path: the file
        part: the number of the part
        plan: the digest that all parts of a run share
        command: the words of the command, for messages; empty if it was not a command
        environment: the versions and the CPU features that may change the last bits
        division: how the request is split
        collected: the statistics
        digest: the digest of the content
    """

    path: str
    part: PartNumber
    plan: str
    command: tuple[str, ...]
    environment: Mapping[str, Any]
    division: Division
    collected: Collected
    digest: str


def plan_digest(division: Division, count: int) -> str:
    """The SHA-256 of what all parts of a run share: the request, the provenance, the number of
    parts, and the size, the modification time and both ends of every file."""
    provenance = division.provenance
    content = {
        "version": __version__,
        "request": _request(provenance),
        "provenance": _provenance(provenance),
        "blocks": division.blocks,
        "parts": count,
        "files": _identities(provenance),
    }
    return _digest(content)


def text_of(
    division: Division, part: PartNumber, plan: str, command: Sequence[str], collected: Collected
) -> str:
    """The text of a file for the statistics of a part."""
    provenance = division.provenance
    content = {
        "losscli_part": FORMAT,
        "version": __version__,
        "part": [part.number, part.count],
        "plan": plan,
        "command": list(command),
        "environment": numeric_environment(),
        "request": _request(provenance),
        "provenance": _provenance(provenance),
        "setting": encoded(replace(division.setting, pool=None)),
        "blocks": [division.blocks, division.row_blocks],
        "statistics": [encoded(statistic) for statistic in collected.statistics],
    }
    return json.dumps({**content, "sha256": _digest(content)}, allow_nan=False) + "\n"


def load(path: str) -> SavedPart:
    """Read a file. Raises DataError for a file that losscli did not write, a damaged file, and a
    file of another version."""
    content = _content(path)
    version = content.get("version")
    if content.get("losscli_part") != FORMAT or version != __version__:
        raise DataError(
            f"{path}: the part was saved by losscli {version}, and this is {__version__}. Use one "
            "version for all parts."
        )
    digest = content.pop("sha256", None)
    if digest != _digest(content):
        raise DataError(f"{path}: the part is damaged: its SHA-256 differs. Compute it again.")
    try:
        return _part(path, content, digest)
    except (StateError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: not a valid part of losscli: {error}") from error


def load_all(patterns: Iterable[str]) -> list[SavedPart]:
    """Read the files of paths, globs and directories."""
    return [load(path) for pattern in patterns for path in _files_of(pattern)]


def _files_of(pattern: str) -> list[str]:
    """The files of a path, a glob, or a directory of `.json` files; or the same in a store."""
    if is_uri(pattern):
        names = matches(pattern, anonymous=False)
        return [pattern] if names is None else sorted(filter(_is_json, names), key=natural)
    if os.path.isdir(pattern):
        pattern = os.path.join(glob.escape(pattern), "*.json")
    elif os.path.exists(pattern) or not glob.has_magic(pattern):
        return [pattern]
    found = sorted(glob.glob(pattern), key=natural)
    if not found:
        raise DataError(f"{pattern}: no file matches")
    return found


def _is_json(name: str) -> bool:
    return name.endswith(".json")


def require_same_files(part: SavedPart) -> None:
    """Raise DataError if the files of a run changed since its parts were computed."""
    if plan_digest(part.division, part.part.count) != part.plan:
        raise DataError(
            f"{part.path}: the files changed since the part was computed, so that a record would "
            "have the SHA-256 of other files. Compute the parts again."
        )


def merge(parts: Iterable[SavedPart]) -> tuple[Outcome[Result], tuple[str, ...]]:
    """The result of all parts, and notes on parts that were given twice.

    Raises DataError for parts of different runs, and for missing parts.
    """
    by_number: dict[int, SavedPart] = {}
    notes = []
    for part in parts:
        _require_one_plan(next(iter(by_number.values()), part), part)
        same = by_number.setdefault(part.part.number, part)
        if same.digest != part.digest:
            raise DataError(
                f"{part.path}: found another part {part.part} in {same.path}, with other "
                "statistics. Remove one of them."
            )
        if same is not part:
            notes.append(f"{part.path}: the same part as {same.path}; counted once")
    if not by_number:
        raise DataError("no parts to merge. Give the files that --save-part wrote.")
    _require_all(by_number)
    ordered = [by_number[number] for number in sorted(by_number)]
    division = _with_warnings(ordered)
    try:
        return merge_parts(division, (part.collected for part in ordered)), tuple(notes)
    except LosscliError:  # such as --strict
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, AssertionError) as error:
        paths = f"{ordered[0].path} to {ordered[-1].path}"
        raise DataError(f"{paths}: the parts cannot be merged: {error}") from error


def _require_one_plan(first: SavedPart, part: SavedPart) -> None:
    if first.part.count != part.part.count:
        raise DataError(
            f"{part.path}: part {part.part}, but {first.path} is part {first.part}. Merge the "
            "parts of one run."
        )
    if first.plan != part.plan:
        raise DataError(
            f"{part.path}: the part belongs to another run than {first.path}: the options or the "
            "files differ, or a file was written again"
        )


def _require_all(parts: Mapping[int, SavedPart]) -> None:
    """Raise DataError for missing parts, with the command that computes the first of them."""
    first = next(iter(parts.values()))
    count = first.part.count
    missing = [number for number in range(1, count + 1) if number not in parts]
    if not missing:
        return
    numbers = ", ".join(map(str, missing[:_MOST_NAMED]))
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    noun = "part" if len(missing) == 1 else "parts"
    advice = _advice(first, missing[0])
    raise DataError(f"missing {noun} {numbers}{more} of {count}{advice}")


def _advice(part: SavedPart, number: int) -> str:
    if not part.command:
        return ""
    words = [word.replace("{part}", str(number)) for word in part.command]
    return f". Compute part {number} with: {shlex.join(['losscli', *words])}"


def _with_warnings(parts: Sequence[SavedPart]) -> Division:
    """The division, with a warning if the parts were computed in different environments."""
    division = parts[0].division
    names = [
        name
        for name, value in parts[0].environment.items()
        if any(part.environment.get(name) != value for part in parts)
    ]
    if not names:
        return division
    warning = (
        f"the parts were computed with different {' and '.join(names)}; the last bits of the "
        "losses may differ from those of one run"
    )
    provenance = division.provenance
    return replace(
        division, provenance=replace(provenance, warnings=(*provenance.warnings, warning))
    )


def _request(provenance: Provenance) -> dict[str, Any]:
    """The request without the number of threads, which does not change the result."""
    request = provenance.request
    return as_data(replace(request, execution=replace(request.execution, threads=None)))


def _provenance(provenance: Provenance) -> dict[str, Any]:
    fields = {name: value for name, value in vars(provenance).items() if name != "request"}
    return {name: encoded(value) for name, value in fields.items()}


def _identities(provenance: Provenance) -> list[tuple[str, int, str]]:
    """The path, the size and the version of each file."""
    anonymous = provenance.request.reading.anonymous

    def identity(path: str) -> tuple[str, int, str]:
        return path, *Origin(path, anonymous).identity()

    return of_each(identity, provenance.paths, any(map(is_uri, provenance.paths)))


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(path: str) -> dict[str, Any]:
    data = read_small(path, _MOST_BYTES, "part")
    try:
        content = json.loads(data, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a part of losscli: not readable as JSON") from error
    if not isinstance(content, dict) or "losscli_part" not in content:
        raise DataError(f"{path}: not a part of losscli. Create parts with --save-part.")
    return content


def _part(path: str, content: Mapping[str, Any], digest: str) -> SavedPart:
    number, count = content["part"]
    fields = {name: decoded(state) for name, state in content["provenance"].items()}
    provenance = Provenance(request=from_data(content["request"]), **fields)
    setting = _with_pool(decoded(content["setting"]), provenance)
    blocks, row_blocks = content["blocks"]
    collected = Collected(setting)
    collected.restore([decoded(state) for state in content["statistics"]])
    if not (isinstance(count, int) and 1 <= number <= count <= MOST_PARTS):
        raise StateError(f"part {number} of {count}")
    return SavedPart(
        path,
        PartNumber(number, count),
        str(content["plan"]),
        tuple(map(str, content["command"])),
        dict(content["environment"]),
        Division(provenance, setting, blocks, row_blocks),
        collected,
        digest,
    )


def _with_pool(setting: Setting, provenance: Provenance) -> Setting:
    """The setting with the function of a loss that is not a mean, which is not saved."""
    pool, options = provenance.request.loss.pool, cast(Options, setting.options)
    return setting if pool is None else replace(setting, pool=partial(pool, options))
