"""Every loss against numbers that PyTorch computed: see make_reference.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import losscli
from losscli.losses.registry import LOSSES
from losscli.reduction import REDUCTIONS

CASES = json.loads(Path(__file__).with_name("reference.json").read_text(encoding="utf-8"))
# A mean of nothing is NaN, with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:the result is NaN")
NAMES = [f"{case['loss']}-{number}" for number, case in enumerate(CASES)]


def assert_equal(found: Any, case: dict[str, Any], reduction: str, rtol: float = 1e-10) -> None:
    """Within DESIGN's bounds: relative to each element, or to the sum of absolute values."""
    expected = np.array(case["expected"][reduction])
    assert np.shape(found) == expected.shape
    if reduction == "none" or np.isnan(expected).all():
        np.testing.assert_allclose(found, expected, rtol=rtol)
    else:
        absolute = np.abs(case["expected"]["none"]).sum()
        assert abs(found - expected) <= rtol / 100 * absolute


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_python_function(case: dict[str, Any], reduction: str) -> None:
    function = getattr(losscli, LOSSES[case["loss"]].python_name)
    found = function(**case["arrays"], **case["options"], reduction=reduction)
    assert_equal(found, case, reduction)


@pytest.mark.parametrize("dtype", ["float32", ">f8", "float16"])
@pytest.mark.parametrize("case", CASES[::7], ids=NAMES[::7])
def test_npy_files(case: dict[str, Any], dtype: str, tmp_path: Path) -> None:
    """Steps of 1/64 are exact in float16 too, so the type of the file changes nothing."""
    paths = {}
    for name, values in case["arrays"].items():
        array = np.array(values)
        array = array.astype(dtype) if array.dtype.kind == "f" else array.astype("uint8")
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], np.asfortranarray(array))
    result = losscli.evaluate(case["loss"], **paths, **case["options"])
    assert_equal(result.value, case, "mean")


TABULAR = [
    case
    for case in CASES
    if np.ndim(case["arrays"]["input"]) == 2 and np.ndim(case["arrays"]["target"]) in (1, 2)
]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "list.parquet"])
@pytest.mark.parametrize("case", TABULAR, ids=[case["loss"] for case in TABULAR])
def test_one_table_with_everything(case: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table.{suffix}"
    options = dict(case["options"])
    columns: dict[str, Any] = {}
    for name, values in case["arrays"].items():
        array = np.array(values)
        if len(array) != len(case["arrays"]["input"]):  # a weight a class
            options[name] = array
        elif suffix == "list.parquet":
            columns[name] = list(array)
            options[f"{name}_column"] = name
        else:
            parts = np.atleast_2d(array.T)
            columns |= {f"{name}{i}": part for i, part in enumerate(parts)}
            options[f"{name}_column"] = f"{name}[0-9]"
    write = pa.csv.write_csv if suffix == "csv" else pa.parquet.write_table
    write(pa.table(columns), path)
    for reduction in ("mean", "sum", "none"):
        result = losscli.evaluate(case["loss"], path, reduction=reduction, **options)
        found = result.values if reduction == "none" else result.value
        assert_equal(found, case, reduction)


def test_every_loss_is_in_the_reference() -> None:
    """If not: python tests/make_reference.py."""
    assert {case["loss"] for case in CASES} == set(LOSSES)
