"""Every loss compared with numbers from PyTorch: see make_reference.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from make_reference import REFERENCE
from oracle import WITH_ELEMENTS

import losscli
from losscli.losses.registry import LOSSES

CASES = json.loads(REFERENCE.read_text(encoding="utf-8"))
NAMES = [f"{case['loss']}-{number}" for number, case in enumerate(CASES)]

# PyTorch warns about weights that add up to 0, and about broadcasting.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def assert_equal(found: Any, case: dict[str, Any], reduction: str, *, fast: bool = False) -> None:
    """Elements agree to 1e-10, and reduced results to 1e-12 of the sum of absolute values. For
    float32 and float16 that are not converted to float64 first, the tolerances are 2e-6 and
    1e-6."""
    rtol, rtol_of_sums = (2e-6, 1e-6) if fast else (1e-10, 1e-12)
    expected = np.array(case["expected"][reduction])
    assert np.shape(found) == expected.shape
    if reduction == "none" or not np.isfinite(expected):
        # PyTorch's result is off by the rounding of the terms that cancel in its formula.
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-14)
    else:
        losses = np.abs(case["expected"]["none"])
        assert abs(found - expected) <= rtol_of_sums * losses.sum() + 1e-15 * losses.size


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_python_function(case: dict[str, Any]) -> None:
    function = getattr(losscli, LOSSES[case["loss"]].python_name)
    for reduction in case["expected"]:
        found = function(**case["arrays"], **case["options"], reduction=reduction)
        assert_equal(found, case, reduction)


@pytest.mark.parametrize("dtype", ["float32", ">f8", "float16"])
@pytest.mark.parametrize("case", CASES[::3], ids=NAMES[::3])
def test_npy_files(case: dict[str, Any], dtype: str, tmp_path: Path) -> None:
    """Multiples of 1/32 are exact in float16, so the dtype of the file does not change the
    result."""
    paths = {}
    for name, values in case["arrays"].items():
        array = np.array(values)
        array = array.astype(dtype if array.dtype.kind == "f" else "int8")
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], np.asfortranarray(array))
    result = losscli.evaluate(case["loss"], **paths, **case["options"], check=False, broadcast=True)
    fast = case["loss"] == "cross-entropy" and dtype != ">f8"
    assert_equal(result.value, case, "mean", fast=fast)


def is_tabular(case: dict[str, Any]) -> bool:
    """Whether the first array has at least two rows, each a sample of at least two numbers."""
    first = np.array(next(iter(case["arrays"].values())))
    return case["loss"] != "ctc" and first.ndim == 2 and min(first.shape) > 1


TABULAR = [case for case in CASES if is_tabular(case)]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "list.parquet"])
@pytest.mark.parametrize("case", TABULAR, ids=[case["loss"] for case in TABULAR])
def test_one_table_with_everything(case: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table.{suffix}"
    options = dict(case["options"])
    columns: dict[str, Any] = {}
    first = np.array(next(iter(case["arrays"].values())))
    for name, values in case["arrays"].items():
        array = np.array(values)
        is_per_column = array.ndim < first.ndim and array.shape[:1] == first.shape[-1:]
        if array.shape[:1] != first.shape[:1] or array.shape[1:] == (1,) or is_per_column:
            options[name] = array  # such as one weight per class
        elif suffix == "list.parquet":
            columns[name] = list(array)
            options[f"{name}_column"] = name
        else:
            parts = np.atleast_2d(array.T)
            columns |= {f"{name}{i}": part for i, part in enumerate(parts)}
            options[f"{name}_column"] = f"{name}[0-9]"
    write = pa.csv.write_csv if suffix == "csv" else pa.parquet.write_table
    write(pa.table(columns), path)
    for reduction in case["expected"]:
        result = losscli.evaluate(
            case["loss"], path, reduction=reduction, check=False, broadcast=True, **options
        )
        found = result.values if reduction == "none" else result.value
        assert_equal(found, case, reduction)


def test_every_loss_is_in_the_reference() -> None:
    """If this fails, run tests/make_reference.py."""
    assert {case["loss"] for case in CASES} == set(WITH_ELEMENTS)
    assert {loss for loss in WITH_ELEMENTS if loss not in {case["loss"] for case in TABULAR}} == {
        "ctc"
    }
