"""bind(loss, inputs, parameters): convert the arguments of a call to a request."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from losscli.elements import SAMPLE_WEIGHT
from losscli.errors import UsageError, option_error, quoted
from losscli.losses import kebab
from losscli.losses.registry import Loss
from losscli.readers import JOINS, PAIRS, Reading
from losscli.readers.files.origin import STANDARD_INPUT
from losscli.readers.formats import FORMATS, known_format
from losscli.readers.tables.where import Where
from losscli.request.request import FilesOrNumbers, Request
from losscli.request.wanted import AS_USUAL, THE_NUMBER, Execution, Wanted, require_no_empty
from losscli.statistics import options

# Parameters of `evaluate` other than the arrays and options of a loss.
FURTHER = ("id", "join", "pair", "where", "keep", "classes", "skip_missing")


def bind(
    loss: Loss,
    inputs: Sequence[Any],
    reduction: str | None,
    parameters: Mapping[str, Any],
    wanted: Wanted = THE_NUMBER,
    execution: Execution = AS_USUAL,
    in_order: bool | None = None,
) -> Request:
    """Make a request from arrays, columns and options. Raises UsageError for wrong usage.

    Args:
        loss: the loss
        inputs: the arrays given by position: paths, lists of paths, or numbers
        reduction: a reduction of the loss; None is its default
        parameters: the arrays, columns and options given by name
        wanted: what is reported in addition to the number
        execution: how the request is run
        in_order: whether input and target are given by position; None derives this from `inputs`
    """
    reduction = loss.default_reduction if reduction is None else reduction
    if reduction not in loss.reductions:
        raise option_error("reduction", reduction, f"one of {', '.join(loss.reductions)}")
    wanted.check(reduction)
    _require_elements(loss, wanted)
    _check_sample_weight(reduction, parameters)
    names = [array.name for array in loss.inputs]
    column_names = {f"{name}_column": name for name in names}
    options = {option.name: option.default for option in loss.options}
    formats = ("input_format", "header", "delimiter", "anonymous")
    unknown = set(parameters) - {*names, *column_names, *options, *formats, *FURTHER}
    if unknown:
        raise UsageError(
            f"{loss.name}: unknown parameter {sorted(unknown)[0]!r}; "
            f"expected one of {', '.join([*names, *options])}"
        )
    arrays = _bind_arrays(loss, inputs, parameters)
    columns = {
        column_names[name]: [given] if isinstance(given, str) else list(given)
        for name, given in parameters.items()
        if name in column_names and given
    }
    for name, words in columns.items():
        require_no_empty(words, f"--{kebab(name)}-column", "a column")
    for name in ("id", "classes"):
        require_no_empty([parameters.get(name)], f"--{name}", "a name")
    borrowed = _borrow(loss, arrays, columns)
    given = [
        option
        for option in loss.options
        if option.name in parameters and option.is_given(parameters[option.name])
    ]
    options |= {option.name: parameters[option.name] for option in given}
    checked = {option.name: option.check(options[option.name], options) for option in loss.options}
    request = Request(
        loss.name,
        {name: arrays[name] for name in names if name in arrays},
        columns,
        checked,
        reduction,
        frozenset(option.name for option in given if option.detected),
        frozenset(borrowed),
        in_order=(
            len(inputs) > 1 and not {"input", "target"} & set(parameters)
            if in_order is None
            else in_order
        ),
        **_further(parameters),
        reading=make_reading(*(parameters.get(name) for name in formats)),
        wanted=wanted,
        execution=execution,
    )
    _require_pairing(request)
    _require_one_standard_input(request)
    return request


def _further(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in FURTHER that were given. `where` and `keep` become tuples."""
    given = {name: parameters[name] for name in FURTHER if parameters.get(name) is not None}
    if not isinstance(given.get("classes", ""), str):
        given["classes"] = tuple(given["classes"])
    several = {name: _several(given.pop(name, ())) for name in ("where", "keep")}
    require_no_empty(several["keep"], "--keep", "a column")
    conditions = (
        condition if isinstance(condition, Where) else Where.parsed(condition)
        for condition in several["where"]
    )
    return {**given, "where": tuple(conditions), "keep": tuple(dict.fromkeys(several["keep"]))}


def _several(given: Any) -> Sequence[Any]:
    return [given] if isinstance(given, str | Where) else list(given)


def _require_pairing(request: Request) -> None:
    """Raise UsageError for conflicting ways to pair rows, and for keys that are also data."""
    for name, value, allowed in (("join", request.join, JOINS), ("pair", request.pair, PAIRS)):
        if value is not None and value not in allowed:
            raise option_error(name, value, " or ".join(allowed))
    if request.id is not None and request.pair is not None:
        raise UsageError("--id pairs rows by a key, --pair position by order. Use one of them.")
    if request.join is not None and request.id is None:
        raise UsageError("--join inner needs a key. Add --id COLUMN.")
    for array, columns in request.columns.items():
        for column in columns:
            if column in request.keys:
                raise UsageError(
                    f"{column!r} is the key (--id) and cannot also be a column of {array} "
                    f"(--{kebab(array)}-column). Remove it from one of the two options."
                )


def _require_elements(loss: Loss, wanted: Wanted) -> None:
    """Raise UsageError for per-element statistics of a loss without per-element values."""
    asked = {
        option.name: wanted.statistics.get(option.name)
        for option in options()
        if option.of_elements
    }
    for name, value in {"by": wanted.by, "cluster": wanted.cluster, **asked}.items():
        if value and loss.pool is not None:
            raise UsageError(
                f"--{kebab(name)} needs per-element losses, but {loss.name} is computed for the "
                f"whole data set. Remove --{kebab(name)}."
            )


def _check_sample_weight(reduction: str, parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for sample weights with a reduction that does not support them."""
    for name in (SAMPLE_WEIGHT, f"{SAMPLE_WEIGHT}_column"):
        if reduction == "batchmean" and parameters.get(name) is not None:
            raise UsageError(
                f"--{kebab(name)} cannot be combined with --reduction batchmean, which divides by "
                "the number of samples. Use --reduction mean or --reduction sum."
            )


def _bind_arrays(
    loss: Loss, inputs: Sequence[Any], parameters: Mapping[str, Any]
) -> dict[str, FilesOrNumbers]:
    """The arrays by name. Positional inputs fill the required arrays not given by name."""
    named = {
        array.name: parameters[array.name]
        for array in loss.inputs
        if parameters.get(array.name) is not None
    }
    open_names = [array.name for array in loss.arrays if array.required and array.name not in named]
    if len(open_names) == 1 and len(inputs) > 1 and all(map(_is_path, inputs)):
        inputs = [list(inputs)]
    if len(inputs) > len(open_names):
        count = "1 input" if len(inputs) == 1 else f"{len(inputs)} inputs"
        names = f" ({', '.join(open_names)})" if open_names else ""
        raise UsageError(
            f"found {count}, expected {len(open_names)}{names}. "
            "To read several files as one array, use a quoted glob, a directory, or "
            f"--{kebab(open_names[-1] if open_names else 'target')} once per file."
        )
    given = dict(zip(open_names, inputs, strict=False)) | named
    return {name: _files_or_array(value) for name, value in given.items()}


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _files_or_array(value: Any) -> FilesOrNumbers:
    """The files of an array as a tuple of names, or the array itself."""
    several = list(value) if isinstance(value, list | tuple) else [value]
    if several and all(map(_is_path, several)):
        paths = tuple(os.fspath(path) for path in several)
        require_no_empty(paths, "a path", "a file")
        return paths
    return np.asarray(value)


def require_one_reader(requests: Sequence[Request]) -> None:
    """Raise UsageError if more than one request reads standard input."""
    if sum(bool(request.from_standard_input()) for request in requests) > 1:
        raise UsageError(
            "- (standard input) can be read only once, but compare needs it for both A and B. Use "
            "files for everything except A or B."
        )


def _borrow(
    loss: Loss, arrays: dict[str, FilesOrNumbers], columns: Mapping[str, Sequence[str]]
) -> list[str]:
    """Use the first array's file for arrays that have columns but no file, and for required
    arrays that were not given. Returns the names of these arrays. Raises UsageError if the first
    array is missing, is given as numbers, or has no columns."""
    first = loss.arrays[0].name
    of_columns = [name for name in columns if name not in arrays]
    for name in columns:
        if first not in arrays and name not in arrays:
            raise _without_first(first, columns)
        arrays.setdefault(name, arrays[first])
        if not isinstance(arrays[name], tuple):
            given = first if name in of_columns else name
            option = f"--{kebab(name)}-column"
            raise UsageError(
                f"{option} needs a file with columns, but {given} is given as numbers. Remove "
                f"{option}, or pass a file."
            )
    missing = [array.name for array in loss.arrays if array.required and array.name not in arrays]
    if first in missing:
        raise _without_first(first, columns)
    for name in missing:
        source = arrays[first]
        if not isinstance(source, tuple) or all(known_format(path) == "npy" for path in source):
            raise UsageError(
                f"{name.upper()} is missing. Give a file, or use --{kebab(name)}-column to choose "
                f"a column of {first.upper()}."
            )
        arrays[name] = source
    return [*of_columns, *missing]


def _without_first(first: str, columns: Mapping[str, Sequence[str]]) -> UsageError:
    """The error for a call without the first array, with advice if columns are named like files."""
    files = [word for words in columns.values() for word in words if known_format(word)]
    if not files:
        return UsageError(f"{first.upper()} is missing. Give a file.")
    name = next(name for name, words in columns.items() if files[0] in words)
    return UsageError(
        f"--{kebab(name)}-column takes column names, but {quoted(files[0])} is a file. Give files "
        f"as arguments: {' '.join(files)}"
    )


def make_reading(
    format_name: str | None,
    header: bool | None,
    delimiter: str | None,
    anonymous: bool | None = None,
) -> Reading:
    """How files are read. Raises UsageError for an invalid format or delimiter."""
    if format_name is not None and format_name not in FORMATS:
        raise option_error("input_format", format_name, f"one of {', '.join(FORMATS)}")
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    if delimiter is not None and not re.fullmatch(r'[^\0\r\n"\x80-\U0010ffff]', delimiter):
        raise option_error("delimiter", delimiter, "one ASCII character, or tab")
    return Reading(format_name, header, delimiter, bool(anonymous))


def _require_one_standard_input(request: Request) -> None:
    """Raise UsageError if standard input would be read more than once."""
    from_input = request.from_standard_input()
    if len(from_input) > 1 or any(files.count(STANDARD_INPUT) > 1 for files in from_input):
        raise UsageError("- (standard input) is given twice. Use it once.")
    if from_input and request.id is not None and len(set(request.files)) > 1:
        raise UsageError(
            "--id reads files twice, but - (standard input) can be read only once. Use a file."
        )
