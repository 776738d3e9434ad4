"""verify(): compute a record again, and compare its files, its environment and its numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from losscli.errors import DataError, LosscliError, quoted, shortened
from losscli.evaluation.compare import outcome_of_comparison
from losscli.evaluation.environment import (
    DISABLED,
    differences,
    environment,
    explains_last_bits,
)
from losscli.evaluation.evaluate import OnProgress, outcome_of
from losscli.evaluation.outcome import Outcome
from losscli.readers.files.digests import Digest, digests_of
from losscli.record.claim import claim_of, replace_labels
from losscli.record.file import Record
from losscli.record.paths import Located, locate
from losscli.request.request import Request
from losscli.request.serialized import from_data

# The differences that another NumPy or CPU explains, as a share of Σ|loss| / Σw.
_TOLERANCE, _TOLERANCE_OF_FEW_BITS = 1e-12, 1e-6
_FEW_BITS = ("float16", "bfloat16", "float32", "half", "float")

# The maximum number of differences that a text names.
_MOST_NAMED = 3

SAME, WITHIN, DIFFERS, NOT_COMPUTED = "same", "within tolerance", "differs", "not computed"


@dataclass(frozen=True)
class Finding:
    """What is known about one part of a record.

    Args:
        part: "files", "environment" or "numbers"; "record" if the record itself was changed
        verdict: SAME, WITHIN, DIFFERS or NOT_COMPUTED
        detail: what was compared, or what differs
    """

    part: str
    verdict: str
    detail: str


@dataclass(frozen=True)
class Verification:
    """The comparison of a record with files and numbers of today.

    Args:
        path: the record
        claim_sha256: the SHA-256 of its claim
        findings: what is known about the files, the environment and the numbers
    """

    path: str
    claim_sha256: str
    findings: tuple[Finding, ...]

    def __getitem__(self, part: str) -> Finding:
        return next(finding for finding in self.findings if finding.part == part)

    @property
    def is_verified(self) -> bool:
        """Whether nothing differs but the environment, and numbers within the tolerance."""
        return not self.problems

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What makes the verification fail."""
        return tuple(
            finding
            for finding in self.findings
            if finding.verdict == DIFFERS and finding.part != "environment"
        )

    @property
    def is_exact(self) -> bool:
        """Whether all numbers have the same bits."""
        return self.is_verified and self["numbers"].verdict in (SAME, NOT_COMPUTED)


def verify(
    record: Record,
    root: str | None = None,
    *,
    files_only: bool = False,
    on_progress: OnProgress | None = None,
) -> Verification:
    """Compare the files of a record, and compute its numbers again.

    Raises DataError for a record that is not valid, and for paths outside the root.
    """
    here = environment()
    located, files = _files(record, root)
    findings = [*_of_record(record), files, _of_environment(record.environment, here)]
    if files_only:
        numbers = Finding("numbers", NOT_COMPUTED, "only files were compared")
    elif files.verdict != SAME:
        numbers = Finding("numbers", NOT_COMPUTED, "the files differ")
    else:
        numbers = _numbers(record, located, on_progress, here)
    return Verification(record.path, record.claim_sha256, (*findings, numbers))


def requests_of(record: Record) -> list[Request]:
    """The requests of a record, with the paths of the record. Raises DataError for a record that is
    not valid."""
    try:
        requests = [from_data(data) for data in record.claim["requests"]]
        if len(requests) not in (1, 2):
            raise ValueError(f"{len(requests)} requests")
        return requests
    except LosscliError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{record.path}: not a valid record of losscli: {error!r}") from error


def run(
    requests: Sequence[Request], on_progress: OnProgress | None = None, *, hashes: bool = False
) -> Outcome[Any]:
    """Compute one request, or compare two. With `hashes`, compute the digests of the files."""
    if len(requests) == 1:
        return outcome_of(requests[0], None, on_progress, hashes=hashes)
    a, b = requests
    return outcome_of_comparison(a, b, on_progress, hashes=hashes)


def _of_record(record: Record) -> Iterator[Finding]:
    if record.changes:
        changes = _named(record.changes)
        yield Finding("record", DIFFERS, f"changed since it was written: {changes}")


def _files(record: Record, root: str | None) -> tuple[Located, Finding]:
    files = files_of_record(record)
    located, problems = locate(record.path, files, root)
    digests = digests_of(located.values())
    for file in files:
        path = str(file["path"])
        if path in located:
            problem = _difference(file, digests[located[path]])
            problems |= {path: problem} if problem else {}
    if problems:
        return located, Finding(
            "files", DIFFERS, _named([f"{p}: {t}" for p, t in problems.items()])
        )
    size = sum(digest.bytes for digest in digests.values())
    noun = "file" if len(files) == 1 else "files"
    return located, Finding("files", SAME, f"{len(files):,} {noun}, {size:,} bytes")


def files_of_record(record: Record) -> list[dict[str, Any]]:
    """The files of a record. Raises DataError for a record that is not valid."""
    files = record.claim.get("files")
    if not isinstance(files, list) or not all(_is_file(file) for file in files):
        raise DataError(f"{record.path}: not a valid record of losscli: claim.files")
    return files


def _is_file(file: Any) -> bool:
    kinds = {"path": str, "bytes": int, "sha256": str}
    return isinstance(file, dict) and all(isinstance(file.get(k), v) for k, v in kinds.items())


def _difference(file: Mapping[str, Any], digest: Digest) -> str | None:
    if file["bytes"] != digest.bytes:
        return f"{digest.bytes:,} bytes, recorded {file['bytes']:,}"
    return None if file["sha256"] == digest.sha256 else "its SHA-256 differs"


def _of_environment(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> Finding:
    found = differences(recorded, here)
    if found:
        return Finding("environment", DIFFERS, _named(found))
    disabled = os.environ.get(DISABLED)
    without = f", without the CPU features {disabled}" if disabled else ""
    detail = f"losscli {here['losscli']}, NumPy {here['NumPy']}{without}"
    return Finding("environment", SAME, detail)


def _placed(request: Request, located: Located) -> Request:
    """The request with the files of a record where they are now. Raises DataError for a file that
    the record does not list."""
    named = [files for files in request.arrays.values() if isinstance(files, tuple)]
    unknown = {file for files in named for file in files} - set(located)
    if unknown:
        raise DataError(f"claim.files does not list {quoted(min(unknown))}")
    arrays = {
        name: tuple(located[file] for file in value) if isinstance(value, tuple) else value
        for name, value in request.arrays.items()
    }
    return replace(
        request,
        arrays=arrays,
        reading=replace(request.reading, as_listed=True),
        wanted=replace_labels(request.wanted, located),
    )


def _numbers(
    record: Record, located: Located, on_progress: OnProgress | None, here: Mapping[str, Any]
) -> Finding:
    try:
        requests = [_placed(request, located) for request in requests_of(record)]
        outcome = run(requests, on_progress)
    except LosscliError as error:
        return Finding("numbers", DIFFERS, f"cannot be computed again: {error}")
    names = {place: path for path, place in located.items()}
    claim = claim_of(replace(outcome, digests=_of_claim(record, located)), names)
    return _compared(record, claim, here)


def _of_claim(record: Record, located: Located) -> dict[str, Digest]:
    """The digests of the record, which were compared with the files before."""
    files = {str(file["path"]): file for file in files_of_record(record)}
    return {place: Digest(files[p]["bytes"], files[p]["sha256"]) for p, place in located.items()}


def _compared(record: Record, claim: Mapping[str, Any], here: Mapping[str, Any]) -> Finding:
    """Compare a claim with the one that was computed again."""
    explained = explains_last_bits(record.environment, here)
    tolerance = _tolerance(record.claim) * _scale(claim) if explained else 0.0
    recorded = {name: value for name, value in record.claim.items() if name != "requests"}
    mine = {name: value for name, value in claim.items() if name != "requests"}
    count, rounded, differing = 0, 0, []
    for place, there, now in _pairs("", recorded, mine):
        count += 1
        if _is_same(there, now):
            continue
        is_rounded = explained and place.startswith(("value_hex", "exact"))
        if is_rounded or _is_close(there, now, tolerance):
            rounded += 1
        else:
            differing.append(f"{place} {_shown(now)}, recorded {_shown(there)}")
    if differing:
        return Finding("numbers", DIFFERS, _named(differing))
    if rounded:
        return Finding(
            "numbers",
            WITHIN,
            f"{rounded:,} of {count:,} differ by at most {tolerance:.1g}, which the environment "
            "explains",
        )
    return Finding("numbers", SAME, f"{count:,} values, bit for bit")


def _pairs(place: str, there: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Pairs of values at the same place of two nested values."""
    if isinstance(there, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*there, *now]):
            inner = f"{place}.{name}" if place else name
            yield from _pairs(inner, there.get(name), now.get(name))
    elif isinstance(there, list) and isinstance(now, list) and len(there) == len(now):
        for index, pair in enumerate(zip(there, now, strict=True)):
            yield from _pairs(f"{place}[{index}]", *pair)
    else:
        yield place, there, now


def _is_same(there: Any, now: Any) -> bool:
    return type(there) is type(now) and there == now and str(there) == str(now)  # -0.0 is not 0.0


def _is_close(there: Any, now: Any, tolerance: float) -> bool:
    if not isinstance(there, float) or not isinstance(now, float):
        return False
    return abs(there - now) <= max(tolerance, tolerance * max(abs(there), abs(now)))


def _tolerance(claim: Mapping[str, Any]) -> float:
    dtypes = [str(array.get("dtype")) for array in claim.get("arrays", [])]
    return _TOLERANCE_OF_FEW_BITS if any(d in _FEW_BITS for d in dtypes) else _TOLERANCE


def _scale(claim: Mapping[str, Any]) -> float:
    """Σ|loss| / Σw, from the value. The values of most losses are not negative."""
    numbers = claim["numbers"]
    values = [numbers.get("value")] if "a" not in numbers else [numbers[m]["value"] for m in "ab"]
    return max((abs(v) for v in values if isinstance(v, float) and math.isfinite(v)), default=1.0)


def _shown(value: Any) -> str:
    return shortened(repr(value), 60)


def _named(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_NAMED
    return "; ".join(texts[:_MOST_NAMED]) + (f"; and {more:,} more" if more > 0 else "")
