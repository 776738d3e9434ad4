"""Convert a request to JSON and back, so that another process can run it later."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from losscli.errors import DataError
from losscli.losses.options import OptionValue
from losscli.losses.registry import find
from losscli.readers import Reading
from losscli.readers.tables.where import Where
from losscli.request.request import FilesOrNumbers, Request
from losscli.request.wanted import Execution, Wanted

# Increased when the format changes.
VERSION = 1


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
    """The request that `as_data` converted. Raises KeyError and other errors for other data."""
    if given["request"] != VERSION:
        raise DataError(f"the request has version {given['request']}; expected {VERSION}")
    loss, classes = find(given["loss"]), given["classes"]
    options = {name: _as_number(value) for name, value in given["options"].items()}
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
        Reading(**given["reading"]),
        Wanted(**given["wanted"]),
        Execution(**given["execution"]),
    )


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
