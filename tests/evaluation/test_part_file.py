"""Saved parts merge to the result of one run, and nothing else merges."""

from __future__ import annotations

import io
import itertools
import json
import random
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statistics_cases import VARIANTS
from statistics_cases import request_of as drawn_request

import losscli
from losscli import Wanted
from losscli.errors import DataError
from losscli.evaluation import blocks, part_file
from losscli.evaluation.evaluate import evaluate_request
from losscli.evaluation.part_file import PartNumber, load, merge, plan_digest, text_of
from losscli.evaluation.parts import Part, compute_part, divide
from losscli.evaluation.run import Span
from losscli.losses.registry import LOSSES, find
from losscli.report import FORMATS
from losscli.report.formats.json import Report
from losscli.report.of_result import document_of
from losscli.request.arguments import bind
from losscli.request.request import Request
from losscli.result import Result

Save = Callable[..., list[Path]]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Compute the parts of a request and save each in a file."""

    def save(request: Request, count: int = 3, folder: str = ".") -> list[Path]:
        division = divide(request)
        plan = plan_digest(division, count)
        paths = []
        for number, span in enumerate(division.spans(count), 1):
            part = PartNumber(number, count)
            command = ["ce", "x", "--part", f"{{part}}/{count}"]
            collected = compute_part(Part(request, span))
            paths.append(tmp_path / folder / f"{number}.json")
            paths[-1].parent.mkdir(exist_ok=True)
            paths[-1].write_text(text_of(division, part, plan, command, collected))
        return paths

    return save


def merged(paths: list[Path]) -> Result:
    return merge(load(str(path)) for path in paths)[0].result


def as_json(result: Result) -> str:
    stream = io.StringIO()
    Report(stream).document(document_of(result))
    return stream.getvalue()


def in_parts(request: Request, cuts: list[int], draw: random.Random, folder: Path) -> Result:
    """The result of saved parts that are cut before the blocks `cuts`, merged in any order."""
    division = divide(request)
    plan = plan_digest(division, len(cuts) + 1)
    paths = []
    for number, span in enumerate(itertools.pairwise([0, *cuts, division.blocks]), 1):
        part = PartNumber(number, len(cuts) + 1)
        collected = compute_part(Part(request, Span(*span, reads_on=False)))
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(text_of(division, part, plan, [], collected))
    draw.shuffle(paths)
    return merged(paths)


def check_any_split(loss: str, variant: str, seed: int) -> None:
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        drawn = drawn_request(loss, variant, seed, folder, check=False)
        with mock.patch.object(blocks, "BLOCK_ELEMENTS", drawn.size):
            count = divide(drawn.request).blocks
            cuts = sorted(draw.randint(0, count) for _ in range(draw.randint(0, 5)))
            found = outcome(lambda: in_parts(drawn.request, cuts, draw, Path(folder)))
            assert found == outcome(lambda: evaluate_request(drawn.request))


def outcome(compute: Callable[[], Result]) -> str:
    """The JSON of a result, or the message of its error: some losses refuse NaN."""
    try:
        return as_json(compute())
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_with_every_statistic(loss: str) -> None:
    check_any_split(loss, "plain", 3)


@pytest.mark.slow
@given(
    loss=st.sampled_from(sorted(LOSSES)),
    variant=st.sampled_from(VARIANTS),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=300)
def test_any_split(loss: str, variant: str, seed: int) -> None:
    """Blocks are cut anywhere, also within a row."""
    check_any_split(loss, variant, seed)


ROWS = 4_000


def table(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "id": np.arange(ROWS),
        "a": rng.normal(size=ROWS),
        "b": rng.normal(size=ROWS),
        "doc": [f"d{n}" for n in rng.integers(99, size=ROWS)],
    }


@pytest.fixture(params=["parquet", "csv", "jsonl", "arrow", "npz"])
def columns(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    kind, values = request.param, table(np.random.default_rng(1))
    path = tmp_path / f"t.{kind}"
    if kind == "npz":
        np.savez(path, **{name: values[name] for name in ("a", "b")})
        return str(path)
    rows = pa.table(values)
    if kind == "parquet":
        pa.parquet.write_table(rows, path)
    elif kind == "csv":
        pa.csv.write_csv(rows, path)
    elif kind == "arrow":
        with pa.ipc.new_file(path, rows.schema) as writer:
            writer.write_table(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows.to_pylist()))
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 4, 50])
def test_every_format(columns: str, count: int, save: Save) -> None:
    given = {"input_column": "a", "target_column": "b"}
    wanted = Wanted() if columns.endswith("npz") else Wanted(by="doc", top=2, histogram=True)
    with mock.patch.object(blocks, "BLOCK_ELEMENTS", 100):
        request = bind(find("mse"), (columns,), None, given, wanted)
        assert as_json(merged(save(request, count))) == as_json(evaluate_request(request))


def test_a_part_of_a_mean_is_a_few_kilobytes(save: Save, files: list[str]) -> None:
    paths = save(request_of(files), 16)
    assert max(path.stat().st_size for path in paths) < 8000


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(2)
    np.save(tmp_path / "x.npy", rng.normal(size=(60, 5)))
    np.save(tmp_path / "y.npy", rng.integers(5, size=60))
    return [str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]


def request_of(files: list[str], **options: Any) -> Request:
    return bind(find("ce"), files, None, options, Wanted())


def test_a_file_that_changes_in_the_middle(save: Save, files: list[str]) -> None:
    """Between the parts, or before the finished parts are used again or recorded."""
    labels = np.zeros(3000, np.int64)
    np.save(files[0], np.random.default_rng(1).normal(size=(3000, 5)))
    np.save(files[1], labels)
    request = request_of(files)
    first, plan = save(request), plan_digest(divide(request), 3)
    part_file.require_same_files(load(str(first[0])))
    labels[1500] = 1
    np.save(files[1], labels)
    assert plan_digest(divide(request), 3) != plan
    with pytest.raises(DataError, match="another run"):
        merged([first[0], *save(request, folder="changed")[1:]])
    with pytest.raises(DataError, match="the files changed since the part was computed"):
        part_file.require_same_files(load(str(first[0])))


def test_python_merges_globs_and_directories(save: Save, files: list[str]) -> None:
    paths = save(request_of(files))
    expected = losscli.merge(paths)
    for patterns in (paths[0].parent / "[0-9].json", str(paths[0].parent), [paths[0].parent]):
        assert losscli.merge(patterns) == expected
    with pytest.raises(DataError, match="no parts to merge"):
        losscli.merge([])


def test_python_merges_too(save: Save, files: list[str]) -> None:
    paths = save(request_of(files))
    result = losscli.merge([*paths, paths[0]])
    assert result.value == losscli.evaluate("ce", *files).value
    assert result.notes[-1] == f"{paths[0]}: the same part as {paths[0]}; counted once"


def test_missing_parts_are_named_with_the_command(save: Save, files: list[str]) -> None:
    paths = save(request_of(files), 50)
    with pytest.raises(DataError) as caught:
        merged(paths[5:49:2])
    named = ", ".join(map(str, [*range(1, 6), *range(7, 36, 2)]))
    assert str(caught.value) == (
        f"missing parts {named} and 8 more of 50. Compute part 1 with: losscli ce x --part 1/50"
    )
    with pytest.raises(DataError, match="missing part 50 of 50. Compute part 50"):
        merged(paths[:49])


def test_parts_of_other_runs_are_refused(save: Save, files: list[str], tmp_path: Path) -> None:
    first = save(request_of(files))
    for name, request in {
        "options": request_of(files, ignore_index=3),
        "files": request_of([files[0], files[1]], weight=[1.0, 2.0, 1.0, 1.0, 1.0]),
    }.items():
        other = save(request, folder=name)
        with pytest.raises(DataError, match=r"2\.json: the part belongs to another run than"):
            merged([first[0], other[1], first[2]])
    with pytest.raises(DataError, match=r"2\.json: part 2/4, but .*1\.json is part 1/3\. Merge"):
        merged([first[0], save(request_of(files), 4, "four")[1]])
    y = np.load(files[1])
    np.save(files[1], y[::-1])
    with pytest.raises(DataError, match="another run"):
        merged([first[0], *save(request_of(files), folder="changed")[1:]])


def test_the_same_part_with_other_statistics(save: Save, files: list[str]) -> None:
    paths = save(request_of(files))
    content = json.loads(paths[1].read_text())
    del content["sha256"]
    content["environment"]["NumPy"] = "2.0.0"
    other = paths[1].with_name("other.json")
    other.write_text(signed(content))
    with pytest.raises(DataError, match=r"other\.json: found another part 2/3 in .*2\.json"):
        merged([*paths, other])


def signed(content: Mapping[str, Any]) -> str:
    return json.dumps({**content, "sha256": part_file._digest(content)})


def test_parts_of_several_environments_warn(save: Save, files: list[str]) -> None:
    paths = save(request_of(files))
    content = json.loads(paths[1].read_text())
    del content["sha256"]
    content["environment"]["NumPy"] = "2.0.0"
    paths[1].write_text(signed(content))
    assert merged(paths).warnings[0] == (
        "the parts were computed with different NumPy; the last bits of the losses may differ from "
        "those of one run"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ("[]", "not a part of losscli. Create parts with --save-part"),
        ('{"value": 1}', "not a part of losscli"),
        ('{"losscli_part": 99, "version": "7"}', "saved by losscli 7, and this is"),
    ],
)
def test_other_files_are_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(DataError, match=f"p.json: .*{problem}"):
        load(str(tmp_path / "p.json"))
    with pytest.raises(DataError, match="No such file"):
        load(str(tmp_path / "no.json"))


def test_each_flipped_bit_is_found(save: Save, files: list[str]) -> None:
    path = save(request_of(files))[0]
    data, draw = path.read_bytes(), random.Random(0)
    for _ in range(300):
        changed = bytearray(data)
        changed[draw.randrange(len(data) - 1)] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        try:
            copy = load(str(path))
        except DataError:
            continue
        assert copy.digest == json.loads(data)["sha256"]  # only how the text is written differs


def test_any_content_is_one_error(save: Save, files: list[str]) -> None:
    """Signed by its author, with values of other types at any place."""
    paths = save(request_of(files))
    content = json.loads(paths[1].read_text())
    del content["sha256"]
    draw = random.Random(0)
    for _ in range(300):
        copy = json.loads(json.dumps(content))
        replace_one(copy, draw)
        paths[1].write_text(signed(copy))
        with suppress(DataError):
            merged(paths)


def replace_one(content: Any, draw: random.Random) -> None:
    """Replace a value somewhere in the content."""
    while True:
        keys = list(content) if isinstance(content, dict) else range(len(content))
        key = draw.choice(list(keys))
        if not isinstance(content[key], dict | list) or not content[key] or draw.random() < 0.2:
            content[key] = draw.choice([None, -1, 10**30, "x", [], {}, 1.5, [[1]], {"set": [1]}])
            return
        content = content[key]


def test_the_same_request_from_another_number_of_threads(save: Save, files: list[str]) -> None:
    first = save(request_of(files))
    request = request_of(files)
    threaded = replace(request, execution=replace(request.execution, threads=7))
    assert merged([*first[:2], save(threaded, folder="b")[2]]).value is not None


def test_formats_are_those_of_one_run(save: Save, files: list[str]) -> None:
    assert {"json", "plain", "csv"} <= set(FORMATS)  # documents are equal, so formats are
    request = request_of(files)
    assert document_of(merged(save(request))) == document_of(evaluate_request(request))
