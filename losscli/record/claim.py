"""The claim of a record: the request, the files and every number, without time, host or user."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from losscli.errors import DataError
from losscli.evaluation.outcome import Outcome
from losscli.evaluation.provenance import Provenance
from losscli.readers import Reading
from losscli.readers.files.digests import Digest, digests_of
from losscli.readers.files.shards import files_of, natural
from losscli.request.request import Files, Request, label_array
from losscli.request.serialized import as_data
from losscli.request.wanted import FILE, Wanted
from losscli.result import Comparison, Result
from losscli.statistics.exact import LOWEST, to_float
from losscli.statistics.total import Total

# The maximum number of values of arrays that were given as numbers.
_MOST_NUMBERS = 1000

# What a result says that is not a number, or that the claim has elsewhere.
_LEFT_OUT = ("notes", "warnings", "signature", "version", "inputs", "options")

# The name of a file, as it was opened, to its name in the record.
Names = Mapping[str, str]


def claim_of(outcome: Outcome[Any], names: Names) -> dict[str, Any]:
    """The claim of an outcome. `names` are the paths in the record of all files.

    Raises DataError for arrays in memory with more than 1,000 numbers, and for files that appeared
    while they were read.
    """
    claim: dict[str, Any] = json.loads(json.dumps(_claim(outcome, names), allow_nan=False))
    return claim


def _claim(outcome: Outcome[Any], names: Names) -> dict[str, Any]:
    result, digests = outcome.result, _all_digests(outcome)
    requests = [_request(provenance, names) for provenance in outcome.provenances]
    return {
        "command": "compare" if isinstance(result, Comparison) else "evaluate",
        "loss": outcome.provenances[0].request.loss.name,
        "options": requests[0]["options"],
        "arrays": [
            array for provenance in outcome.provenances for array in _arrays(provenance, names)
        ],
        "files": [
            {"path": names[path], "bytes": digest.bytes, "sha256": digest.sha256}
            for path, digest in sorted(digests.items(), key=lambda item: names[item[0]])
        ],
        "numbers": _numbers(result, outcome.provenances[-1].request, names),
        "value_hex": _hexadecimal(_value(result)),
        "exact": [_exact(total) for total in outcome.totals],
        "requests": requests,
    }


def require_recordable(request: Request) -> None:
    """Raise DataError for arrays in memory with many numbers."""
    arrays = [value for value in request.arrays.values() if isinstance(value, np.ndarray)]
    count = sum(array.size for array in arrays)
    if count > _MOST_NUMBERS:
        raise DataError(
            f"a record contains arrays in memory of up to {_MOST_NUMBERS:,} numbers, found "
            f"{count:,}. Save them with numpy.save, and pass the file."
        )


def _all_digests(outcome: Outcome[Any]) -> Mapping[str, Digest]:
    """The digests of all files. Files that were not hashed while they were read are read again."""
    anonymous = outcome.provenances[0].request.reading.anonymous
    missing = [path for path in outcome.files if path not in outcome.digests]
    found = {**outcome.digests, **digests_of(missing, anonymous)}
    return {path: found[path] for path in outcome.files}


def _request(provenance: Provenance, names: Names) -> dict[str, Any]:
    """The request, with each file named: a folder or a glob may match other files later."""
    request = provenance.request
    require_recordable(request)
    named = renamed(
        request,
        lambda files: tuple(_files(files, request, names)),
        names,
        replace(request.reading, threads=None, as_listed=True, labels=()),
    )
    written = replace(
        named,
        classes=provenance.classes if isinstance(request.classes, str) else request.classes,
        execution=replace(request.execution, threads=None),
    )
    return as_data(written)


def renamed(
    request: Request, files: Callable[[Files], Files], labels: Names, reading: Reading
) -> Request:
    """A request with other names of files, and other settings for reading them.

    Args:
        request: the request
        files: returns the names for the files of an array
        labels: the names for files of labels
        reading: the settings for reading
    """
    arrays = {
        name: files(value) if isinstance(value, tuple) else value
        for name, value in request.arrays.items()
    }
    wanted = _with_labels(request.wanted, labels)
    return replace(request, arrays=arrays, reading=reading, wanted=wanted)


def _with_labels(wanted: Wanted, names: Names) -> Wanted:
    """What is reported, with the files of labels renamed."""
    return Wanted(
        wanted.interval,
        [names.get(label, label) for label in wanted.by],
        wanted.by_column,
        None if wanted.cluster is None else names.get(wanted.cluster, wanted.cluster),
        wanted.digest,
        **wanted.statistics,
    )


def _files(patterns: Sequence[str], request: Request, names: Names) -> Iterator[str]:
    """The names of the files that patterns match, in the order in which they were read."""
    found = [file for pattern in patterns for file in files_of(pattern, request.reading.anonymous)]
    if not request.reading.as_listed:
        found.sort(key=natural)
    for file in found:
        if file not in names:
            raise DataError(f"{file}: the file appeared while the files were being read")
        yield names[file]


def _arrays(provenance: Provenance, names: Names) -> Iterator[dict[str, Any]]:
    for array in provenance.inputs:
        files = array.files or (() if array.path is None else (array.path,))
        yield {
            "role": _role(array.role, names),
            "files": [_file(file, names) for file in files],
            "columns": None if array.columns is None else list(array.columns),
            "shape": list(array.shape),
            "dtype": array.dtype,
        }


def _role(role: str, names: Names) -> str:
    """The role of an array, with the file of labels renamed."""
    label = role.removeprefix(label_array(""))
    return role if label == role else label_array(names.get(label, label))


def _file(file: str, names: Names) -> str:
    """The name of a file, or of an array in it: `f.npz[input]`."""
    if file in names or not file.endswith("]"):
        return names.get(file, file)
    path, bracket, rest = file.rpartition("[")
    return f"{names.get(path, path)}{bracket}{rest}"


def _numbers(result: Result | Comparison, request: Request, names: Names) -> dict[str, Any]:
    """Every number that was reported, as the format json names it."""
    if isinstance(result, Comparison):
        data: dict[str, Any] = json.loads(result.to_json())
        data["a"], data["b"] = (_without_words(data[model]) for model in ("a", "b"))
    else:
        data = _without_words(json.loads(replace(result, values=None).to_json()))
    return _with_names(data, request, names)


def _without_words(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in _LEFT_OUT}


def _with_names(data: dict[str, Any], request: Request, names: Names) -> dict[str, Any]:
    """The same data, with the files in names and labels of groups renamed."""
    if "by" in data:
        data["by"] = [names.get(label, label) for label in data["by"]]
    is_file = [label == FILE and request.wanted.is_word(label) for label in request.wanted.by]
    for row in data.get("groups") or () if any(is_file) else ():
        labels = row["group"] if isinstance(row["group"], list) else [row["group"]]
        renamed = [
            names.get(label, label) if of_files else label
            for label, of_files in zip(labels, is_file, strict=True)
        ]
        row["group"] = renamed if isinstance(row["group"], list) else renamed[0]
    return data


def _value(result: Result | Comparison) -> float | None:
    return result.difference if isinstance(result, Comparison) else result.value


def _hexadecimal(value: float | None) -> str | None:
    return None if value is None else float(value).hex()


def _exact(total: Total) -> dict[str, Any]:
    """The exact sums of the losses and of the weights, each as [mantissa, exponent]: their value is
    mantissa · 2^exponent. A sum that is not finite is a word."""
    ledger = total.ledger
    return {
        "losses": _power(ledger.loss_units(), ledger.losses()),
        "weights": _power(ledger.weight_units(), ledger.weights()),
    }


def _power(units: int, value: float) -> object:
    if value != to_float(units):  # losses that are not finite
        return str(value)
    exponent = LOWEST
    if units:
        zeros = (units & -units).bit_length() - 1
        units, exponent = units >> zeros, exponent + zeros
    return [str(units), exponent if units else 0]
