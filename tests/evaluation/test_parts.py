"""Parts in other processes give the same result as one run, bit for bit, for any split."""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli import Wanted
from losscli.errors import DataError, UsageError
from losscli.evaluation import blocks
from losscli.evaluation.evaluate import evaluate_request
from losscli.evaluation.parts import (
    Division,
    Part,
    compute_part,
    divide,
    evaluate_in,
    merge_parts,
    parts_of,
)
from losscli.evaluation.run import Span
from losscli.losses.registry import find
from losscli.readers.formats import parquet
from losscli.report.formats.json import Report
from losscli.report.of_result import document_of
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.result import Result

ROWS, CLASSES = 5_000, 700


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(7)
    np.save(path / "x.npy", rng.normal(size=(ROWS, CLASSES)).astype(np.float32))
    labels = rng.integers(CLASSES, size=ROWS)
    labels[::17] = -100
    np.save(path / "y.npy", labels)
    np.save(path / "w.npy", rng.random(ROWS))
    rows = 300_000
    columns = {
        "id": np.arange(rows),
        "a": rng.normal(size=rows),
        "b": rng.normal(size=rows) * np.exp(20 * rng.normal(size=rows)),
        "doc": [f"d{n}" for n in rng.integers(999, size=rows)],
        "part": [("dev", "test", "x y")[n] for n in rng.integers(3, size=rows)],
    }
    table = pa.table(columns)
    pa.parquet.write_table(table, path / "t.parquet", row_group_size=70_000)
    (path / "bad").mkdir()
    return path


def requests(path: Path) -> dict[str, Request]:
    x, y, table = (str(path / name) for name in ("x.npy", "y.npy", "t.parquet"))
    both = {"input_column": "a", "target_column": "b"}

    def asked(loss: str, *inputs: str, wanted: Wanted, **parameters: Any) -> Request:
        return bind(find(loss), inputs, None, parameters, wanted)

    return {
        "classes": asked(
            "ce",
            x,
            y,
            sample_weight=str(path / "w.npy"),
            wanted=Wanted(by="class", top=5, accuracy=True, quantiles=(0.5, 0.9), histogram=True),
        ),
        "text labels": asked("mse", table, wanted=Wanted(by=("part", "doc"), top=3), **both),
        "clusters": asked("l1", table, wanted=Wanted(by="part", cluster="doc"), **both),
        "some rows": asked("l1", table, wanted=Wanted(by="part"), where="part!=dev", **both),
        "pooled": asked("dice", x, y, from_="logits", average="macro", wanted=Wanted()),
    }


def as_json(result: Result) -> str:
    stream = io.StringIO()
    Report(stream).document(document_of(result))
    return stream.getvalue()


NAMES = ["classes", "text labels", "clusters", "some rows", "pooled"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cuts", [(1,), (3, 4), (1, 2, 5)])
def test_uneven_parts_in_other_processes(
    name: str, cuts: tuple[int, ...], files: Path, pool: ProcessPoolExecutor
) -> None:
    request = requests(files)[name]
    ends = zip((0, *cuts), (*cuts, None), strict=True)
    parts = [Part(request, Span(start, stop)) for start, stop in ends]
    collected = list(pool.map(compute_part, parts))
    assert as_json(merge_parts(divide(request), collected).result) == as_json(
        evaluate_request(request)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_even_parts_cover_everything(name: str, files: Path) -> None:
    request = requests(files)[name]
    division = divide(request)
    parts = parts_of(request, division, 3)
    assert [part.span.start for part in parts[1:]] == [part.span.stop for part in parts[:-1]]
    merged = merge_parts(division, map(compute_part, parts)).result
    assert as_json(merged) == as_json(evaluate_request(request))


def test_a_sample_may_be_cut(files: Path) -> None:
    """Blocks of 60 split each row of 700 elements. Samples and their interval stay the same."""
    del files
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 12, 700))
    request = bind(find("mse"), (x, y), None, {}, Wanted())
    whole = as_json(evaluate_request(request))
    with mock.patch.object(blocks, "BLOCK_VALUES", 60):
        parts = [Part(request, Span(start, start + 7)) for start in range(0, 144, 7)]
        assert as_json(merge_parts(divide(request), map(compute_part, parts)).result) == whole


def test_a_part_of_a_table_skips_the_rows_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole files and row groups, so that all parts together read each group once."""
    rows, groups = 8_000, []
    for number in range(2):
        values = np.arange(rows) + number
        table = pa.table({"a": values, "b": values * 2.0, "g": [f"g{n % 3}" for n in range(rows)]})
        pa.parquet.write_table(table, tmp_path / f"{number}.parquet", row_group_size=1000)
    read = parquet._read

    def counted(*given: Any, **named: Any) -> Iterator[pa.RecordBatch]:
        groups.append(len(given[5]) if len(given) > 5 else 0)
        return read(*given, **named)

    monkeypatch.setattr(parquet, "_read", counted)
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 500)
    columns = {"input_column": "a", "target_column": "b"}
    pattern = str(tmp_path / "*.parquet")
    request = bind(find("mse"), (pattern,), None, columns, Wanted(by="g", top=3))
    whole = as_json(evaluate_request(request))
    division = divide(request)
    collected, first = [], []
    for part in parts_of(request, division, 4):
        groups.clear()
        collected.append(compute_part(part))
        first.append(next(count for count in groups if count))  # later ones are read ahead
    assert first == [8, 4, 8, 4]
    assert as_json(merge_parts(division, collected).result) == whole


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_executor_gives_the_result_of_one_process(
    name: str, files: Path, pool: ProcessPoolExecutor
) -> None:
    request = requests(files)[name]
    assert as_json(evaluate_in(request, pool).result) == as_json(evaluate_request(request))


@pytest.mark.slow
def test_an_executor_reports_progress_and_the_first_error(
    files: Path, pool: ProcessPoolExecutor
) -> None:
    done: list[tuple[int, int | None]] = []
    x, y = str(files / "x.npy"), str(files / "y.npy")
    losscli.evaluate("ce", x, y, executor=pool, on_progress=lambda *pair: done.append(pair))
    assert done[-1] == (ROWS, ROWS)
    np.save(files / "bad" / "y.npy", np.full(ROWS, 1000))
    with pytest.raises(DataError, match=r"y\.npy: target in row 0 is 1000"):
        losscli.evaluate("ce", x, str(files / "bad" / "y.npy"), executor=pool)


@pytest.mark.parametrize(
    ("given", "problem"),
    [({"reduction": "none"}, "does not support --reduction none"), ({"on_elements": print}, "on_")],
)
def test_what_an_executor_does_not_support(given: dict[str, Any], problem: str) -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(UsageError, match=problem):
        losscli.evaluate("mse", [1.0], [2.0], executor=pool, **given)


def test_standard_input_cannot_be_cut() -> None:
    request = bind(find("mse"), ("-", "y.npy"), None, {}, Wanted())
    with pytest.raises(UsageError, match="every part reads the files"):
        divide(request)


@given(
    shape=st.lists(st.integers(0, 9), min_size=0, max_size=4).map(tuple),
    budget=st.integers(1, 40),
    uncut=st.integers(0, 3),
)
def test_the_number_of_boxes_is_that_of_the_list(
    shape: tuple[int, ...], budget: int, uncut: int
) -> None:
    listed = list(blocks.boxes(shape, budget, uncut)) if shape else [()]
    count, of_row = blocks.count_boxes(shape, budget, uncut)
    assert count == len(listed)
    starts_a_row = [all(part.start == 0 for part in box[1:]) for box in listed]
    if of_row:
        assert all(starts_a_row[::of_row])
    spans = Division(None, None, count, of_row).spans(4)  # type: ignore[arg-type]
    assert (spans[0].start, spans[-1].stop) == (0, count)
