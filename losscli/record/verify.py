"""verify(): compute a record again, and compare its files, its environment and its numbers."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from losscli.errors import DataError, LosscliError, first_line, quoted, shortened
from losscli.evaluation.compare import outcome_of_comparison
from losscli.evaluation.environment import (
    DISABLED,
    differences,
    environment,
    explains_last_bits,
)
from losscli.evaluation.evaluate import OnProgress, outcome_of
from losscli.evaluation.outcome import Outcome
from losscli.readers.files.digests import Digest
from losscli.record.claim import claim_of, renamed
from losscli.record.file import Record
from losscli.record.paths import Located, locate
from losscli.request.request import Request
from losscli.request.serialized import from_data

# The differences that another NumPy or CPU explains, as a share of Σ|loss| / Σw.
_TOLERANCE, _TOLERANCE_OF_FEW_BITS = 1e-12, 1e-6
_FEW_BITS = ("float16", "bfloat16", "float32", "half", "float")

# The exponents of exact sums are smaller.
_MOST_EXPONENT = 10_000

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
        answer: the loss of the record, or the difference of two losses, as text
        files: the files of the record on this machine
    """

    path: str
    claim_sha256: str
    findings: tuple[Finding, ...]
    answer: str = ""
    files: tuple[str, ...] = ()

    def __getitem__(self, part: str) -> Finding:
        return next(finding for finding in self.findings if finding.part == part)

    def __bool__(self) -> bool:
        return self.is_verified

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
    try:
        located, files = _files(record, root)
    except LosscliError as error:
        if not record.changes:
            raise
        located, files = Located(), Finding("files", NOT_COMPUTED, str(error))
    if files_only:
        numbers = Finding("numbers", NOT_COMPUTED, "only files were compared")
    elif files.verdict != SAME:
        numbers = Finding("numbers", NOT_COMPUTED, "the files differ")
    else:
        numbers = _numbers(record, located, on_progress, here)
    others = _of_environment(record.environment, here), numbers
    findings = (*_of_record(record), files, *others)
    places = tuple(located.values())
    return Verification(record.path, record.claim_sha256, findings, answer_of(record), places)


def answer_of(record: Record) -> str:
    """The loss of a record, or the difference of two losses, as text."""
    loss, numbers = record.claim.get("loss"), record.claim.get("numbers")
    known = numbers if isinstance(numbers, dict) else {}
    name = "difference" if "difference" in known else "value"
    what = ", B - A" if name == "difference" else ""
    value = known.get(name)
    if not (isinstance(loss, str) and isinstance(value, str | int | float)):
        return "unknown"  # the claim is not one of losscli
    return f"{loss}{what} {value}"


def requests_of(record: Record) -> list[Request]:
    """The requests of a record, with the paths of the record. Raises DataError for a record that is
    not valid."""
    try:
        requests = [from_data(data) for data in record.claim["requests"]]
        if len(requests) not in (1, 2):
            raise ValueError(f"{len(requests)} requests")
        if any(isinstance(request.classes, str) for request in requests):
            raise ValueError("claim.requests.classes is the name of a file")
        return requests
    except LosscliError:
        raise
    except KeyError as error:
        raise DataError(f"{record.path}: not a valid record of losscli: no {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        problem = first_line(error)
        raise DataError(f"{record.path}: not a valid record of losscli: {problem}") from error


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
    located, problems = locate(record.path, files, root, _is_anonymous(record))
    if problems:
        return located, Finding(
            "files", DIFFERS, _named([f"{p}: {t}" for p, t in problems.items()])
        )
    size = sum(file["bytes"] for file in files)
    noun = "file" if len(files) == 1 else "files"
    moved = [place for path, place in located.items() if not place.endswith(path)]
    where = f"; found {_named(moved)}" if moved and root is not None else ""
    return located, Finding("files", SAME, f"{len(files):,} {noun}, {size:,} bytes{where}")


def _is_anonymous(record: Record) -> bool:
    """Whether the objects of the record were read without credentials."""
    try:
        return record.claim["requests"][0]["reading"]["anonymous"] is True
    except (KeyError, IndexError, TypeError):
        return False


def files_of_record(record: Record) -> list[dict[str, Any]]:
    """The files of a record. Raises DataError for a record that is not valid."""
    files = record.claim.get("files")
    if not isinstance(files, list) or not all(_is_file(file) for file in files):
        raise DataError(f"{record.path}: not a valid record of losscli: claim.files")
    return files


def _is_file(file: Any) -> bool:
    kinds = {"path": str, "bytes": int, "sha256": str}
    is_one = isinstance(file, dict) and all(isinstance(file.get(k), v) for k, v in kinds.items())
    return is_one and "\0" not in file["path"]


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
    reading = replace(request.reading, as_listed=True, labels=tuple(located.values()))
    return renamed(request, lambda files: tuple(map(located.__getitem__, files)), located, reading)


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
    return {place: _digest_of(files[path]) for path, place in located.items()}


def _digest_of(file: Mapping[str, Any]) -> Digest:
    return Digest(file["bytes"], file["sha256"])


def _compared(record: Record, claim: Mapping[str, Any], here: Mapping[str, Any]) -> Finding:
    """Compare a claim with the one that was computed again."""
    tolerance = 0.0
    if record.claim.get("exact") != claim["exact"] and explains_last_bits(record.environment, here):
        tolerance = _tolerance(claim)
    count, rounded, differing, scale = 0, [], [], _scale(claim)
    for place, there, now in _pairs("", record.claim, claim):
        count += isinstance(now, int | float)
        if _is_same(there, now):
            continue
        distance = _distance(_number(place, there), _number(place, now), scale)
        if tolerance and distance <= tolerance:
            rounded.append(distance)
        else:
            differing.append(f"{place} {_shown(now)}, recorded {_shown(there)}")
    if not _is_consistent(record.claim):
        differing.append("value_hex and numbers differ in the record")
    if differing:
        return Finding("numbers", DIFFERS, _named(differing))
    if rounded:
        return Finding(
            "numbers",
            WITHIN,
            f"{len(rounded):,} values differ by at most {max(rounded):.1g} of the loss; the "
            f"environment explains {tolerance:.0e}",
        )
    return Finding("numbers", SAME, f"{count:,} numbers, bit for bit")


def _is_consistent(claim: Mapping[str, Any]) -> bool:
    """Whether both forms of the value are the same number."""
    numbers, written = claim.get("numbers"), claim.get("value_hex")
    value = numbers.get("difference", numbers.get("value")) if isinstance(numbers, dict) else None
    return not isinstance(value, float) or value.hex() == written


def _pairs(place: str, there: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Pairs of values at the same place of two nested values."""
    if isinstance(there, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*there, *now]):
            inner = f"{place}.{name}" if place else name
            yield from _pairs(inner, there.get(name), now.get(name))
    elif _is_exact(there) and _is_exact(now):
        yield place, there, now
    elif isinstance(there, list) and isinstance(now, list) and len(there) == len(now):
        for index, pair in enumerate(zip(there, now, strict=True)):
            yield from _pairs(f"{place}[{index}]", *pair)
    else:
        yield place, there, now


def _is_exact(value: Any) -> bool:
    """Whether a value is an exact sum, [mantissa, exponent] with the mantissa as text."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and re.fullmatch(r"-?[0-9]{1,999}", value[0]) is not None
        and type(value[1]) is int
        and abs(value[1]) < _MOST_EXPONENT
    )


def _float_of(exact: list[Any]) -> float:
    mantissa, exponent = int(exact[0]), exact[1]
    power = 2 ** abs(exponent)
    try:
        return float(mantissa * power if exponent > 0 else mantissa / power)
    except OverflowError:
        return math.inf


def _is_same(there: Any, now: Any) -> bool:
    return type(there) is type(now) and there == now and str(there) == str(now)  # -0.0 is not 0.0


def _number(place: str, value: Any) -> float | None:
    """A number of a claim, also an exact sum or hexadecimal digits; None for other values."""
    if isinstance(value, float):
        return value
    if _is_exact(value):
        return _float_of(value)
    if place == "value_hex" and isinstance(value, str):
        try:
            return float.fromhex(value)
        except (ValueError, OverflowError):
            return None
    return None


def _distance(there: float | None, now: float | None, scale: float) -> float:
    """How far two numbers are apart, as a share of the larger of them and of the mean loss."""
    if there is None or now is None:
        return math.inf
    largest = max(abs(there), abs(now), scale)
    return abs(there - now) / largest if math.isfinite(largest) and largest else math.inf


def _tolerance(claim: Mapping[str, Any]) -> float:
    dtypes = [str(array.get("dtype")) for array in claim.get("arrays", [])]
    return _TOLERANCE_OF_FEW_BITS if any(d in _FEW_BITS for d in dtypes) else _TOLERANCE


def _scale(claim: Mapping[str, Any]) -> float:
    """Σ|loss| / Σw, from the value, since most losses are not negative."""
    numbers = claim["numbers"]
    values = [numbers.get("value")] if "a" not in numbers else [numbers[m]["value"] for m in "ab"]
    return max((abs(v) for v in values if isinstance(v, float) and math.isfinite(v)), default=1.0)


def _shown(value: Any) -> str:
    return shortened(repr(value), 60)


def _named(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_NAMED
    return "; ".join(texts[:_MOST_NAMED]) + (f"; and {more:,} more" if more > 0 else "")
