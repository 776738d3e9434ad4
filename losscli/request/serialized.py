"""Convert a request to JSON and back, so that another process can run it later."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from losscli.errors import DataError, UsageError, option_error, shortened
from losscli.losses.options import OptionValue
from losscli.losses.registry import Loss, find
from losscli.readers import JOINS, PAIRS, Reading
from losscli.readers.tables.where import Where
from losscli.request.request import FilesOrNumbers, Request
from losscli.request.wanted import Execution, Wanted

# Increased when the format changes.
VERSION = 1

# The kinds of values of a request: a type, None, [kind] for a list, {name: kind} for an object,
# {str: kind} for an object with any names, and a tuple for one of several kinds.
_TEXT = (str, None)
_NUMBERS = {"dtype": str, "shape": [int], "base64": str}
_KINDS = {
    "request": int,
    "loss": str,
    "arrays": {str: ([str], _NUMBERS)},
    "columns": {str: [str]},
    "options": {str: (bool, int, float, str, None, [int])},
    "reduction": str,
    "typed": [str],
    "borrowed": [str],
    "in_order": bool,
    "id": _TEXT,
    "join": _TEXT,
    "pair": _TEXT,
    "where": [str],
    "keep": [str],
    "classes": (str, None, [str]),
    "skip_missing": bool,
    "reading": {
        "format": _TEXT,
        "header": (bool, None),
        "delimiter": _TEXT,
        "anonymous": bool,
        "as_listed": bool,
        "labels": ([str], None),
        "threads": (int, None),
    },
    "wanted": {
        "interval": bool,
        "by": [str],
        "by_column": [str],
        "cluster": _TEXT,
        "digest": bool,
        str: (bool, int, float, str, None, [str], [float]),  # the options of statistics
    },
    "execution": {
        "broadcast": bool,
        "check": bool,
        "strict": bool,
        "on_nan": str,
        "threads": (int, None),
    },
}


def to_json(request: Request) -> str:
    """The request as JSON text."""
    return json.dumps(as_data(request))


def as_data(request: Request) -> dict[str, Any]:
    """The request as a JSON object. Arrays given as numbers are included bit for bit."""
    wanted = request.wanted
    return {
        "request": VERSION,
        "loss": request.loss_name,
        "arrays": {name: _written(value) for name, value in request.arrays.items()},
        "columns": {name: list(columns) for name, columns in request.columns.items()},
        "options": {name: _as_word(value) for name, value in request.options.items()},
        "reduction": request.reduction,
        "typed": sorted(request.typed),
        "borrowed": sorted(request.borrowed),
        "in_order": request.in_order,
        "id": request.id,
        "join": request.join,
        "pair": request.pair,
        "where": [str(condition) for condition in request.where],
        "keep": list(request.keep),
        "classes": request.classes,
        "skip_missing": request.skip_missing,
        "reading": asdict(request.reading),
        "wanted": {
            "interval": wanted.interval,
            "by": wanted.by,
            "by_column": wanted.by_column,
            "cluster": wanted.cluster,
            "digest": wanted.digest,
            **wanted.statistics,
        },
        "execution": asdict(request.execution),
    }


def from_json(text: str) -> Request:
    """The request that `to_json` wrote. Raises DataError for other text, and UsageError for
    invalid options."""
    try:
        return from_data(json.loads(text))
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise DataError(f"invalid request JSON: {error}") from error


def from_data(given: Mapping[str, Any]) -> Request:
    """The request that `as_data` converted. Raises KeyError, TypeError and other errors for other
    data, and UsageError for values that the loss does not have."""
    if given["request"] != VERSION:
        raise DataError(f"the request has version {given['request']}; expected {VERSION}")
    _require_kind("request", given, _KINDS)
    loss, classes = find(given["loss"]), given["classes"]
    options = {name: _as_number(value) for name, value in given["options"].items()}
    wanted, labels = Wanted(**given["wanted"]), given["reading"]["labels"]
    _require_choices(loss, given)
    wanted.check(given["reduction"])
    return Request(
        loss.name,
        {name: _read(value) for name, value in given["arrays"].items()},
        given["columns"],
        {option.name: option.check(options[option.name], options) for option in loss.options},
        given["reduction"],
        frozenset(given["typed"]),
        frozenset(given["borrowed"]),
        given["in_order"],
        given["id"],
        given["join"],
        given["pair"],
        tuple(map(Where.parsed, given["where"])),
        tuple(given["keep"]),
        tuple(classes) if isinstance(classes, list) else classes,
        given["skip_missing"],
        Reading(**{**given["reading"], "labels": None if labels is None else tuple(labels)}),
        wanted,
        Execution(**given["execution"]),
    )


def _require_choices(loss: Loss, given: Mapping[str, Any]) -> None:
    """Raise UsageError for arrays that the loss does not have, and for unknown words."""
    required = {array.name for array in loss.inputs if array.required}
    names = {array.name for array in loss.inputs}
    arrays, columns = set(given["arrays"]), set(given["columns"])
    has_all = required <= arrays <= names and columns <= arrays
    if not (has_all and all(given["columns"].values())):
        raise UsageError(f"{loss.name}: expected the arrays {', '.join(sorted(required))}")
    choices = {"reduction": loss.reductions, "join": (*JOINS, None), "pair": (*PAIRS, None)}
    for name, allowed in choices.items():
        if given[name] not in allowed:
            raise option_error(name, given[name], f"one of {', '.join(filter(None, allowed))}")


def _require_kind(place: str, value: Any, kind: Any) -> None:
    """Raise TypeError unless a value, and all values in it, are of a kind."""
    if not _is_kind(value, kind):
        raise TypeError(f"invalid {place}: {shortened(repr(value), 60)}")
    if isinstance(kind, dict):
        for name, member in value.items():
            _require_kind(f"{place}.{name}", member, kind.get(name, kind.get(str)))


def _is_kind(value: Any, kind: Any) -> bool:
    if isinstance(kind, tuple):
        return any(_is_kind(value, one) for one in kind)
    if isinstance(kind, list):
        return isinstance(value, list) and all(_is_kind(item, kind[0]) for item in value)
    if isinstance(kind, dict):
        return isinstance(value, dict) and (str in kind or set(value) == set(kind))
    return value is None if kind is None else type(value) is kind


def _as_word(value: OptionValue) -> OptionValue:
    """The value, with NaN and infinity as text, which JSON cannot represent."""
    is_non_finite = isinstance(value, float) and not math.isfinite(value)
    return repr(value) if is_non_finite else value


def _as_number(value: OptionValue) -> OptionValue:
    is_non_finite = isinstance(value, str) and value in ("inf", "-inf", "nan")
    return float(str(value)) if is_non_finite else value


def _written(value: FilesOrNumbers) -> object:
    """The list of files, or the dtype, shape and bytes of numbers."""
    if isinstance(value, tuple):
        return list(value)
    data = np.asarray(value, order="C")
    return {
        "dtype": data.dtype.str,
        "shape": list(data.shape),
        "base64": base64.b64encode(data.tobytes()).decode("ascii"),
    }


def _read(value: Any) -> FilesOrNumbers:
    if isinstance(value, list):
        return tuple(value)
    data = base64.b64decode(value["base64"])
    return np.frombuffer(data, np.dtype(value["dtype"])).reshape(value["shape"])
