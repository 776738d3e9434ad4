"""A request converted to JSON and back is the same request and gives the same result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

from losscli import Wanted
from losscli.errors import DataError
from losscli.evaluation.evaluate import evaluate_request
from losscli.losses.registry import find
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.request.serialized import from_json, to_json
from losscli.request.wanted import THE_NUMBER, Execution

DATA = ROOT / "sample_data"
DIGITS = str(DATA / "digits.parquet")
BOTH = {"input_column": ["predicted"], "target_column": ["measured"]}


def asked(loss: str, *inputs: Any, wanted: Wanted = THE_NUMBER, **parameters: Any) -> Request:
    reduction = parameters.pop("reduction", None)
    execution = parameters.pop("execution", Execution())
    return bind(find(loss), inputs, reduction, parameters, wanted, execution)


REQUESTS = {
    "a table": asked("ce", DIGITS, target_column="label", label_smoothing=0.1),
    "numbers": asked("mse", np.array([[0.1, np.nan], [1e300, -0.0]]), np.float32([[1, 2], [3, 4]])),
    "none of alpha": asked("focal", [0.5], [1.0], alpha=None),
    "what is reported": asked(
        "nll",
        str(DATA / "digits_log_probs.npy"),
        str(DATA / "digits_labels.npy"),
        wanted=Wanted(by="class", top=3, quantiles="0.5,0.07", accuracy=True, histogram=True),
        execution=Execution(check=False, threads=1),
        classes=[f"digit {k}" for k in range(10)],
    ),
    "conditions": asked("ce", DIGITS, target_column="label", where=["label!=3", "label!=4"]),
    "ignored": asked("nll", [[-1.0, -2.0]], [1], ignore_index=[7, -100], reduction="sum"),
    "a norm": asked("triplet-margin", [[0.0]], [[1.0]], [[2.0]], p=float("inf")),
    "a mask in columns": asked("l1", "t.csv", mask_column="m", id="a,b", join="inner"),
}


def plain(request: Request) -> dict[str, Any]:
    """The fields of a request, with arrays as their dtype and bytes."""
    fields = dict(vars(request))
    fields["arrays"] = {
        name: value if isinstance(value, tuple) else (value.dtype, value.shape, value.tobytes())
        for name, value in request.arrays.items()
    }
    return fields


@pytest.mark.parametrize("name", REQUESTS)
def test_there_and_back(name: str) -> None:
    request = REQUESTS[name]
    assert plain(from_json(to_json(request))) == plain(request)


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "a mask in columns"])
def test_the_same_result(name: str) -> None:
    request = REQUESTS[name]
    again = evaluate_request(from_json(to_json(request)))
    assert repr(again) == repr(evaluate_request(request))


def test_it_is_strict_json() -> None:
    text = to_json(REQUESTS["numbers"])
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"request": 1}'])
def test_other_text(text: str) -> None:
    with pytest.raises(DataError, match="invalid request JSON"):
        from_json(text)


def test_another_version() -> None:
    text = json.dumps({**json.loads(to_json(REQUESTS["ignored"])), "request": 99})
    with pytest.raises(DataError, match="the request has version 99; expected 1"):
        from_json(text)


def test_files_are_not_opened(tmp_path: Path) -> None:
    request = asked("mse", str(tmp_path / "absent.npy"), [1.0])
    assert plain(from_json(to_json(request))) == plain(request)
